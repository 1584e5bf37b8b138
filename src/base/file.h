// Files, in the few ways that the rest of the house uses them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mohona {

// An open file descriptor, closed at the end of its life.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) close(), fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Fd() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

// "cannot WHAT PATH: No space left on device", from errno; out of room is Code::unavailable.
Failure system_failure(std::string_view what, const std::string& path);

Result<std::string> read_file(const std::string& path);

// Opens a file in a place where strangers write: without waiting for the other end of a pipe,
// without following a link, and only when it is a regular file.
Result<Fd> open_regular_file(const std::string& path);

// The whole of such a file. One larger than `bytes_max` is an error.
Result<std::string> read_regular_file(const std::string& path, std::size_t bytes_max);

// What a directory holds, without `.` and `..`, sorted.
Result<std::vector<std::string>> names_in(const std::string& directory);

// The calls below write no file through a symbolic link: where others may make names, a link would
// lead to a file of somebody else.

// The file has either its old content or all of the new one, whatever happens. `durable`: also
// after a loss of power. Mode 0600.
Result<void> write_file(const std::string& path, std::string_view text, bool durable);

// Writes into the file as it is, which may be there: whoever reads it meanwhile, or after a crash,
// may see a part. For files that nobody reads before another thing says so. Mode 0600.
Result<void> overwrite_file(const std::string& path, std::string_view text);

// Waits until the file's content is on the disk and, on the file systems that Linux has for it, its
// name too: one flush where a durable write_file takes two.
Result<void> sync_file(const std::string& path);

// mkdir -p with mode 0700.
Result<void> make_directory(const std::string& path);

// An exclusive lock on the file, made if need be, held until the Fd goes. Code::conflict when
// another process holds it and `wait` is false.
Result<Fd> lock_file(const std::string& path, bool wait);

// The same file, opened and not locked yet.
Result<Fd> open_lock(const std::string& path);

}  // namespace mohona

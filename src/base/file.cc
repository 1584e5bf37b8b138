#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

namespace mohona {

void Fd::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Failure system_failure(std::string_view what, const std::string& path) {
  const int number = errno;
  const Code code = number == ENOENT                       ? Code::not_found
                    : number == ENOSPC || number == EDQUOT || number == EFBIG ? Code::unavailable
                                                           : Code::internal;
  return fail(code, fmt::format("cannot {} {}: {}", what, path, std::strerror(number)));
}

Result<std::string> read_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_failure("read", path);
  std::string text;
  char buffer[16'384];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_failure("read", path);
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

Result<Fd> open_regular_file(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY));
  if (!fd) return system_failure("read", path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return system_failure("read", path);
  if (!S_ISREG(status.st_mode)) {
    return fail(Code::invalid, fmt::format("cannot read {}: it is not a regular file", path));
  }
  return fd;
}

Result<std::string> read_regular_file(const std::string& path, std::size_t bytes_max) {
  const auto fd = open_regular_file(path);
  if (!fd) return fail(fd.error());
  std::string text;
  char buffer[16'384];
  while (text.size() <= bytes_max) {
    const ssize_t n = ::read(fd->get(), buffer, sizeof buffer);
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_failure("read", path);
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return fail(Code::invalid,
              fmt::format("cannot read {}: it is larger than {} bytes", path, bytes_max));
}

Result<std::vector<std::string>> names_in(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(directory.c_str()), ::closedir);
  if (!opened) return system_failure("list", directory);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return system_failure("list", directory);
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

// False: errno says why.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Result<void> overwrite_file(const std::string& path, std::string_view text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd || !write_all(fd.get(), text)) return system_failure("write", path);
  return {};
}

Result<void> write_file(const std::string& path, std::string_view text, bool durable) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  const auto give_up = [&](std::string_view what) {
    Failure failure = system_failure(what, path);
    ::unlink(temporary.c_str());
    return failure;
  };
  Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return give_up("write");
  if (!write_all(fd.get(), text)) return give_up("write");
  if (durable && ::fdatasync(fd.get()) != 0) return give_up("sync");
  fd.close();
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up("write");
  if (durable) {
    const std::string parent = std::filesystem::path(path).parent_path().string();
    const Fd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory && ::fsync(directory.get()) != 0) return system_failure("sync", parent);
  }
  return {};
}

Result<void> sync_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return system_failure("sync", path);
  return {};
}

Result<void> make_directory(const std::string& path) {
  // Mostly only the last one is missing, if that. Not create_directories: what we make belongs to
  // its owner alone, whatever the umask.
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  const std::filesystem::path whole(path);
  std::filesystem::path so_far;
  for (const auto& part : whole) {
    so_far /= part;
    if (::mkdir(so_far.c_str(), 0700) != 0 && errno != EEXIST) {
      return system_failure("make the directory", so_far.string());
    }
  }
  return {};
}

Result<Fd> open_lock(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd) return system_failure("open", path);
  return fd;
}

Result<Fd> lock_file(const std::string& path, bool wait) {
  auto fd = open_lock(path);
  if (!fd) return fd;
  while (::flock(fd->get(), LOCK_EX | (wait ? 0 : LOCK_NB)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return fail(Code::conflict, path + " is locked");
    return system_failure("lock", path);
  }
  return fd;
}

}  // namespace mohona

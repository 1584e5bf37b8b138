// The way of work's output into its logs: through pipes, so that nothing the work does to its
// standard output (`> /dev/stderr` opens it once more, and truncates) can take back what it wrote.
//
// A log leaves a part of its file system free: the controller's journal may stand on it too, and
// what ends work that writes without end has to be written down there.
//
// One thread copies all pipes of an attempt. It alone waits for the file system: a log on a server
// that hangs keeps neither a stop from its time nor the attempt from its end.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/file.h"

namespace mohona::host {

// Opens a log for appending, without waiting. Regular files, and devices such as /dev/null. Our own
// link at `path` to the file that the author named is followed, no other one.
Result<Fd> open_log(const std::string& path);

// Opens a log to be read, as careful as `open_regular_file`. Of a device, such as /dev/null, there
// is nothing to read: an empty Fd.
Result<Fd> open_to_read_log(const std::string& path);

// Whether errors go where the output goes: they have no log of their own, or theirs is the same
// file. Two pipes into one file would mix up the order of what was written. Called when the log is
// there.
bool is_same_log(const std::string& log, const std::string& error_log);

class LogPump {
 public:
  LogPump();
  ~LogPump();  // `finish`, and no more

  // Where work writes what is to stand in the log at `path`. Output that begins in a log whose last
  // line is not complete begins a new line.
  Result<Fd> open(const std::string& path);

  // Returns when everything written so far is in its log, or after a few seconds when that does not
  // get done. Processes that still hold the pipes lose what they write from now on.
  void finish();

 private:
  struct Copy {
    Fd pipe, log;
    std::uint64_t lost = 0;  // bytes that the log had no room for, and that it does not know of yet
    std::string why;
    std::uint64_t unasked = 0;  // bytes it may still take before its file system is asked for room
  };
  // The thread's. It may outlive the pump when a file system hangs, so it owns what it uses.
  struct Shared {
    std::mutex mutex;
    std::map<int, std::shared_ptr<Copy>> copies;  // by pipe
    Fd epoll, wake, done;
    bool stopping = false;
  };

  static std::shared_ptr<Shared> make_shared();
  static Result<Fd> open_in_time(const std::string& path);
  static void work(const std::shared_ptr<Shared>& shared);
  static bool copy_some(Copy& copy);
  static bool has_room(Copy& copy);
  static void append(Copy& copy, std::string_view text);
  void stop();

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace mohona::host

// Waits, on a thread of its own, for supervisors to end and for attempts to start; once a second it
// looks for other news of them.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/ids.h"

namespace mohona::host {

class Watcher {
 public:
  // `look` is called on the watcher's thread, once a second while anything is watched; it says of
  // which attempts there is something new.
  explicit Watcher(std::function<std::vector<AttemptId>()> look);
  ~Watcher();

  void on_change(std::function<void()> changed);

  // `supervisor`: a handle on its process; `child`: it is ours to reap. `started_file` is looked
  // for until it exists.
  void watch(const AttemptId& attempt, Fd supervisor, bool child, std::string started_file);
  std::size_t count();                     // each holds a file descriptor
  bool watches(const AttemptId& attempt);  // its supervisor has not been seen to end

  // Of which attempts there is something new since the last call: looking at all that run, whenever
  // one of them has news, would cost their product.
  std::set<AttemptId> take_changed();

  // Signals the attempt's supervisor; false when none is watched.
  bool signal(const AttemptId& attempt, int number);

 private:
  struct Watched {
    Fd process;
    bool child = false;
    std::string started_file;  // empty once it exists
  };

  void loop();
  int patience();
  bool look_is_due();
  void ended(const AttemptId& attempt);
  bool find_started();

  std::mutex mutex_;
  std::map<AttemptId, Watched> watched_;
  std::map<int, AttemptId> by_fd_;
  std::set<AttemptId> not_started_;
  std::set<AttemptId> news_;
  std::function<void()> changed_;
  const std::function<std::vector<AttemptId>()> look_;
  std::chrono::steady_clock::time_point look_at_;  // of the thread alone
  Fd epoll_, wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mohona::host

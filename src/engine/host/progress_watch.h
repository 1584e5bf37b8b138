// How far the attempts on this machine say that they are: in the file that $MOHONA_PROGRESS names
// and, where a job asks for it, in rank 0's log.
//
// Files are looked at by one thread, in `look`; what it has found is asked for by others. What is
// no progress is ignored, after one complaint an attempt.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace mohona::host {

// The file's name in the attempt's directory.
constexpr const char* progress_file = "progress";

class ProgressWatch {
 public:
  // `complaints`: a file to whose end they are written.
  explicit ProgressWatch(std::string complaints) : complaints_(std::move(complaints)) {}

  // To be looked at from now on. Repeating it is nothing new.
  void follow(const AttemptId& attempt, const std::string& directory, bool from_log);
  void forget(const AttemptId& attempt);

  // Reads what is new. The attempts that have news that is due: their first, or after
  // progress_every.
  std::vector<AttemptId> look();

  // What was due last.
  Box<StepsReport> newest(const AttemptId& attempt);

 private:
  using Steady = std::chrono::steady_clock;
  struct Followed {
    AttemptId attempt;
    std::string directory;
    bool from_log = false;
    // Of the thread that looks:
    Box<StepsReport> read;
    std::uint64_t log_size = 0;
    bool news = false, complained = false;
    std::optional<Steady::time_point> told_at;
    // Of everyone, under the lock:
    Box<StepsReport> told;
  };

  void read(Followed& followed);
  void complain(Followed& followed, std::string_view text);

  std::string complaints_;
  std::mutex mutex_;
  std::map<AttemptId, std::shared_ptr<Followed>> followed_;
};

// The last word of an attempt that has ended.
Box<StepsReport> last_steps(const std::string& directory, bool from_log);

}  // namespace mohona::host

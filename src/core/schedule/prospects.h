// How much longer work will run, by what is known of it and of work like it; and so, what it costs
// to see it done.
//
// The less is known, the more is guessed: steps and their speed; its author's estimate; how long
// work that was submitted shortly before and after it has run so far, which is where people submit
// much alike; and how long work of its queue and size runs at all. From the last two the cost of
// an unknown run time is Gittins' index: the least, over all times that one might let it run, of
// expected time ÷ chance that it ends in it. (Gittins, Glazebrook and Weber, "Multi-armed bandit
// allocation indices", 2011; Aalto, Ayesta and Righter, "On the Gittins index in the M/G/1 queue".)
// Censored times count as far as they went, as Kaplan and Meier have it. docs/scheduling.md tells
// it for people.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "model/scheduling.h"

namespace mohona {

// What holding so much (thousandths of a GPU) for so long costs: µs × thousandths, at most 2^62.
std::int64_t cost_of(Duration time, std::int64_t size_milli);

// Time already run falls into cells: up to 30 s, then each half as long again as what is before it.
constexpr std::size_t prospect_cells = 60;
std::size_t cell_of(Duration ran);
Duration cell_begin(std::size_t cell);

// What is known of a job that is not over.
struct Known {
  std::string queue, name;
  std::int64_t size_milli = 1'000;  // thousandths of a GPU, or what cores come to
  Duration ran{0};                  // that counts: by attempts before the running one
  std::optional<Timestamp> since;   // of the running attempt
  std::int64_t steps = 0;           // all of them; 0: not known
  std::int64_t done = 0;            // at `done_at`
  std::optional<Timestamp> done_at;
  std::optional<Duration> estimate;  // of its whole run time
  Timestamp submitted;
};

class Prospects {
 public:
  void add(JobId job, Known known);
  // Changes what is known of one that was added.
  void change(JobId job, Known known);
  const Known* find(JobId job) const;
  // How much longer it runs, where its steps or its author say so.
  std::optional<Duration> rest(JobId job, Timestamp now) const {
    const One* found = alive(job);
    return found ? remaining(*found, now) : std::nullopt;
  }
  // It is over after so long; `teaches`: by itself.
  void end(JobId job, Duration ran, bool teaches);
  // One step of work of this name and size takes so long.
  void learn_speed(const std::string& name, std::int64_t size_milli, Duration steps_took,
                   std::int64_t steps);

  // Brings what is remembered of run times up to now; before any keys are asked for.
  void begin(Timestamp now);
  // The lower, the sooner: µs × thousandths of a GPU. `sure`: its remaining time is known.
  struct Key {
    std::int64_t cost = 0;
    bool sure = false;
  };
  Key key(JobId job, QueueOrder order, Timestamp now);

  // Jobs whose key has lost what it rested on, since the last call.
  std::set<JobId> take_stirred() { return std::exchange(stirred_, {}); }
  const std::set<JobId>& running() const { return running_; }

  std::size_t size() const { return alive_.size(); }
  Duration ran(const Known& known, Timestamp now) const;

 private:
  struct One;
  struct Member {
    JobId job;
    const One* alive = nullptr;  // or it is over, in this cell
    std::size_t cell = 0;
    bool teaches = false;
  };
  // Jobs of one queue and size, in the order of submission.
  struct Line {
    std::vector<Member> members;
    std::array<std::int32_t, prospect_cells> ended{}, reached{};  // ended there; got at least there
  };
  struct One {
    Known known;
    Line* line = nullptr;
    std::size_t place = 0;  // in the line
    std::size_t cell = 0;   // as it is counted in `reached`
    bool counted = false;
    bool stale = true;
    Key key;
    Duration key_ran{0};
  };
  One* alive(JobId job) const;  // nullptr: it is over, or was never added
  void count(One& one, std::size_t cell);
  void uncount(One& one);
  void stir(const One& one);
  std::optional<Duration> remaining(const One& one, Timestamp now) const;
  std::optional<Duration> step_time(const std::string& name, std::int64_t size) const;
  std::int64_t hazard(const Line& line, std::size_t cell) const;
  Duration gittins(const One& one, Timestamp now) const;

  std::map<std::pair<std::string, std::int64_t>, Line> lines_;  // by queue and size
  std::map<JobId, One> alive_;
  std::vector<One*> by_number_;  // the same, as long as few numbers are left out
  std::set<JobId> running_;
  std::set<JobId> stirred_;
  std::array<std::int32_t, prospect_cells> ended_{}, reached_{};
  struct Speed {
    std::int64_t steps = 0, micros = 0;
    friend auto operator<=>(const Speed&, const Speed&) = default;
  };
  std::map<std::pair<std::string, std::int64_t>, Speed> speeds_;  // by name and size
  bool all_fresh_ = true;
};

}  // namespace mohona

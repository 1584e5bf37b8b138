// An engine in virtual time: work starts, goes on, saves and leaves as its behaviour says.
//
// The one that works under the simulator. Faults are done to it from outside: nodes that die,
// silence, reports that are lost, doubled or late, launches of which nobody learns whether they
// happened.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "engine/engine.h"
#include "sim/workload.h"

namespace mohona {

class VirtualEngine : public Engine {
 public:
  explicit VirtualEngine(const Clock& clock) : clock_(clock) {}

  // What a job's tasks do; to be said before it is launched first.
  void describe(JobId job, const Behaviour& does) { behaviours_[job] = does; }

  Result<void> launch(const Launch& launch) override;
  Result<void> stop(const AttemptId& attempt, const Stop& stop) override;
  Result<std::vector<Report>> observe() override;
  Result<std::vector<Report>> changes() override;
  Result<void> forget(const AttemptId& attempt) override;
  Result<std::vector<std::string>> list_shards(const Job& job,
                                               const std::vector<NeededJob>& needs) override;
  Result<LogPart> read_log(const AttemptId& attempt, std::int64_t rank, std::uint64_t offset,
                           std::size_t bytes_max) override;
  void on_change(std::function<void()> changed) override { changed_ = std::move(changed); }

  // When something happens by itself next, and everything that does until now.
  std::optional<Timestamp> next() const;
  void pass();

  // A node is gone, with what runs there; nothing of an attempt on it is left to report but that.
  void lose_node(const std::string& pool, std::int64_t node);
  // Until it is back, what is launched there is lost after a moment.
  void bring_back(const std::string& pool, std::int64_t node) { gone_.erase({pool, node}); }

  // --- faults in the way between the engine and the control plane
  struct Faults {
    bool silent = false;            // neither answers nor takes
    bool forgetful = false;         // what changed is not said; only `observe` tells
    bool repeats = false;           // says everything twice, also what is long over
    bool backwards = false;         // says things in another order than they happened
    bool launches_unknown = false;  // takes a launch, and the answer is lost
    bool launches_lost = false;     // the request itself is lost: nothing happens, nobody learns
    friend bool operator==(const Faults&, const Faults&) = default;
  };
  Faults faults;
  // An engine that has forgotten its marks: what runs and is launched again runs twice.
  void launches_twice(bool twice) { launches_twice_ = twice; }
  // Called before and after every effect; may throw, as a controller does that dies there.
  std::function<void()> around_effects;

  // --- looking, for those who check
  struct Incarnation {
    Report report;
    Attempt attempt;
    Timestamp launched, begins, ends;  // begins: the overhead is over
    bool stopping = false, keeps = false,
         doomed = false;  // doomed: launched on a node that is gone
  };
  const std::map<AttemptId, Incarnation>& incarnations() const { return all_; }
  // Incarnations that ran at the same time as another of the same task, ever.
  std::int64_t doubles() const { return doubles_; }
  std::int64_t launches() const { return launches_; }
  // Useful work of a task that is safe, and what all its overheads took.
  Duration done(JobId job, std::uint32_t task) const;
  std::int64_t restarts() const { return restarts_; }
  Duration overheads() const { return overheads_; }

 private:
  using TaskKey = std::pair<JobId, std::uint32_t>;
  struct TaskWork {
    Duration safe{0};
    std::uint32_t running = 0, begun = 0;
  };
  enum What { tells_steps, ends };

  void plan(Incarnation& one);
  void finish(Incarnation& one, Outcome outcome);
  void tell_steps(Incarnation& one);
  void changed(const AttemptId& id);
  std::vector<Report> as_told(std::vector<Report> reports) const;
  Duration worked(const Incarnation& one) const;

  const Clock& clock_;
  std::map<JobId, Behaviour> behaviours_;
  std::map<TaskKey, TaskWork> tasks_;
  std::map<AttemptId, Incarnation> all_;
  std::set<std::tuple<Timestamp, AttemptId, What>> timeline_;
  std::set<AttemptId> news_;
  std::set<std::pair<std::string, std::int64_t>> gone_;  // nodes
  std::vector<Report> past_;  // reports of what is forgotten, for an engine that repeats itself
  std::function<void()> changed_;
  bool launches_twice_ = false;
  std::int64_t doubles_ = 0, launches_ = 0, restarts_ = 0;
  Duration overheads_{0};
};

}  // namespace mohona

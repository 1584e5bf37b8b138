// Looks at every fact and says which of the rules it breaks. It trusts nobody: its books are sums
// of its own, from the facts alone, so that an error in an index or in the scheduler does not hide
// itself.
//
//   Auditor auditor;
//   for (const Fact& fact : journal) auditor.see(fact);
//   auditor.compare(state);
//   for (const Violation& v : auditor.violations()) ...
//
// A fact costs about what it names: its nodes, the queues above it, the nodes that are kept.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "core/audit/books.h"
#include "core/audit/violation.h"
#include "core/state.h"

namespace mohona {

class Auditor {
 public:
  void see(const Fact& fact);
  // The books against the state at rest: jobs, tasks, attempts and bills are the same.
  void compare(const State& state);

  // What nobody decided has happened (an engine is silent, the store has no room): starts promised
  // until then may be late.
  void excuse_promises();

  const std::vector<Violation>& violations() const { return violations_; }
  void report(Rule rule, std::string what);
  std::uint64_t facts() const { return facts_; }
  Timestamp now() const { return now_; }

  struct LiveBook {
    Attempt attempt;
    Worth worth = 0;
    Timestamp ends;  // it has left by then, if all goes well; max: it has no limit
  };
  const std::map<AttemptId, LiveBook>& live() const { return live_; }

 private:
  struct TaskBook {
    JobState state = JobState::pending;
    bool live = false, waits_for_verdict = false;
    std::uint32_t attempts = 0, failures = 0, losses = 0;
    Timestamp not_before, free_at;
  };
  struct JobBook {
    JobSpec spec;
    std::vector<JobId> needs;
    JobState state = JobState::pending;
    bool expanded = true, cancelling = false, begun = false;
    std::uint32_t live = 0, ready = 0;
    std::vector<TaskBook> tasks;
    std::int64_t spent = 0;  // micro-dollars, by attempts that have ended
    Outcome last;            // of the attempt that ended last
  };
  struct KeptBook {
    NodesKept fact;
    Worth worth = 0;
    bool excused = false;
  };

  void on(const ControllerStarted& f);
  // Prices say where work goes, not what holds.
  void on(const PackingPriced&) {}
  void on(const ContractsDefined&) {}
  void on(const ReliefPriced&) {}
  void on(const PoolDefined& f);
  void on(const PoolRemoved& f);
  void on(const PoolReclaimed& f);
  void on(const PoolRestored& f);
  void on(const JobSubmitted& f);
  void on(const JobExpanded& f);
  void on(const AttemptPlaced& f);
  void on(const AttemptStarted& f);
  void on(const ReplicaReady& f);
  void on(const AttemptStopping& f);
  void on(const AttemptEnded& f);
  void on(const TaskWaits& f);
  void on(const TaskEnded& f);
  void on(const JobCancelling& f);
  void on(const JobEnded& f);
  void on(const QueuesDefined& f);
  void on(const ReservationDefined& f);
  void on(const ReservationRemoved& f);
  void on(const NodesChanged& f);
  void on(const NodeLoaded& f);
  void on(const NodesKept& f);
  void on(const NodesReleased& f);
  void on(const AttemptProgressed& f);

  void pass(Timestamp now);
  JobBook* job_of(JobId id, const char* what);
  LiveBook* live_of(const AttemptId& id, const char* what);
  void check_turn(const JobBook& job, const TaskBook& task, const Attempt& attempt);
  void check_gang(const JobBook& job, const Attempt& attempt);
  void check_holds(const JobBook& job, const LiveBook& live);
  void check_money(const JobBook& job, const Attempt& attempt);
  bool is_below(const std::string& queue, const std::string& other) const;
  void check_late(JobId job, const KeptBook& kept);
  std::int64_t spent(JobId id, const JobBook& job, Timestamp now) const;
  bool is_there(JobId need) const;
  void forget_kept(JobId job);
  void excuse(const std::string& pool);
  void fleet_changed();

  std::map<JobId, JobBook> jobs_;
  std::map<AttemptId, LiveBook> live_;
  std::map<std::string, PoolBook> pools_;
  std::map<std::string, AdvanceReservation> reservations_;
  QueueBook queues_;
  std::vector<Queue> fleet_queues_;
  std::vector<std::pair<std::string, Attempt>> paid_;  // ended, by queue; while any has a budget
  SchedulingPolicy policy_;
  std::map<JobId, KeptBook> kept_;
  std::set<std::pair<Timestamp, JobId>> promised_;
  std::set<std::string> keys_;
  JobId last_job_;
  Epoch epoch_;
  Timestamp now_;
  std::uint64_t facts_ = 0;
  std::vector<Violation> violations_;
};

}  // namespace mohona

// The state of the control plane: the fold of its facts, and the indexes that deciding needs.
//
// Only `apply` changes it. Everything beside the jobs, pools and queues themselves is derived from
// them, so that a state built from a snapshot equals one built from the whole journal.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/deadline.h"
#include "core/ledger/queue_budgets.h"
#include "core/market/market.h"
#include "core/overflow.h"
#include "core/schedule/prospects.h"
#include "core/schedule/scheduler.h"
#include "core/share.h"
#include "core/task_set.h"
#include "model/fact.h"
#include "model/record.h"

namespace mohona {

// A job and what is derived from its record.
struct JobEntry {
  Job job;
  TaskSet ready;                          // tasks that may be placed now
  Seldom<std::set<JobId>> unmet;          // needed jobs that are not there yet
  Timestamp budget_until;                 // its place in State::budgets; the epoch: none
  std::array<std::uint32_t, 7> counts{};  // tasks by JobState
  std::uint32_t live = 0;                 // attempts that hold an allocation
  std::optional<Waiting> waiting;         // its place in the scheduler while something is ready
  std::int64_t ranked = 0;                // the key under which it stands in its ranks; 0: none
  bool ranked_running = false;            // in which of the two
  std::uint32_t first_ready() const { return ready.front(); }
  std::uint32_t count(JobState s) const { return counts[static_cast<std::size_t>(s)]; }
};
// A node of the map of jobs is then at most 384, which is one of the sizes that are allocated.
static_assert(sizeof(JobEntry) <= 344);

struct LiveAttempt {
  Attempts::Place place = 0;         // in its job's `attempts`
  const Attempt* attempt = nullptr;  // the same; it stays where it is while it lives
  OccupantId who = nobody;           // in the scheduler
};

class State {
 public:
  State() = default;
  State(State&&) = default;  // not copied: live attempts are pointed to
  State& operator=(State&&) = default;

  void apply(const Fact& fact);

  // Takes over a record that a snapshot holds; call `index` after the last.
  void restore(Job job);
  void restore(PoolRecord pool);
  void restore(QueuesDefined queues);
  void restore(PackingPrices prices);
  void restore(ContractsDefined contracts);
  void restore(ReliefPriced relief);
  void restore(QueuesSpent spent);
  void index();

  const std::map<JobId, JobEntry>& jobs() const { return jobs_; }
  const std::map<std::string, PoolRecord>& pools() const { return pools_; }
  const JobEntry* find(JobId id) const;
  const JobEntry* find_by_name(const std::string& name) const;  // the newest of that name
  const JobEntry* find_by_key(const std::string& key) const;
  // Nothing also for one that has ended and of which its job keeps only the sums.
  const Attempt* find(const AttemptId& id) const;
  const PoolRecord* find_pool(const std::string& name) const;
  const AdvanceReservation* find_reservation(const std::string& name) const;  // of any pool

  // What the fleet's owner says about order; no queues: any name is one, and all are alike.
  const std::vector<Queue>& queues() const { return queues_; }
  const SchedulingPolicy& scheduling() const { return scheduling_; }
  const PackingPrices& packing_prices() const { return packing_prices_; }
  const Contracts& contracts() const { return contracts_; }
  const Reliefs& reliefs() const { return reliefs_; }

  // What an hour costs where; nullptr without contracts. To ask changes nothing that can be seen.
  Market* market() const { return market_.get(); }
  // The market's hour is that of `now`.
  void look_at_market(Timestamp now);

  // Budgets of queues: what has ended is charged to them, and the scheduler asks them before every
  // start. `look_at_budgets` counts what runs, as of now; before a pass.
  const QueueBudgets& queue_budgets() const { return *queue_budgets_; }
  void look_at_budgets(Timestamp now);
  std::vector<QueueBudgets::Standing> budget_standings(Timestamp now) const;

  // Attempts that hold an allocation, by id.
  const std::map<AttemptId, LiveAttempt>& live() const { return live_; }
  const Attempt& live_attempt(const AttemptId& id) const;

  // Derived views for the deciders. `limits` are the instants at which running attempts reach their
  // job's max_duration, `budgets` those at which jobs will have spent theirs, `deadlines` those of
  // jobs that never started.
  const std::set<std::pair<Timestamp, std::pair<JobId, std::uint32_t>>>& delayed() const {
    return delayed_;
  }
  const std::set<std::pair<Timestamp, AttemptId>>& limits() const { return limits_; }
  const std::set<std::pair<Timestamp, JobId>>& budgets() const { return budgets_; }
  const std::set<std::pair<Timestamp, JobId>>& deadlines() const { return deadlines_; }
  const std::set<JobId>& unexpanded() const { return unexpanded_; }  // globs to be listed now
  const std::set<JobId>& unsettled() const { return unsettled_; }
  void settled(JobId id) { unsettled_.erase(id); }

  // What waits, runs and is kept, as the scheduler has it; only deciders change it, by asking what
  // is next.
  const Scheduler& scheduler() const { return scheduler_; }
  Scheduler& scheduler() { return scheduler_; }
  const History& history() const { return history_; }
  // What is known of how much longer jobs run, and what this pass makes of it.
  Prospects& prospects() { return prospects_; }
  const Prospects& prospects() const { return prospects_; }
  SharePass& share_pass() { return share_pass_; }
  const SharePass& share_pass() const { return share_pass_; }
  // What is planned where machines that cost money stand beside those that are paid anyway, and how
  // long the work for which that is planned has waited, by the day of its first start.
  OverflowPass& overflow_pass() { return overflow_pass_; }
  const OverflowPass& overflow_pass() const { return overflow_pass_; }
  // Work that is to be done by an instant.
  DeadlinePass& deadline_pass() { return deadline_pass_; }
  const DeadlinePass& deadline_pass() const { return deadline_pass_; }
  const WaitsByDay& overflow_waits() const { return overflow_waits_; }
  // Jobs that wait for a place.
  const std::set<JobId>& waiting() const { return waiting_; }
  // The same by key, and those that run and may be stopped: as of the last time that their keys
  // were made. `refresh_ranks` makes those anew that have news, and so many of those that run.
  void refresh_ranks(std::size_t running_max, Timestamp now);
  void rank(JobId id, Timestamp now);
  std::vector<JobId> first_waiting(std::size_t most) const;
  bool goes_before(const JobEntry& waiting, const JobEntry& running) const;
  bool worst_running_is_worse(const JobEntry& waiting) const;
  // The key of a job whose tasks are not looked at one by one.
  std::int64_t plain_key(const JobEntry& entry) const;
  void release_due(Timestamp now);  // tasks whose pause is over may be placed
  void park(JobId id);              // nothing of it is placed until something of it ends

  JobId next_job() const { return {last_job_.value + 1}; }
  // Numbers up to this one are not given to jobs, whether there were such jobs or not.
  void number_after(JobId id) { last_job_ = std::max(last_job_, id); }
  Epoch epoch() const { return epoch_; }

  // A number that two states share only if their jobs, pools and queues are equal.
  std::string digest() const;

 private:
  void on(const ControllerStarted& f);
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
  void on(const PackingPriced& f);
  void on(const ContractsDefined& f);
  void on(const ReliefPriced& f);

  JobEntry& entry(JobId id);
  JobEntry& add(JobId id);
  Attempt& attempt(const AttemptId& id);
  void set_task(JobEntry& entry, std::uint32_t task, JobState state);
  void end_pause(JobEntry& entry, std::uint32_t task);
  void refresh(JobEntry& entry);  // the job's state from its tasks' states
  void enqueue(JobEntry& entry);  // makes placeable what may be placed
  void leave_queue(JobEntry& entry);
  Rank rank_of_job(const Job& job) const;
  void keep_nodes(JobEntry& entry);
  void forget_kept(JobEntry& entry);
  void occupy(const JobEntry& entry, const Attempt& attempt, LiveAttempt& live);
  void vacate(const LiveAttempt& live);
  void reckon_end(const JobEntry& entry, const Attempt& attempt);
  void learn(const JobEntry& entry, const Attempt& attempt);
  void look_ahead(const JobEntry& entry);
  void unrank(JobEntry& entry);
  void define_in_scheduler(const PoolRecord& record);
  void rebuild_scheduler();
  void rebuild_market();
  void define_budgets();
  void set_purse();
  void count_all(QueueBudgets& budgets, Timestamp now) const;
  void count_running(QueueBudgets& budgets, const JobEntry& entry, const LiveAttempt& live) const;
  void count_kept(QueueBudgets& budgets, const JobEntry& entry, std::int64_t sign) const;
  void give_back_kept(const JobEntry& entry);
  void hold_in_market(const Attempt& attempt, std::int64_t sign);
  void needs_changed(const JobEntry& needed);
  void index_job(JobEntry& entry);
  void watch_limit(const JobEntry& entry, const Attempt& attempt);
  void forget_limit(const JobEntry& entry, const Attempt& attempt);
  void watch_budget(JobEntry& entry);

  std::map<JobId, JobEntry> jobs_;
  std::vector<JobEntry*> by_number_;  // the same, as long as few numbers are left out
  std::map<std::string, PoolRecord> pools_;
  Scheduler scheduler_;
  History history_;
  Prospects prospects_;
  SharePass share_pass_;
  OverflowPass overflow_pass_;
  DeadlinePass deadline_pass_;
  WaitsByDay overflow_waits_;
  std::set<JobId> waiting_, unranked_;
  using Ranked = std::tuple<std::int64_t, std::int64_t, JobId>;  // -priority, key, job
  std::set<Ranked> ranked_, ranked_running_;
  JobId refreshed_;  // the last of those that run whose key was made anew for its turn
  std::vector<Queue> queues_;
  SchedulingPolicy scheduling_;
  PackingPrices packing_prices_;
  Contracts contracts_;
  Reliefs reliefs_;
  std::unique_ptr<Market> market_;
  // The scheduler has its address.
  std::unique_ptr<QueueBudgets> queue_budgets_ = std::make_unique<QueueBudgets>();
  std::set<JobId> keep_nodes_;  // jobs that nodes are kept for
  std::map<AttemptId, LiveAttempt> live_;
  std::set<std::pair<Timestamp, std::pair<JobId, std::uint32_t>>> delayed_;
  std::set<std::pair<Timestamp, AttemptId>> limits_;
  std::set<std::pair<Timestamp, JobId>> budgets_, deadlines_;
  std::set<JobId> unexpanded_, unsettled_;
  std::map<std::string, JobId> by_name_, by_key_;
  std::map<JobId, std::vector<JobId>> dependants_;
  JobId last_job_;
  Epoch epoch_;
};

}  // namespace mohona

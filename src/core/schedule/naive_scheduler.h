// The scheduler's rules once more, without indexes, classes or sleep: every job is looked at every
// time, node by node. Slow, short and meant to be obviously right; tests compare the real one with
// it. (It shares with it what is small and has tests of its own: spaces and their holds, what fits
// where, queues' arithmetic, plans, evictions.)
#pragma once

#include <map>
#include <set>

#include "core/schedule/scheduler.h"

namespace mohona {

class NaiveScheduler {
 public:
  explicit NaiveScheduler(std::vector<Pool> pools, std::vector<Queue> queues,
                          SchedulingPolicy policy);

  void submit(const Needs& needs, const Rank& rank);
  void cancel(JobId job);
  void end(JobId job);
  void set_end(JobId job, Timestamp end, Timestamp expected);
  void define_pool(PoolIndex index, const Pool& pool);
  void add_pool(const Pool& pool);  // after all that there have been
  void remove_pool(PoolIndex pool);
  void set_reclaimed(PoolIndex pool, bool reclaimed);
  void set_nodes(PoolIndex pool, const NodeRanges& nodes, NodeState state);
  void set_foreign(PoolIndex pool, NodeIndex node, const ForeignLoad& load);
  void reserve(const AdvanceReservation& reservation, PoolIndex pool);
  void unreserve(const std::string& name);
  void set_cost(Scheduler::Cost cost) { cost_ = std::move(cost); }
  void set_prices(const PackingPrices& prices) { prices_ = prices; }
  void set_purse(Scheduler::Purse purse) { purse_ = std::move(purse); }

  void begin(Timestamp now);
  std::optional<Decision> next();
  void apply(const Start& start, const Running& run);
  void apply(const Keep& keep, const std::vector<JobId>& victims, Timestamp gone_by);
  void apply(const Drop& drop);
  JobId job_of(OccupantId who) const { return running_[who].id.job; }

 private:
  struct Job {
    Needs needs;
    Rank rank;
    std::optional<Kept> kept;
    bool blocked = false, lacks_room = false, unplannable = false;
  };
  struct Reserved {
    AdvanceReservation reservation;
    PoolIndex pool = 0;
    HoldSlot slot = 0;
  };

  void grow_tree();
  bool is_broken(const Job& job) const;
  Worth worth_kept(const Needs& needs, PoolIndex pool, const NodeSet& nodes) const;
  bool plannable(const Job& job) const;
  std::vector<Target> targets(const Needs& needs) const;
  Request request(const Job& job, const Target& target) const;
  bool open(const Job& job, const Target& target, const Request& request) const;
  std::int64_t allowed(const Job& job, const Target& target) const;
  bool pays(const Job& job, const Target& target, std::int64_t nodes) const;
  bool is_usable(const Space& space, const Request& request, NodeIndex node, bool kept) const;
  std::vector<Segment> free(const Space& space, const Request& request, bool kept,
                            bool empty) const;
  std::optional<Grant> place(const Space& space, const Request& request) const;
  std::optional<Grant> place_part(const Space& space, const Request& request, bool kept) const;
  bool is_priced(const Target& target) const;
  std::optional<Decision> try_packed(Job& job, const std::vector<Target>& targets) const;
  std::optional<Decision> try_start(Job& job);
  std::optional<Decision> try_preempt(Job& job);
  std::optional<Decision> try_plan(Job& job);
  void drop_hold(Job& job);
  void unblock();

  std::vector<std::unique_ptr<Space>> spaces_;
  std::set<PoolIndex> reclaimed_, removed_;
  std::vector<Queue> queues_;
  QueueTree tree_;
  SchedulingPolicy policy_;
  PackingPrices prices_;
  Scheduler::Cost cost_;
  Scheduler::Purse purse_;
  std::map<JobId, Job> jobs_;
  std::vector<Running> running_;
  std::map<std::string, Reserved> reservations_;
  std::set<Needs> looked_;
  std::set<JobId> looked_jobs_;
  Timestamp now_;
};

}  // namespace mohona

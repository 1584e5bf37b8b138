// The scheduler: which waiting job starts where, for whom nodes are kept, who makes room.
//
// It decides one thing at a time and changes nothing by deciding; the caller makes each decision
// durable and then tells it back through the methods that change it, the same that rebuild it after
// a restart. docs/scheduling.md explains the rules.
//
//   scheduler.begin(now);
//   while (auto decision = scheduler.next()) ... apply it ...
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/wide.h"
#include "core/fleet/packing.h"
#include "core/schedule/plan.h"
#include "core/schedule/predict.h"
#include "core/schedule/running.h"
#include "core/schedule/turns.h"

namespace mohona {

// Where a waiting job stands; the caller keeps it for each and hands it back.
struct Waiting {
  ClassId id = 0;
  Rank rank;
};

// The job's next gang starts, on this grant.
struct Start {
  JobId job;
  PoolIndex pool = 0;
  std::uint32_t choice = 0;
  Grant grant;
};

// Nodes are kept for the job's next gang, instead of those kept before; `victims` are stopped.
struct Keep {
  JobId job;
  PoolIndex pool = 0;
  NodeSet nodes;
  Timestamp start, expected;
  bool promised = false, preempting = false;
  std::vector<OccupantId> victims;
};

// Nothing can be kept for it any more.
struct Drop {
  JobId job;
  std::string reason;
};
using Decision = std::variant<Start, Keep, Drop>;

// What is kept for a job.
struct Kept {
  PoolIndex pool = 0;
  HoldSlot slot = 0;
  Timestamp start, expected;
  bool promised = false, preempting = false;
  Worth worth = 0;
};

// The first thing that keeps a class from a target. `none`: it fits.
struct Obstacle {
  enum Kind { none, reclaimed, reservation, share, money, room } kind = none;
  QueueIndex queue = 0;   // share: the queue that does not allow it
  Worth lacks = 0;        // share: by how much
  std::int64_t have = 0;  // room: nodes that there are
};

class Scheduler {
 public:
  // --- the fleet
  void define_pool(const Pool& pool);
  void remove_pool(const std::string& name);
  void set_reclaimed(const std::string& name, bool reclaimed);
  void set_nodes(const std::string& pool, const NodeRanges& nodes, NodeState state);
  void set_foreign(const std::string& pool, std::int64_t node, const ForeignLoad& load);
  void define_queues(const std::vector<Queue>& queues, const SchedulingPolicy& policy);
  // What so many nodes of the pool cost for an hour, of which such a part of each is held: in
  // nano-dollars, for such work. It goes where it costs the least. None: the pool's price.
  using Cost = std::function<Wide(const Needs&, const Pool&, std::int64_t nodes, Fraction part)>;
  void set_cost(Cost cost);
  void costs_changed() { ++fleet_version_; }
  // Whether queues' budgets let so many nodes of the pool start now, of which such a part of each
  // is held; more cost more. None: whatever the nodes cost.
  using Purse = std::function<bool(const Needs&, const Pool&, Fraction part, std::int64_t nodes)>;
  void set_purse(Purse purse) { purse_ = std::move(purse); }
  // They may let more start than before. Nothing is done for those who wait for nothing of it.
  void money_came();
  bool waits_for_money() const { return !poor_.empty(); }
  // From here on, single nodes are chosen by these prices, if the policy says so.
  void set_prices(PackingPrices prices);
  void reserve(const AdvanceReservation& reservation);  // its `where` filled in
  void unreserve(const std::string& name);
  // The nodes that an advance reservation of so many gets; empty: there are not enough that will
  // be free by then.
  NodeRanges nodes_for(const AdvanceReservation& reservation, Timestamp now) const;

  // --- work
  Waiting wait(JobId job, Needs needs, const Rank& rank);
  void leave(const Waiting& waiting);
  OccupantId start(Running run);  // in `queue` by name
  void end(OccupantId who);
  void set_end(OccupantId who, Timestamp end, Timestamp expected);
  void set_checkpoint(OccupantId who, Timestamp at);
  void set_key(OccupantId who, std::int64_t key) { running_[who].key = key; }
  void set_stopping(OccupantId who, JobId for_job, Timestamp gone_by);
  Waiting keep(const Waiting& waiting, const Keep& keep);
  Waiting release(const Waiting& waiting);

  // What a start makes of the waiting job, for those who know no more of jobs than the scheduler:
  // it ends by its limit or, where it has none, when nobody knows.
  Running run_of(const Waiting& waiting, const Start& start) const;

  // --- deciding
  void begin(Timestamp now);
  std::optional<Decision> next();
  // For those who decide before it: the first of its targets on which the job can start now.
  std::optional<Start> start_for(const Waiting& waiting, JobId job);
  const std::vector<Target>& targets_now(const Waiting& waiting);
  // Likewise on one target alone, or on one node of it, which nobody has kept. Of one node.
  std::optional<Start> start_in(const Waiting& waiting, JobId job, const Target& target);
  std::optional<Start> start_on(const Waiting& waiting, JobId job, const Target& target,
                                NodeIndex node);
  // Shut, it starts nothing but what nodes are kept for.
  void gate(bool shut);
  // When something may be decided although nothing happens.
  std::optional<Timestamp> wake_at() const;

  // --- looking
  struct PoolState;
  const std::vector<std::unique_ptr<PoolState>>& pools() const { return pools_; }
  std::optional<PoolIndex> find_pool(const std::string& name) const;
  const Space& space(PoolIndex pool) const;
  const QueueTree& queues() const { return tree_; }
  const SchedulingPolicy& policy() const { return policy_; }
  const Running& running(OccupantId who) const { return running_[who]; }
  const std::vector<Running>& all_running() const { return running_; }
  const Needs& needs(const Waiting& waiting) const { return classes_[waiting.id]->needs; }
  const std::optional<Kept>& kept(const Waiting& waiting) const {
    return classes_[waiting.id]->kept;
  }
  // As they were when it was looked at last.
  const std::vector<Target>& targets(const Waiting& waiting) const {
    return classes_[waiting.id]->targets;
  }
  Obstacle obstacle(const Waiting& waiting, const Target& target, Timestamp now) const;
  // Whether its queue has the money for its smallest gang there.
  bool pays(const Waiting& waiting, const Target& target) const {
    return pays(*classes_[waiting.id], target, classes_[waiting.id]->needs.min_nodes);
  }
  Request request(const Waiting& waiting, const Target& target, Timestamp now) const {
    return request_for(*classes_[waiting.id], target, now);
  }
  // How many waiting jobs of its own queue stand before it.
  std::size_t ahead(const Waiting& waiting) const;
  std::size_t classes() const { return by_needs_.size(); }
  std::uint64_t leaves_visited() const;
  // How often a class has been looked at in vain and put to sleep.
  std::uint64_t slept() const { return slept_; }

 private:
  struct Watch {
    enum Kind : std::uint8_t { whole, whole_in_time, part, timed, any, queue } kind;
    std::uint8_t which = 0;  // level
    std::uint32_t at = 0;    // pool or queue
    std::int64_t need = 0;   // nodes, major, or worth
    std::int64_t also = 0;   // whole nodes: Target::due; a part of one: cores
  };
  // A class that sleeps because its queue, or one above it, does not allow it so much.
  struct Sharer {
    Rank rank;
    ClassId id = 0;
    QueueIndex queue = 0;
    Worth need = 0;
    friend auto operator<=>(const Sharer&, const Sharer&) = default;
  };
  // The sharers of one leaf queue. Of those that may be allowed now, the first in line is called,
  // and the next is looked for when something of the leaf has been looked at: where one starts, the
  // others are mostly blocked again.
  struct Sharers {
    std::vector<Sharer> all;  // sorted
    enum { settled, to_look, one_called } state = settled;
  };
  struct Class {
    Needs needs;
    QueueIndex leaf = 0;
    std::vector<Target> targets;
    std::uint64_t targets_of = 0;  // the fleet's version that they were made for
    std::set<Rank> waiting;
    bool awake = false, to_plan = false, unplannable = false;
    bool called = false;  // asleep, but in the list of those to be looked at: see `call`
    bool gated = false;   // not looked at for a place, because the gate was shut
    Rank listed;          // under which it stands in its lists
    std::optional<Timestamp> timer;
    std::vector<Watch> watches;
    std::uint64_t looked = 0;        // when it last looked for victims
    std::optional<Timestamp> retry;  // when one may be stopped that then had not run long enough
    std::optional<Kept> kept;
  };
  struct Reserved {
    AdvanceReservation reservation;
    PoolIndex pool = 0;
    HoldSlot slot = 0;
  };

  ClassId intern(const Needs& needs);
  ClassId new_class(Needs needs);
  void free_class(ClassId id);
  void make_targets(Class& c);
  void wake(ClassId id);
  void call(ClassId id);
  bool is_worth_a_look(ClassId id) const;
  void unlist(ClassId id);
  void unwatch(ClassId id);
  void wake_everything();
  void wake_for(PoolIndex pool, const NodeSet& touched);
  void wake_queues(QueueIndex leaf);
  void wake_sharers();
  void look_for_sharer(QueueIndex leaf);
  void watch_queue(ClassId id, QueueIndex queue, Worth need);
  void unwatch_queue(const Class& c, const Watch& watch, ClassId id);
  bool may_fit(const Class& c, const PoolState& pool, std::span<const Segment> touched) const;
  bool may_fit_one(const Class& c, const Target& target, std::span<const Segment> touched) const;
  bool is_out_of_use(const Class& c) const;
  bool is_broken(const Class& c) const;
  Worth worth_kept(Class& c, PoolIndex pool, const NodeSet& nodes);
  void retry_plans();
  void nodes_changed(PoolIndex pool, const NodeSet& touched);
  void unhold(PoolIndex pool, HoldSlot slot);

  Request request_for(const Class& c, const Target& target, Timestamp now) const;
  bool reservation_open(const Class& c, const Target& target, Request& request) const;
  Worth worth_wanted(const Class& c, const Target& target) const;
  std::int64_t allowed_nodes(const Class& c, const Target& target) const;
  bool pays(const Class& c, const Target& target, std::int64_t nodes) const;
  std::optional<Decision> evaluate(ClassId id);
  std::optional<Decision> try_start(Class& c);
  bool packs(const Class& c) const;
  bool is_priced(const Target& target) const;
  void find_price(PoolState& pool) const;
  std::optional<Start> try_packed(Class& c, std::size_t first, std::size_t last);
  std::optional<Decision> try_preempt(Class& c);
  std::optional<Decision> try_plan(Class& c);
  bool may_stop(const Class& c, const Target& target, const Running& run,
                const std::vector<Worth>& removed, std::optional<Timestamp>* retry) const;
  bool could_preempt(const Class& c) const;
  void look_for_victims();
  void sleep(ClassId id);
  void watch_target(ClassId id, const Target& target);
  bool slot_free() const;
  bool may_move_in(const Class& c) const;
  void wake_movers();

  std::vector<std::unique_ptr<PoolState>> pools_;
  QueueTree tree_;
  std::vector<Queue> queues_;
  SchedulingPolicy policy_;
  PackingPrices prices_;
  Cost cost_;
  Purse purse_;
  Turns turns_;
  std::vector<std::unique_ptr<Class>> classes_;
  std::vector<ClassId> free_classes_;
  std::map<Needs, ClassId> by_needs_;
  std::vector<Running> running_;
  std::vector<OccupantId> free_running_;
  std::vector<Sharers> sharers_;                             // by leaf queue
  std::vector<std::map<QueueIndex, std::size_t>> at_queue_;  // how many of which leaf, by queue
  std::vector<QueueIndex> sharers_to_look_;                  // leaves
  std::set<std::pair<Timestamp, ClassId>> timers_;
  std::set<ClassId> preemptors_;  // asleep, but might stop others
  std::set<ClassId> poor_;        // asleep; on one of their targets for want of money
  std::set<ClassId> unplannable_;
  std::set<ClassId> movers_;     // asleep without a plan, since they may move in
  bool movers_to_look_ = false;  // fixed work has begun, or the last that could be moved has ended
  std::map<std::string, Reserved> reservations_;
  std::int64_t kept_count_ = 0;  // without those that preempt
  std::uint64_t fleet_version_ = 1, look_ = 0, slept_ = 0;
  bool gate_ = false;
  std::vector<ClassId> gated_;
  Timestamp now_;
};

// A pool with those who wait for room in it.
struct Scheduler::PoolState {
  explicit PoolState(const Pool& pool) : space(pool) {}
  // Nodes of the grant: one more holds something there; or what does has changed.
  void occupied(const Grant& grant, const Running& run);
  void changed(const Grant& grant);
  void refresh(std::span<const Running> running);

  Space space;
  std::vector<Vacancy> vacancies;  // by node
  std::vector<NodeIndex> stale;    // of them
  std::vector<Segment> news;       // what has become free, or open, since all were asleep
  // How often a node has been such news with all its GPUs (or cores) free: never too seldom, since
  // gangs sleep on it.
  std::int64_t opened = 0;
  bool reclaimed = false, removed = false;
  std::unique_ptr<PoolScores> scores;  // made when they are asked for first
  std::optional<std::size_t> priced;   // its place in the prices
  // Asleep until as much of two kinds is there.
  using Asleep = std::map<std::int64_t, std::set<std::pair<std::int64_t, ClassId>>>;
  template <class F>
  static void for_awaited(const Asleep& asleep, std::int64_t have, std::int64_t have_also, F&& f) {
    for (const auto& [need, ids] : asleep) {
      if (need > have) return;
      for (const auto& [also, id] : ids) {
        if (also > have_also) break;
        f(id);
      }
    }
  }
  // By level: until so many nodes are empty there, and nodes have opened so often (Target::due). Of
  // gangs that end in time, kept nodes count as well.
  std::array<Asleep, 4> whole, whole_in_time;
  Asleep parts;  // until a node has so much free (Space::major_of), and so many cores
  // Single nodes that end in time, by their limit; and those that look whenever something becomes
  // free.
  std::set<std::pair<Duration, ClassId>> timed;
  std::set<ClassId> any;
  std::map<std::int64_t, std::int64_t> preemptible;  // attempts by priority
  std::map<Duration, std::int64_t> leaves_within;    // attempts by how long a stop may take
  Worth fixed = 0, movable = 0;  // of what runs, without a checkpoint and with one
};

}  // namespace mohona

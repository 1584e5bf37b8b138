#include "core/share.h"

#include <algorithm>

#include "base/wide.h"
#include "core/ledger/usage.h"
#include "core/place.h"
#include "core/schedule/choose.h"
#include "core/state.h"

namespace mohona {
namespace {

// Larger pools are not looked at node by node: there, nothing is stopped for others by this rule.
constexpr std::int64_t pool_nodes_max = 4'096;
// Up to so many, who runs is chosen among all at once; above, one after the other.
constexpr std::size_t waiting_max = 1'024, running_max = 64;
// Then so many of those that wait are looked at in a pass, the lowest keys first, and the keys of
// so many that run are made anew.
constexpr std::size_t looked_at_max = 64, refreshed_max = 16;
constexpr int tried_in_vain_max = 4;  // so often in a pass room is looked for and not found

// GPUs, or cores where the pool has none.
std::int64_t units_of(const Pool& pool, const Demand& demand) {
  return pool.shape.gpus > 0 ? demand.gpus : (demand.cpus_milli + 999) / 1'000;
}

struct Group {
  std::vector<Contender> all;
  std::int64_t movable = 0;
};
using Groups = std::map<std::pair<PoolIndex, QueueIndex>, Group>;

// What is free on open nodes, in units; more than anyone wants where the pool is too large to look.
std::int64_t free_units(const Space& space) {
  const Pool& pool = space.pool();
  if (pool.nodes > pool_nodes_max) return INT32_MAX;
  std::int64_t out = 0;
  for (NodeIndex i = 0; i < space.nodes(); ++i) {
    const Node& node = space.node(i);
    if (node.tier != 0 || !space.takes_work(node)) continue;
    out += pool.shape.gpus > 0 ? count(node.gpus_free)
                               : std::max<std::int64_t>(0, node.cpus_free / 1'000);
  }
  return out;
}

bool may_move(const Scheduler& scheduler, const Running& run, Timestamp now) {
  const SchedulingPolicy& policy = scheduler.policy();
  return run.movable && !run.stopping && policy.preempt != Preempt::never &&
         now - run.started >= policy.min_run;
}

std::uint64_t age_of(const JobEntry& entry, Duration ageing) {
  const Rank rank = rank_of(entry.job.spec->priority, entry.job.submitted_at, entry.job.id, ageing);
  return static_cast<std::uint64_t>(rank.since.time_since_epoch().count()) ^
         (std::uint64_t{1} << 63);
}

// Who has waited very long for what it needs comes nearer to its turn, so that nobody waits for
// ever: after so many times what its key says, half of the key is left.
constexpr std::int64_t patience = 1'024;

std::int64_t with_patience(std::int64_t cost, Duration waited, std::int64_t size_milli) {
  const Wide span = static_cast<Wide>(cost) * patience;
  const Wide wait = static_cast<Wide>(std::max<std::int64_t>(0, waited.count())) * size_milli;
  const Wide left = (span << 20) / (span + wait);  // of 2^20
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<Wide>(cost) * left >> 20));
}

class Planner {
 public:
  Planner(State& state, Timestamp now, SharePass& pass)
      : state_(state), scheduler_(state.scheduler()), now_(now), pass_(pass) {}

  void plan() {
    state_.prospects().begin(now_);
    if (state_.waiting().empty()) return;
    pass_.many = state_.waiting().size() > waiting_max || state_.live().size() > running_max;
    if (pass_.many) return plan_for_many();
    add_waiting();
    if (!anybody_) return;
    add_running();
    std::vector<Groups::value_type*> order;
    for (auto& group : groups_) order.push_back(&group);
    std::stable_sort(order.begin(), order.end(), [&](const auto* a, const auto* b) {
      if (a->first.first != b->first.first) return name_of(*a) < name_of(*b);
      const auto fork = scheduler_.queues().fork(a->first.second, b->first.second);
      return fork && scheduler_.queues().before(fork->a, fork->b);
    });
    std::map<PoolIndex, std::int64_t> free;
    for (auto* group : order) {
      const PoolIndex pool = group->first.first;
      if (!free.contains(pool)) free[pool] = free_units(scheduler_.space(pool));
      choose(group->second, free[pool]);
    }
    // Shares have changed after a move, and so whose turn it is.
    pass_.one_move = order.size() > 1;
  }

 private:
  // Of its pool. Not the pool's number: that depends on when it came.
  const std::string& name_of(const Groups::value_type& group) const {
    return scheduler_.space(group.first.first).pool().name;
  }

  // The lowest key first; whom it stops has a higher one.
  void plan_for_many() {
    // With several queues turns are the scheduler's: it knows whose it is without looking at all.
    if (scheduler_.queues().size() > 1) return;
    state_.refresh_ranks(refreshed_max, now_);
    for (const JobId id : state_.first_waiting(looked_at_max)) pass_.todo.push_back(id);
  }

  void add_waiting() {
    for (const JobId id : state_.waiting()) {
      const JobEntry& entry = *state_.find(id);
      if (!entry.waiting || scheduler_.kept(*entry.waiting)) continue;
      if (scheduler_.needs(*entry.waiting).planned || budget_spent(entry.job, now_)) continue;
      const auto& targets = scheduler_.targets_now(*entry.waiting);
      if (targets.empty()) continue;
      const JobSpec& spec = *entry.job.spec;
      const Target& target = targets.front();
      const Pool& pool = scheduler_.space(target.pool).pool();
      const std::int64_t units = std::max<std::int64_t>(
          1, units_of(pool, spec.resources.choices[target.choice].demand) * spec.num_nodes);
      groups_[{target.pool, scheduler_.queues().find(spec.queue)}].all.push_back(
          contender(entry, units));
      waits_.insert(id);
      anybody_ = true;
    }
  }

  // Replicas and parts of arrays are not looked at one by one: by what is usual.
  Prospects::Key key_of(const JobEntry& entry) const {
    const QueueOrder order = scheduler_.policy().order;
    Prospects& prospects = state_.prospects();
    const Known* known = prospects.find(entry.job.id);
    if (!known) return {state_.plain_key(entry), false};
    Prospects::Key key = prospects.key(entry.job.id, order, now_);
    if (order == QueueOrder::learned) {
      const Duration waited = now_ - known->submitted - prospects.ran(*known, now_);
      key.cost = with_patience(key.cost, waited, known->size_milli);
    }
    return key;
  }

  Contender contender(const JobEntry& entry, std::int64_t units) const {
    Contender one;
    one.job = entry.job.id;
    one.units = units;
    one.priority = entry.job.spec->priority;
    one.key = key_of(entry);
    one.age = age_of(entry, scheduler_.policy().ageing);
    return one;
  }

  void add_running() {
    for (const auto& [id, live] : state_.live()) {
      const Running& run = scheduler_.running(live.who);
      if (run.stopping && run.for_job != JobId{}) {
        const JobEntry* entry = state_.find(run.for_job);
        if (entry && entry->waiting && scheduler_.kept(*entry->waiting)) pass_.in_flight = true;
      }
      if (!may_move(scheduler_, run, now_) || !state_.prospects().find(id.job)) continue;
      const auto group = groups_.find({run.pool, run.queue});
      if (group == groups_.end()) continue;
      const std::int64_t units =
          units_of(scheduler_.space(run.pool).pool(), run.demand) * run.grant.nodes();
      if (units <= 0) continue;
      group->second.movable += units;
      group->second.all.push_back(contender(*state_.find(id.job), units));
    }
  }

  void choose(Group& group, std::int64_t& free) {
    std::sort(group.all.begin(), group.all.end(),
              [](const Contender& a, const Contender& b) { return a.age < b.age; });
    for (std::size_t i = 0; i < group.all.size(); ++i) group.all[i].age = i;
    std::vector<std::pair<std::int64_t, JobId>> moves;
    for (const std::size_t i : choose_running(group.all, group.movable + free)) {
      const Contender& one = group.all[i];
      pass_.chosen.insert(one.job);
      if (waits_.contains(one.job)) moves.emplace_back(one.units, one.job);
    }
    std::stable_sort(moves.begin(), moves.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    for (const auto& [units, job] : moves) pass_.todo.push_back(job);
    std::int64_t taken = 0;
    for (const auto& one : group.all) taken += pass_.chosen.contains(one.job) ? one.units : 0;
    free -= std::clamp<std::int64_t>(taken - group.movable, 0, free);
  }

  State& state_;
  Scheduler& scheduler_;
  Timestamp now_;
  SharePass& pass_;
  Groups groups_;
  std::set<JobId> waits_;
  bool anybody_ = false;
};

// --- room by stopping others
// --------------------------------------------------------------------------

// A node on which the job could stand once some have left.
struct Place {
  int kind = 0;           // 1: only those that are not chosen leave; 2: also smaller ones that are
  std::int64_t over = 0;  // what it has beyond what is needed
  NodeIndex node = 0;
  std::vector<OccupantId> victims;
  friend bool operator<(const Place& a, const Place& b) {
    return std::tie(a.kind, a.over, a.node) < std::tie(b.kind, b.over, b.node);
  }
};

class RoomMaker {
 public:
  RoomMaker(State& state, Timestamp now, const SharePass& pass)
      : state_(state), scheduler_(state.scheduler()), now_(now), pass_(pass) {}

  // Nodes for the job, and whom to stop; nothing where the rule does not reach. Where many run
  // their keys may be old: those of the victims are made anew, and perhaps others are found.
  std::optional<Keep> room_for(const JobEntry& entry) {
    for (int tries = 0; tries < tries_max; ++tries) {
      const auto keep = find_room(entry);
      if (!keep || !pass_.many || still_before(entry, keep->victims)) return keep;
    }
    return std::nullopt;
  }

 private:
  static constexpr int tries_max = 3;

  bool still_before(const JobEntry& entry, const std::vector<OccupantId>& victims) {
    bool all = true;
    for (const OccupantId who : victims) {
      const JobId job = scheduler_.running(who).id.job;
      state_.rank(job, now_);
      all = all && state_.goes_before(entry, *state_.find(job));
    }
    return all;
  }

  std::optional<Keep> find_room(const JobEntry& entry) {
    const Needs& needs = scheduler_.needs(*entry.waiting);
    if (!pass_.many && !pass_.chosen.contains(entry.job.id)) return std::nullopt;
    if (scheduler_.targets(*entry.waiting).empty()) return std::nullopt;
    const Target& target = scheduler_.targets(*entry.waiting).front();
    if (!scheduler_.pays(*entry.waiting, target)) return std::nullopt;
    const Space& space = scheduler_.space(target.pool);
    const Demand& demand = needs.choices[target.choice].demand;
    const bool plain = needs.nearness == Nearness{} && needs.features.empty() &&
                       needs.reservation.empty() && needs.min_nodes == needs.max_nodes &&
                       demand.gpu_milli == 0 && !space.pool().share_nodes;
    if (!plain || space.pool().nodes > pool_nodes_max) return std::nullopt;
    const QueueIndex queue = scheduler_.queues().find(entry.job.spec->queue);
    std::vector<Place> places;
    for (NodeIndex i = 0; i < space.nodes(); ++i) {
      if (auto place = look_at(space, i, demand, entry, queue, needs.min_nodes)) {
        places.push_back(std::move(*place));
      }
    }
    const auto wanted = static_cast<std::size_t>(needs.min_nodes);
    if (places.size() < wanted) return std::nullopt;
    std::sort(places.begin(), places.end());
    places.resize(wanted);
    return keep(entry, target, space, places);
  }

  std::optional<Place> look_at(const Space& space, NodeIndex i, const Demand& demand,
                               const JobEntry& entry, QueueIndex queue, std::int64_t nodes) {
    const Node& node = space.node(i);
    if (node.tier != 0 || !space.takes_work(node)) return std::nullopt;
    Place place{0, 0, i, {}};
    std::int64_t cpus = node.cpus_free, memory = node.memory_free, gpus = count(node.gpus_free);
    const auto fits = [&] {
      return cpus >= demand.cpus_milli && memory >= demand.memory_mib && gpus >= demand.gpus;
    };
    auto& may = may_;
    may[0].clear(), may[1].clear();
    std::int64_t best = INT64_MIN;  // of those that leave, the one that should least
    space.for_occupants(node, [&](OccupantId who) {
      const Running& run = scheduler_.running(who);
      if (!may_move(scheduler_, run, now_) || run.priority > entry.job.spec->priority) return;
      if (run.queue != queue) return;
      const std::int64_t held = units_of(space.pool(), run.demand) * run.grant.nodes();
      const bool chosen = !pass_.many && pass_.chosen.contains(run.id.job);
      if (pass_.many && (run.key == 0 || std::pair(-entry.job.spec->priority, entry.ranked) >=
                                             std::pair(-run.priority, run.key))) {
        return;
      }
      if (chosen && held >= units_of(space.pool(), demand) * nodes) return;
      may[chosen].push_back({pass_.many ? -run.key : held, run.id, who});
    });
    for (int kind = 0; kind < 2; ++kind) {
      std::sort(may[kind].begin(), may[kind].end());
      for (const auto& [held, id, who] : may[kind]) {
        if (fits()) break;
        const Running& run = scheduler_.running(who);
        cpus += run.demand.cpus_milli;
        memory += run.demand.memory_mib;
        gpus += run.demand.gpus;
        place.victims.push_back(who);
        place.kind = kind + 1;
        best = std::max(best, held);
      }
    }
    if (!fits()) return std::nullopt;
    // Whose key is the highest goes first: a better one would only stop the next in turn.
    place.over = pass_.many ? best : space.pool().shape.gpus > 0 ? gpus : cpus;
    return place;
  }

  std::optional<Keep> keep(const JobEntry& entry, const Target& target, const Space& space,
                           const std::vector<Place>& places) const {
    Keep out;
    out.job = entry.job.id;
    out.pool = target.pool;
    out.promised = out.preempting = true;
    out.start = now_;
    Worth freed = 0;
    std::set<OccupantId> victims;
    std::set<NodeIndex> nodes;
    for (const Place& place : places) {
      nodes.insert(place.node);
      victims.insert(place.victims.begin(), place.victims.end());
    }
    if (victims.empty()) return std::nullopt;
    std::vector<std::pair<AttemptId, OccupantId>> by_id;
    for (const OccupantId who : victims) {
      const Running& run = scheduler_.running(who);
      out.start = std::max(out.start, now_ + run.leaves_within);
      freed += run.worth;
      by_id.emplace_back(run.id, who);
    }
    const Worth more = target.node_worth * std::ssize(places) - freed;
    if (more > 0 &&
        scheduler_.queues().blocks(scheduler_.queues().find(entry.job.spec->queue), more)) {
      return std::nullopt;
    }
    std::sort(by_id.begin(), by_id.end());
    for (const auto& [id, who] : by_id) out.victims.push_back(who);
    for (const NodeIndex node : nodes) append(out.nodes, node, space.leaf_size());
    out.expected = out.start;
    return out;
  }

  State& state_;
  const Scheduler& scheduler_;
  Timestamp now_;
  const SharePass& pass_;
  struct Leaver {
    std::int64_t order = 0;  // what it holds; of many, its key, the highest first
    AttemptId id;            // among equals the youngest job goes first
    OccupantId who = nobody;
    friend bool operator<(const Leaver& a, const Leaver& b) {
      return std::tie(a.order, b.id) < std::tie(b.order, a.id);
    }
  };
  // Of the node that is looked at, those that may leave: not chosen to run, and chosen.
  std::vector<Leaver> may_[2];
};

}  // namespace

bool shares(const State& state) {
  const QueueOrder order = state.scheduling().order;
  return order != QueueOrder::age && order != QueueOrder::fifo;
}

Facts share_next(State& state, Timestamp now) {
  SharePass& pass = state.share_pass();
  if (!pass.planned) {
    pass = SharePass{};
    pass.planned = true;
    Planner(state, now, pass).plan();
  }
  while (!pass.todo.empty()) {
    const JobId id = pass.todo.front();
    pass.todo.pop_front();
    const JobEntry* entry = state.find(id);
    if (!entry || !entry->waiting || state.scheduler().kept(*entry->waiting)) continue;
    if (state.scheduler().needs(*entry->waiting).planned) continue;
    // Nothing leaves within a pass: where one of many finds no room, those like it find none.
    const ClassId like = entry->waiting->id;
    const bool full = std::find(pass.full.begin(), pass.full.end(), like) != pass.full.end();
    if (full && pass.in_vain >= tried_in_vain_max) continue;
    if (budget_spent(entry->job, now)) {
      state.park(id);
      continue;
    }
    if (!full) {
      if (const auto start = state.scheduler().start_for(*entry->waiting, id)) {
        pass.planned = !pass.one_move;
        return start_facts(state, *entry, *start, now);
      }
      if (pass.many) pass.full.push_back(like);
    }
    if (state.scheduler().policy().preempt == Preempt::never) continue;
    if (pass.many && (pass.in_vain >= tried_in_vain_max || !state.worst_running_is_worse(*entry))) {
      continue;
    }
    ++pass.in_vain;
    if (const auto keep = RoomMaker(state, now, pass).room_for(*entry)) {
      pass.planned = !pass.one_move;
      --pass.in_vain;
      pass.full.clear();  // classes may be others now
      pass.in_flight = true;
      return keep_facts(state, *keep, now);
    }
  }
  state.scheduler().gate(pass.in_flight);
  return {};
}

}  // namespace mohona

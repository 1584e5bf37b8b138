// What the scheduler decides for a class when its turn comes: start, stop others, keep nodes, or
// sleep.

#include <algorithm>

#include "core/schedule/preempt.h"
#include "core/schedule/scheduler.h"

namespace mohona {
namespace {

Timestamp after(Timestamp now, Duration limit) {
  return limit == Duration::max() ? Timestamp::max() : now + limit;
}

}  // namespace

void Scheduler::make_targets(Class& c) {
  if (c.targets_of == fleet_version_) return;
  c.targets_of = fleet_version_;
  c.targets.clear();
  struct Key {
    std::size_t choice;
    Wide cost;
    Purchase purchase;
    std::string_view name;
    std::size_t index;
    bool operator<(const Key& o) const {
      return std::tie(choice, cost, purchase, name, index) <
             std::tie(o.choice, o.cost, o.purchase, o.name, o.index);
    }
  };
  std::vector<std::pair<Key, Target>> found;
  for (std::uint32_t i = 0; i < c.needs.choices.size(); ++i) {
    const Choice& choice = c.needs.choices[i];
    for (PoolIndex p = 0; p < pools_.size(); ++p) {
      const Space& space = pools_[p]->space;
      const Pool& pool = space.pool();
      if (pools_[p]->removed || mismatch(space, c.needs, choice) != Mismatch::none) continue;
      // Dollars for the same work: price × part ÷ speed, over one common denominator.
      const Fraction part = part_of(pool.shape, choice.demand);
      const std::int64_t n = c.needs.min_nodes;
      const Wide an_hour = cost_ ? cost_(c.needs, pool, n, part) * 1'000'000 / n
                                 : Wide{pool.price.nanos} * part.held * 1'000'000 /
                                       std::max<std::int64_t>(1, part.whole);
      const Wide cost = an_hour / std::max<std::int64_t>(1, choice.speed_milli);
      found.emplace_back(Key{c.needs.ordered ? i : 0, cost, pool.purchase, pool.name, i},
                         Target{p, i, worth_of(pool, choice.demand), 0,
                                space.with_features(c.needs.features).value_or(std::vector<Mask>{}),
                                space.fills(choice.demand)});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto costs = [](const Key& key) { return std::tie(key.choice, key.cost, key.purchase); };
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool same = i > 0 && costs(found[i - 1].first) == costs(found[i].first);
    Target& target = found[i].second;
    target.rank = i == 0 ? 0 : c.targets.back().rank + (same ? 0 : 1);
    c.targets.push_back(std::move(target));
  }
}

Request Scheduler::request_for(const Class& c, const Target& target, Timestamp now) const {
  Request request;
  request.demand = &c.needs.choices[target.choice].demand;
  request.min_nodes = c.needs.min_nodes;
  request.max_nodes = c.needs.max_nodes;
  request.nearness = c.needs.nearness;
  request.features = target.features.empty() ? nullptr : &target.features;
  request.end = after(now, c.needs.limit);
  if (c.kept && c.kept->pool == target.pool) request.own = c.kept->slot;
  if (!c.needs.reservation.empty()) {
    request.only_own = true;
    const auto found = reservations_.find(c.needs.reservation);
    if (found != reservations_.end() && found->second.pool == target.pool) {
      request.own = found->second.slot;
    }
  }
  return request;
}

// Of its queue's share, for the smallest gang, beside the nodes that are kept for it already.
Worth Scheduler::worth_wanted(const Class& c, const Target& target) const {
  return target.node_worth * c.needs.min_nodes - (c.kept ? c.kept->worth : 0);
}

// Whether a job that names an advance reservation may use it now, until it ends.
bool Scheduler::reservation_open(const Class& c, const Target& target, Request& request) const {
  if (c.needs.reservation.empty()) return true;
  const auto found = reservations_.find(c.needs.reservation);
  if (found == reservations_.end() || found->second.pool != target.pool) return false;
  const AdvanceReservation& r = found->second.reservation;
  return !r.maintenance && now_ >= r.from && request.end <= r.to;
}

// How many nodes its queue lets it have there: by its share, and by its money.
std::int64_t Scheduler::allowed_nodes(const Class& c, const Target& target) const {
  const Worth held = c.kept ? c.kept->worth : 0;
  const Worth wanted = target.node_worth * c.needs.max_nodes - held;
  std::int64_t most = c.needs.max_nodes;
  if (tree_.blocks(c.leaf, wanted)) {
    if (c.needs.min_nodes == c.needs.max_nodes) return 0;
    most = (tree_.headroom(c.leaf, wanted) + held) / target.node_worth;
  }
  if (most < c.needs.min_nodes || pays(c, target, most)) return most;
  std::int64_t least = c.needs.min_nodes - 1;  // which it may; `most` it may not
  while (most - least > 1) {
    const std::int64_t middle = least + (most - least) / 2;
    (pays(c, target, middle) ? least : most) = middle;
  }
  return least;
}

// What is kept for a gang is paid for by what was put aside with it.
bool Scheduler::pays(const Class& c, const Target& target, std::int64_t nodes) const {
  if (!purse_ || (c.kept && c.kept->pool == target.pool)) return true;
  const Pool& pool = pools_[target.pool]->space.pool();
  return purse_(c.needs, pool, part_of(pool.shape, c.needs.choices[target.choice].demand), nodes);
}

bool Scheduler::slot_free() const {
  return policy_.order != QueueOrder::fifo && kept_count_ < policy_.reservations_max;
}

void Scheduler::begin(Timestamp now) {
  now_ = now;
  while (!timers_.empty() && timers_.begin()->first <= now) wake(timers_.begin()->second);
  look_for_victims();
}

// Who may stop others looks once a pass, and again when nodes are no longer kept.
void Scheduler::look_for_victims() {
  ++look_;
  for (const ClassId id : std::set<ClassId>(preemptors_)) {
    if (could_preempt(*classes_[id])) wake(id);
  }
}

std::optional<Timestamp> Scheduler::wake_at() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first;
}

std::optional<Decision> Scheduler::next() {
  while (true) {
    wake_movers();
    wake_sharers();
    const auto turn = turns_.next(tree_, slot_free());
    if (!turn) {
      for (const auto& pool : pools_) pool->news.clear();
      return std::nullopt;
    }
    Class& c = *classes_[turn->id];
    look_for_sharer(c.leaf);
    if (turn->list == Turns::to_plan) {
      if (may_move_in(c)) {
        wake(turn->id);
        continue;
      }
      if (auto decision = try_plan(c)) return decision;
      turns_.erase(Turns::to_plan, tree_, c.leaf, c.listed, turn->id);
      c.to_plan = false;
      // Its queue's share, or money, may have shrunk since it fell asleep for want of room: it then
      // has to sleep on that as well.
      const bool unwatched =
          std::any_of(c.targets.begin(), c.targets.end(), [&](const Target& target) {
            if (pools_[target.pool]->reclaimed) return false;
            const Worth need = worth_wanted(c, target);
            if (!tree_.blocks(c.leaf, need)) {
              return !poor_.contains(turn->id) && !pays(c, target, c.needs.min_nodes);
            }
            return std::none_of(c.watches.begin(), c.watches.end(), [&](const Watch& w) {
              return w.kind == Watch::queue && w.need == need;
            });
          });
      if (unwatched) {
        wake(turn->id);
        continue;
      }
      c.unplannable = true;
      unplannable_.insert(turn->id);
      continue;
    }
    if (c.called && !is_worth_a_look(turn->id)) {
      turns_.erase(Turns::awake, tree_, c.leaf, c.listed, turn->id);
      c.called = false;
      continue;
    }
    if (auto decision = evaluate(turn->id)) return decision;
  }
}

std::optional<Decision> Scheduler::evaluate(ClassId id) {
  Class& c = *classes_[id];
  make_targets(c);
  for (Target& target : c.targets) target.due = 0;
  const bool broken = c.kept && is_broken(c);
  if (c.needs.planned) {
    // Whoever plans starts it.
  } else if (gate_ && !c.kept) {
    if (!c.gated) gated_.push_back(id);
    c.gated = true;
  } else if (auto decision = try_start(c)) {
    return decision;
  }
  if (policy_.preempt != Preempt::never && !c.needs.planned && c.looked != look_ &&
      !(c.kept && c.kept->preempting && !broken)) {
    c.looked = look_;
    if (auto decision = try_preempt(c)) return decision;
  }
  if (broken) {
    if (auto decision = try_plan(c)) return decision;
    return Drop{c.waiting.begin()->job, "nodes that were kept for it take no more work"};
  }
  ++slept_;
  sleep(id);
  return std::nullopt;
}

std::optional<Start> Scheduler::start_for(const Waiting& waiting, JobId job) {
  Class& c = *classes_[waiting.id];
  // It is known to find none; but of those that wait for a share only the first in line is called.
  const bool for_share = std::any_of(c.watches.begin(), c.watches.end(),
                                     [](const Watch& w) { return w.kind == Watch::queue; });
  if (!c.awake && !c.called && !c.gated && !for_share) return std::nullopt;
  make_targets(c);
  auto decision = try_start(c);
  if (!decision) return std::nullopt;
  Start start = std::get<Start>(std::move(*decision));
  start.job = job;
  return start;
}

const std::vector<Target>& Scheduler::targets_now(const Waiting& waiting) {
  make_targets(*classes_[waiting.id]);
  return classes_[waiting.id]->targets;
}

std::optional<Start> Scheduler::start_in(const Waiting& waiting, JobId job, const Target& target) {
  const Class& c = *classes_[waiting.id];
  const PoolState& pool = *pools_[target.pool];
  if (pool.reclaimed || allowed_nodes(c, target) < c.needs.min_nodes) return std::nullopt;
  auto grant = find(pool.space, request_for(c, target, now_));
  if (!grant) return std::nullopt;
  return Start{job, target.pool, target.choice, std::move(*grant)};
}

std::optional<Start> Scheduler::start_on(const Waiting& waiting, JobId job, const Target& target,
                                         NodeIndex node) {
  const Class& c = *classes_[waiting.id];
  const Space& space = pools_[target.pool]->space;
  const Demand& demand = c.needs.choices[target.choice].demand;
  const Node& there = space.node(node);
  if (pools_[target.pool]->reclaimed || there.tier != 0 || !space.takes_work(there) ||
      !space.fits(there, demand) || allowed_nodes(c, target) < 1) {
    return std::nullopt;
  }
  Grant grant;
  if (space.fills(demand)) {
    append(grant.whole, node, space.leaf_size());
  } else {
    grant.members.push_back({node, lowest(there.gpus_free, demand.gpus)});
  }
  return Start{job, target.pool, target.choice, std::move(grant)};
}

void Scheduler::gate(bool shut) {
  gate_ = shut;
  if (shut) return;
  for (const ClassId id : std::exchange(gated_, {})) {
    if (id >= classes_.size() || !classes_[id] || !classes_[id]->gated) continue;
    classes_[id]->gated = false;
    wake(id);
  }
}

// Under an order that stops work for other work, who could be made room for in that way does not
// have nodes kept as well.
bool Scheduler::may_move_in(const Class& c) const {
  if (policy_.order == QueueOrder::age || policy_.order == QueueOrder::fifo ||
      policy_.preempt == Preempt::never) {
    return false;
  }
  return std::any_of(c.targets.begin(), c.targets.end(), [&](const Target& target) {
    const PoolState& pool = *pools_[target.pool];
    const Pool& there = pool.space.pool();
    return pool.movable > 0 &&
           there.nodes * node_worth(there) - pool.fixed >= target.node_worth * c.needs.min_nodes;
  });
}

std::optional<Decision> Scheduler::try_start(Class& c) {
  const bool by_prices = packs(c);  // one node is near to itself
  const bool prefers = !by_prices && c.needs.nearness.prefer < c.needs.nearness.within;
  for (const bool narrow : {true, false}) {
    if (narrow && !prefers) continue;
    for (std::size_t i = 0; i < c.targets.size(); ++i) {
      Target& target = c.targets[i];
      if (by_prices && is_priced(target)) {
        const std::size_t first = i;
        while (i + 1 < c.targets.size() && is_priced(c.targets[i + 1]) &&
               c.targets[i + 1].rank == target.rank) {
          ++i;
        }
        if (auto start = try_packed(c, first, i + 1)) return std::move(*start);
        continue;
      }
      if (pools_[target.pool]->reclaimed) continue;
      Request request = request_for(c, target, now_);
      if (!reservation_open(c, target, request)) continue;
      const std::int64_t allowed = allowed_nodes(c, target);
      if (allowed < c.needs.min_nodes) continue;
      request.max_nodes = std::min(request.max_nodes, allowed);
      if (narrow) request.nearness.within = c.needs.nearness.prefer;
      PoolState& pool = *pools_[target.pool];
      auto found = look(pool.space, request);
      if (found.grant) {
        return Start{c.waiting.begin()->job, target.pool, target.choice, std::move(*found.grant)};
      }
      if (!narrow && target.fills) {
        target.due = pool.opened + found.lacks;
      }
    }
  }
  return std::nullopt;
}

// --- making room
// -----------------------------------------------------------------------------------

bool Scheduler::could_preempt(const Class& c) const {
  for (const Target& target : c.targets) {
    const auto& there = pools_[target.pool]->preemptible;
    if (there.empty()) continue;
    if (policy_.preempt == Preempt::lower_priority && there.begin()->first < c.needs.priority) {
      return true;
    }
    // Somewhere on the way to the root it is below a guarantee.
    for (QueueIndex i = c.leaf; i != QueueTree::root; i = tree_.node(i).parent) {
      const Worth own = c.kept ? c.kept->worth : 0;
      if (tree_.node(i).taken() - own < tree_.node(i).guarantee) return true;
    }
  }
  return false;
}

bool Scheduler::may_stop(const Class& c, const Target& target, const Running& run,
                         const std::vector<Worth>& removed, std::optional<Timestamp>* retry) const {
  if (run.stopping || !run.preemptible) return false;
  const bool lower = policy_.preempt == Preempt::lower_priority && run.priority < c.needs.priority;
  const auto fork = tree_.fork(c.leaf, run.queue);
  if (fork) {
    for (QueueIndex i = run.queue;; i = tree_.node(i).parent) {
      if (tree_.node(i).used - removed[i] - run.worth < tree_.node(i).guarantee) return false;
      if (i == fork->b) break;
    }
    const QueueNode& ours = tree_.node(fork->a);
    const Worth more = worth_wanted(c, target);
    if (!lower && ours.taken() + more > ours.guarantee) return false;
  } else if (!lower) {
    return false;
  }
  // Nor what was started at this very instant: a pass does not undo what it did.
  const Duration least = std::max(policy_.min_run, Duration{1});
  if (now_ - run.started < least) {
    const Timestamp then = run.started + least;
    if (retry && (!*retry || then < **retry)) *retry = then;
    return false;
  }
  return true;
}

std::optional<Decision> Scheduler::try_preempt(Class& c) {
  retry_.reset();
  if (!could_preempt(c)) return std::nullopt;
  for (const Target& target : c.targets) {
    const PoolState& pool = *pools_[target.pool];
    if (pool.reclaimed || pool.preemptible.empty() || pool.space.pool().share_nodes) continue;
    Request request = request_for(c, target, now_);
    if (!c.needs.reservation.empty()) continue;
    if (allowed_nodes(c, target) < c.needs.min_nodes) continue;
    request.max_nodes = request.min_nodes;
    if (request.end != Timestamp::max()) {
      // It begins when the victims have left, and must be gone before any window
      // and before what is kept for others all the same.
      if (!pool.leaves_within.empty()) request.end += pool.leaves_within.rbegin()->first;
    }
    std::vector<Worth> removed(tree_.size(), 0);
    const auto may = [&](const Running& run) { return may_stop(c, target, run, removed, &retry_); };
    std::vector<Worth> going(tree_.size(), 0);
    const auto still = [&](const Running& run) {
      if (!may_stop(c, target, run, going, nullptr)) return false;
      for (QueueIndex i = run.queue;; i = tree_.node(i).parent) {
        going[i] += run.worth;
        if (i == QueueTree::root) return true;
      }
    };
    const auto eviction = evict(pool.space, running_, request, now_, may, still);
    if (!eviction) continue;
    Timestamp start = now_;
    for (const OccupantId who : eviction->victims) {
      start = std::max(start, now_ + running_[who].leaves_within);
    }
    // A promise is never moved back: what it waits for is free before these would be.
    if (c.kept && c.kept->promised && c.kept->start < start && !is_broken(c)) continue;
    return Keep{c.waiting.begin()->job, target.pool, eviction->nodes, start, start, true, true,
                eviction->victims};
  }
  return std::nullopt;
}

// --- keeping nodes
// ---------------------------------------------------------------------------------

std::optional<Decision> Scheduler::try_plan(Class& c) {
  std::optional<Keep> best;
  if (c.kept && c.kept->preempting) return std::nullopt;
  if (!c.needs.reservation.empty()) return std::nullopt;
  for (const Target& target : c.targets) {
    if (pools_[target.pool]->reclaimed || allowed_nodes(c, target) < c.needs.min_nodes) continue;
    const Request request = request_for(c, target, now_);
    PoolState& pool = *pools_[target.pool];
    if (pool.space.fills(*request.demand)) pool.refresh(running_);
    const auto found = plan(pool.space, running_, pool.vacancies, request, c.needs.limit, now_);
    if (!found || (best && best->start <= found->start)) continue;
    best = Keep{c.waiting.begin()->job, target.pool,     found->nodes, found->start,
                found->expected,        found->promised, false,        {}};
  }
  if (!best) return std::nullopt;
  return *best;
}

// --- sleeping
// --------------------------------------------------------------------------------------

void Scheduler::sleep(ClassId id) {
  Class& c = *classes_[id];
  const Rank head = *c.waiting.begin();
  unlist(id);
  unwatch(id);
  c.listed = head;
  bool lacks_room = false;
  std::optional<Timestamp> look;
  const auto at = [&](Timestamp when) {
    if (when > now_ && (!look || when < *look)) look = when;
  };
  for (const Target& target : c.targets) {
    if (!c.needs.reservation.empty()) {
      const auto found = reservations_.find(c.needs.reservation);
      if (found != reservations_.end()) at(found->second.reservation.from);
    }
    if (pools_[target.pool]->reclaimed) continue;
    const Worth wanted = worth_wanted(c, target);
    if (const auto block = tree_.blocks(c.leaf, wanted)) {
      watch_queue(id, block->queue, wanted);
      continue;
    }
    if (!pays(c, target, c.needs.min_nodes)) {
      poor_.insert(id);
      continue;
    }
    lacks_room = true;
    watch_target(id, target);
  }
  if (lacks_room && !c.kept && !c.needs.planned && c.needs.reservation.empty()) {
    const Timestamp aged = waits_since(head, c.needs.priority, policy_.ageing) + policy_.patience;
    if (may_move_in(c)) {
      movers_.insert(id);
    } else if (c.needs.min_nodes > 1 || aged <= now_) {
      c.to_plan = true;
      turns_.insert(Turns::to_plan, tree_, c.leaf, head, id);
    } else {
      at(aged);
    }
  }
  if (lacks_room && policy_.preempt != Preempt::never && !c.needs.planned &&
      !(c.kept && c.kept->preempting)) {
    preemptors_.insert(id);
    if (retry_) at(*retry_);
  }
  retry_.reset();
  if (look) {
    c.timer = look;
    timers_.insert({*look, id});
  }
}

Obstacle Scheduler::obstacle(const Waiting& waiting, const Target& target, Timestamp now) const {
  const Class& c = *classes_[waiting.id];
  const PoolState& pool = *pools_[target.pool];
  if (pool.reclaimed) return {Obstacle::reclaimed};
  Request request = request_for(c, target, now);
  if (!c.needs.reservation.empty()) {
    const auto found = reservations_.find(c.needs.reservation);
    if (found == reservations_.end() || found->second.pool != target.pool ||
        found->second.reservation.maintenance || now < found->second.reservation.from ||
        request.end > found->second.reservation.to) {
      return {Obstacle::reservation};
    }
  }
  if (allowed_nodes(c, target) < c.needs.min_nodes) {
    const Worth wanted = worth_wanted(c, target);
    const auto block = tree_.blocks(c.leaf, wanted);
    if (!block) return {Obstacle::money, c.leaf};
    return {Obstacle::share, block->queue, block->lacks, 0};
  }
  const std::int64_t have = room(pool.space, request);
  if (find(pool.space, request)) return {Obstacle::none};
  return {Obstacle::room, 0, 0, have};
}

}  // namespace mohona

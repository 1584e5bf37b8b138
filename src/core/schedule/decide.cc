// What the scheduler decides for a class when its turn comes: start, stop others, keep nodes, or
// sleep.

#include <algorithm>

#include "core/schedule/preempt.h"
#include "core/schedule/scheduler.h"

namespace mohona {

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
    return Drop{c.waiting.begin()->job, is_out_of_use(c)
                                            ? "nodes that were kept for it take no more work"
                                            : "nodes that were kept for it are reserved too soon"};
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
  c.retry.reset();
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
    const auto may = [&](const Running& run) {
      return may_stop(c, target, run, removed, &c.retry);
    };
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
  // From then on what is kept for it is of no use.
  if (c.kept && c.needs.limit != Duration::max()) {
    for (const auto& [name, r] : reservations_) {
      if (r.pool == c.kept->pool) at(r.reservation.from - c.needs.limit + Duration{1});
    }
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
    if (c.retry) at(*c.retry);
  }
  if (look) {
    c.timer = look;
    timers_.insert({*look, id});
  }
}

}  // namespace mohona

// Who sleeps until when: a class that found no place is looked at again only when what it lacks
// has come about. Waking one too many costs a look; waking one too few would be a mistake.

#include <algorithm>

#include "core/fleet/spread.h"
#include "core/schedule/scheduler.h"

namespace mohona {
namespace {

constexpr std::int64_t touched_nodes_max = 64;  // looked at one by one; beyond, only counted

// Empty nodes that are kept for someone.
std::int64_t kept_empty(const Space& space) {
  std::int64_t total = 0;
  for (HoldSlot slot = 1; slot < space.tiers().size(); ++slot) {
    if (space.tiers()[slot]) total += space.tiers()[slot]->index.total_empty();
  }
  return total;
}

// The latest instant from which on one of the nodes is kept; the first of all: none is.
Timestamp last_kept(const Space& space, const NodeSet& nodes) {
  Timestamp last = Timestamp::min();
  for (const Segment& s : nodes) {
    for_bits(s.nodes & space.kept(s.leaf), [&](std::uint32_t place) {
      const HoldSlot slot = space.node(space.index(s.leaf, place)).tier;
      if (slot != 0) last = std::max(last, space.held(slot).start);
    });
  }
  return last;
}

// By level: what the best touched leaf, block and so on now has of empty nodes that nobody kept.
std::array<std::int64_t, 4> most_empty(const Space& space, const NodeSet& touched) {
  std::array<std::int64_t, 4> most{};
  const auto raise = [&](Level level, std::int64_t n) {
    auto& here = most[static_cast<std::size_t>(level)];
    here = std::max(here, n);
  };
  for (const Segment& s : touched) {
    raise(Level::leaf, count(space.open().empty(s.leaf)));
    if (const Leaf size = space.leaves_in_block()) {
      raise(Level::block, space.block_empty(s.leaf / size));
    }
    if (const Leaf size = space.leaves_in_fabric()) {
      raise(Level::fabric, space.fabric_empty(s.leaf / size));
    }
  }
  raise(Level::anywhere, space.open().total_empty());
  return most;
}

// The most that one of the nodes has free: whole GPUs (16ths of the cores), or a GPU's part; cores.
struct Part {
  std::int64_t major = 0, cpus_milli = 0;
};
Part most_free(const Space& space, const NodeSet& nodes) {
  Part most{space.shared().empty() ? 0 : 1, 0};
  for (const Segment& s : nodes) {
    for_bits(s.nodes, [&](std::uint32_t place) {
      const Node& node = space.node(space.index(s.leaf, place));
      most.major = std::max<std::int64_t>(most.major, node.cell / Space::minors);
      most.cpus_milli = std::max(most.cpus_milli, node.cpus_free);
    });
  }
  return most;
}

// In the leaves [first, last) of the pool.
std::int64_t empty_in(const Space::Tier& tier, bool open, Leaf first, Leaf last) {
  const auto place = [&](Leaf leaf) {
    if (open) return std::min(leaf, tier.index.leaves());
    const auto found = std::lower_bound(tier.leaves.begin(), tier.leaves.end(), leaf);
    return static_cast<Leaf>(found - tier.leaves.begin());
  };
  std::int64_t total = 0;
  for (Leaf i = place(first); i < place(last); ++i) total += count(tier.index.empty(i));
  return total;
}

bool is_few(std::span<const Segment> touched) {
  std::int64_t nodes = 0;
  for (const Segment& s : touched) {
    if ((nodes += count(s.nodes)) > touched_nodes_max) return false;
  }
  return true;
}

}  // namespace

void Scheduler::unlist(ClassId id) {
  Class& c = *classes_[id];
  if (c.awake || c.called) turns_.erase(Turns::awake, tree_, c.leaf, c.listed, id);
  if (c.to_plan) turns_.erase(Turns::to_plan, tree_, c.leaf, c.listed, id);
  c.awake = c.called = c.to_plan = false;
  if (c.timer) timers_.erase({*c.timer, id});
  c.timer.reset();
  preemptors_.erase(id);
  unplannable_.erase(id);
  poor_.erase(id);
  movers_.erase(id);
}

void Scheduler::unwatch(ClassId id) {
  Class& c = *classes_[id];
  const auto drop = [&](PoolState::Asleep& asleep, const Watch& watch) {
    const auto found = asleep.find(watch.need);
    if (found == asleep.end()) return;
    found->second.erase({watch.also, id});
    if (found->second.empty()) asleep.erase(found);
  };
  for (const Watch& watch : c.watches) {
    if (watch.kind == Watch::queue) {
      unwatch_queue(c, watch, id);
      continue;
    }
    PoolState& pool = *pools_[watch.at];
    switch (watch.kind) {
      case Watch::whole:
        drop(pool.whole[watch.which], watch);
        break;
      case Watch::whole_in_time:
        drop(pool.whole_in_time[watch.which], watch);
        break;
      case Watch::part:
        drop(pool.parts, watch);
        break;
      case Watch::timed:
        pool.timed.erase({c.needs.limit, id});
        break;
      case Watch::any:
        pool.any.erase(id);
        break;
      case Watch::queue:
        break;
    }
  }
  c.watches.clear();
}

void Scheduler::wake(ClassId id) {
  Class& c = *classes_[id];
  const Rank head = *c.waiting.begin();
  if (c.awake && c.listed == head) return;
  unlist(id);
  unwatch(id);
  c.listed = head;
  c.awake = true;
  turns_.insert(Turns::awake, tree_, c.leaf, head, id);
}

// There is room for it, or its queue allows it. Mostly others who were called for the same come
// first and take it, so it keeps all that it sleeps on until its turn shows that it is still there.
void Scheduler::call(ClassId id) {
  Class& c = *classes_[id];
  if (c.awake || c.called) return;
  c.called = true;
  turns_.insert(Turns::awake, tree_, c.leaf, c.listed, id);
}

// Of a class that was called, at its turn. False: what it was called for has gone, and it sleeps on
// as if it had been looked at.
bool Scheduler::is_worth_a_look(ClassId id) const {
  const Class& c = *classes_[id];
  if (c.unplannable || (policy_.preempt != Preempt::never && could_preempt(c))) return true;
  // As long as its queue does not allow it a target, no room there is any news.
  const auto still_blocked = [&](Worth need) {
    return std::any_of(c.watches.begin(), c.watches.end(), [&](const Watch& w) {
      if (w.kind != Watch::queue || w.need != need) return false;
      const auto block = tree_.blocks(c.leaf, need);
      return block && block->queue == w.at;
    });
  };
  for (const Watch& w : c.watches) {
    if (w.kind == Watch::queue && !still_blocked(w.need)) return true;
  }
  return std::any_of(c.targets.begin(), c.targets.end(), [&](const Target& target) {
    const PoolState& pool = *pools_[target.pool];
    return !pool.news.empty() && !still_blocked(worth_wanted(c, target)) &&
           may_fit(c, pool, pool.news);
  });
}

void Scheduler::money_came() {
  for (const ClassId id : std::set<ClassId>(poor_)) wake(id);
}

// Nodes have become free, or open.
void Scheduler::wake_for(PoolIndex index, const NodeSet& touched) {
  PoolState& pool = *pools_[index];
  pool.news.insert(pool.news.end(), touched.begin(), touched.end());
  std::int64_t opened = 0;
  for (const Segment& s : touched) opened += count(s.nodes & pool.space.wide_open_in(s.leaf));
  pool.opened += opened;
  std::vector<ClassId> called;
  const auto consider = [&](ClassId id) {
    const Class& c = *classes_[id];
    if (!c.awake && !c.called && may_fit(c, pool, touched)) called.push_back(id);
  };
  if (opened > 0) {
    const auto most = most_empty(pool.space, touched);
    const std::int64_t kept = kept_empty(pool.space);
    for (std::size_t level = 0; level < most.size(); ++level) {
      // Work beside others on a node may do for those who fill it.
      const std::int64_t have = most[level] + pool.space.tainted();
      PoolState::for_awaited(pool.whole[level], have, pool.opened, consider);
      PoolState::for_awaited(pool.whole_in_time[level], have + kept, pool.opened, consider);
    }
  }
  if (!pool.parts.empty()) {
    const Part most = most_free(pool.space, touched);
    PoolState::for_awaited(pool.parts, most.major, most.cpus_milli, consider);
  }
  // Single nodes among those touched that are kept, from an instant on.
  if (!pool.timed.empty()) {
    const Timestamp last = last_kept(pool.space, touched);
    for (const auto& [limit, id] : pool.timed) {
      if (last == Timestamp::min() || now_ + limit > last) break;
      consider(id);
    }
  }
  for (const ClassId id : pool.any) consider(id);
  for (const ClassId id : called) call(id);
}

// Whether one of the nodes has room for a member of the class's gang.
bool Scheduler::may_fit_one(const Class& c, const Target& target,
                            std::span<const Segment> touched) const {
  const Space& space = pools_[target.pool]->space;
  const Demand& demand = c.needs.choices[target.choice].demand;
  const Request request = request_for(c, target, now_);
  for (const Segment& s : touched) {
    Mask fitting = 0;
    for_bits(s.nodes & (target.fills ? space.wide_open_in(s.leaf) : ~Mask{0}),
             [&](std::uint32_t place) {
               if (space.fits(space.node(space.index(s.leaf, place)), demand)) {
                 fitting |= Mask{1} << place;
               }
             });
    if (fitting != 0 && fitting & usable(space, request, s.leaf, true)) {
      return true;
    }
  }
  return false;
}

// Whether the touched nodes could be what the class waited for in that pool. Never wrongly no.
bool Scheduler::may_fit(const Class& c, const PoolState& pool,
                        std::span<const Segment> touched) const {
  const Space& space = pool.space;
  const bool few = is_few(touched);
  if (space.pool().share_nodes) return true;
  // Others may have taken them since.
  const bool open = std::any_of(touched.begin(), touched.end(), [&](const Segment& s) {
    return (s.nodes & space.wide_open_in(s.leaf)) != 0;
  });
  for (const Target& target : c.targets) {
    if (pools_[target.pool].get() != &pool || target.due > pool.opened) continue;
    if (few && (!target.fills || c.needs.min_nodes == 1)) {
      if (may_fit_one(c, target, touched)) return true;
      continue;
    }
    if (!target.fills) return true;
    if (!open) continue;
    const Request request = request_for(c, target, now_);
    // Empty nodes that it may use, in the touched domains; and at most so many others that have all
    // of what it wants free.
    if (empty_nodes(space, request, true) + space.tainted() < c.needs.min_nodes) continue;
    const Leaf size = domain_size(space, c.needs.nearness.within);
    if (size == 0 || !few) return true;
    Leaf last = no_leaf;
    for (const Segment& s : touched) {
      const Leaf domain = s.leaf / size;
      if (domain == last) continue;
      last = domain;
      std::int64_t here = space.tainted();
      for_usable_tiers(space, request, true, [&](HoldSlot slot, const Space::Tier& tier) {
        here += empty_in(tier, slot == 0, domain * size, (domain + 1) * size);
      });
      if (here >= c.needs.min_nodes) return true;
    }
  }
  return false;
}

// Something of the queue has ended: those that wait for a share at it or above may have it now, or
// it is another queue that does not allow it.
void Scheduler::wake_queues(QueueIndex leaf) {
  for (QueueIndex i = leaf;; i = tree_.node(i).parent) {
    for (const auto& [from, count] : at_queue_[i]) {
      if (sharers_[from].state == Sharers::to_look) continue;
      sharers_[from].state = Sharers::to_look;
      sharers_to_look_.push_back(from);
    }
    if (i == QueueTree::root) return;
  }
}

// The one that was called has had its turn, or has gone.
void Scheduler::look_for_sharer(QueueIndex leaf) {
  if (sharers_[leaf].state != Sharers::one_called) return;
  sharers_[leaf].state = Sharers::to_look;
  sharers_to_look_.push_back(leaf);
}

// Of each leaf that has had news, the first class in line that is not blocked as it was: what is
// said here by bounds, `is_worth_a_look` says by `blocks`, and they must agree.
void Scheduler::wake_sharers() {
  std::vector<QueueTree::Bound> bounds;
  while (!sharers_to_look_.empty()) {
    const QueueIndex leaf = sharers_to_look_.back();
    sharers_to_look_.pop_back();
    Sharers& sharers = sharers_[leaf];
    sharers.state = Sharers::settled;
    tree_.bounds(leaf, bounds);
    for (const Sharer& sharer : sharers.all) {
      const auto block = std::find_if(bounds.begin(), bounds.end(), [&](const auto& bound) {
        return sharer.need > bound.allows;
      });
      if (block != bounds.end() && block->queue == sharer.queue) continue;
      sharers.state = Sharers::one_called;
      call(sharer.id);
      break;
    }
  }
}

// Those that no longer may move in: nodes may have to be kept for them.
void Scheduler::wake_movers() {
  if (!std::exchange(movers_to_look_, false)) return;
  for (const ClassId id : std::set<ClassId>(movers_)) {
    if (!may_move_in(*classes_[id])) wake(id);
  }
}

void Scheduler::watch_queue(ClassId id, QueueIndex queue, Worth need) {
  Class& c = *classes_[id];
  std::vector<Sharer>& all = sharers_[c.leaf].all;
  const Sharer sharer{c.listed, id, queue, need};
  all.insert(std::lower_bound(all.begin(), all.end(), sharer), sharer);  // each target its own
  ++at_queue_[queue][c.leaf];
  c.watches.push_back({Watch::queue, 0, queue, need});
}

void Scheduler::unwatch_queue(const Class& c, const Watch& watch, ClassId id) {
  std::vector<Sharer>& all = sharers_[c.leaf].all;
  all.erase(std::lower_bound(all.begin(), all.end(), Sharer{c.listed, id, watch.at, watch.need}));
  const auto count = at_queue_[watch.at].find(c.leaf);
  if (--count->second == 0) at_queue_[watch.at].erase(count);
}

// Nodes whose end was not known are known now: those that could not be planned for may be.
void Scheduler::retry_plans() {
  for (const ClassId id : std::set<ClassId>(unplannable_)) {
    Class& c = *classes_[id];
    c.unplannable = false;
    unplannable_.erase(id);
    if (c.awake || c.waiting.empty()) continue;
    c.to_plan = true;
    turns_.insert(Turns::to_plan, tree_, c.leaf, c.listed, id);
  }
}

void Scheduler::watch_target(ClassId id, const Target& target) {
  Class& c = *classes_[id];
  PoolState& pool = *pools_[target.pool];
  const Space& space = pool.space;
  const Demand& demand = c.needs.choices[target.choice].demand;
  const auto await = [&](PoolState::Asleep& asleep, const Watch& watch) {
    asleep[watch.need].insert({watch.also, id});
    c.watches.push_back(watch);
  };
  const bool single = c.needs.min_nodes == 1;
  const bool in_time = c.needs.limit != Duration::max();  // it may use kept nodes
  const bool plain = !space.pool().share_nodes && c.needs.reservation.empty() && !c.kept;
  if (!plain || (in_time && !single && !target.fills)) {
    pool.any.insert(id);
    c.watches.push_back({Watch::any, 0, target.pool});
    return;
  }
  if (!target.fills) {
    const std::int64_t major = demand.gpu_milli > 0 ? 1 : space.major_of(demand);
    await(pool.parts, {Watch::part, 0, target.pool, major, demand.cpus_milli});
  } else {
    const auto level = static_cast<std::uint8_t>(c.needs.nearness.within);
    const bool kept = in_time && !single;
    await((kept ? pool.whole_in_time : pool.whole)[level],
          {kept ? Watch::whole_in_time : Watch::whole, level, target.pool, c.needs.min_nodes,
           target.due});
  }
  if (in_time && single) {
    pool.timed.insert({c.needs.limit, id});
    c.watches.push_back({Watch::timed, 0, target.pool});
  }
}

}  // namespace mohona

// Who sleeps until when: a class that found no place is looked at again only when what it lacks
// has come about. Waking one too many costs a look; waking one too few would be a mistake.

#include <algorithm>

#include "core/schedule/scheduler.h"

namespace mohona {
namespace {

constexpr std::int64_t touched_nodes_max = 64;  // looked at one by one; beyond, all are woken

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
  const auto drop = [&](auto& map, std::int64_t key) {
    const auto found = map.find(key);
    if (found == map.end()) return;
    found->second.erase(id);
    if (found->second.empty()) map.erase(found);
  };
  for (const Watch& watch : c.watches) {
    if (watch.kind == Watch::queue) {
      unwatch_queue(c, watch, id);
      continue;
    }
    PoolState& pool = *pools_[watch.at];
    switch (watch.kind) {
      case Watch::level:
        drop(pool.by_need[watch.which], watch.need);
        break;
      case Watch::part:
        drop(pool.parts, watch.need);
        break;
      case Watch::timed:
        pool.timed.erase({c.needs.limit, id});
        break;
      case Watch::any:
      case Watch::queue:
        pool.any.erase(id);
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

// There is room for it. Mostly others who were called for the same room come first and take it, so
// it keeps all that it sleeps on until its turn shows that the room is still there.
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
  return std::any_of(c.targets.begin(), c.targets.end(), [&](const Target& target) {
    const PoolState& pool = *pools_[target.pool];
    return !pool.news.empty() && may_fit(c, pool, pool.news);
  });
}

void Scheduler::money_came() {
  for (const ClassId id : std::set<ClassId>(poor_)) wake(id);
}

// Nodes have become free, or open. Levels: what the best touched leaf, block and so on now has.
void Scheduler::wake_for(PoolIndex index, const NodeSet& touched) {
  PoolState& pool = *pools_[index];
  const Space& space = pool.space;
  pool.news.insert(pool.news.end(), touched.begin(), touched.end());
  std::vector<ClassId> woken;
  std::array<std::int64_t, 4> most{};
  for (const Segment& s : touched) {
    const auto raise = [&](Level level, std::int64_t n) {
      auto& here = most[static_cast<std::size_t>(level)];
      here = std::max(here, n);
    };
    raise(Level::leaf, count(space.open().empty(s.leaf)));
    if (const Leaf size = space.leaves_in_block()) {
      raise(Level::block, space.block_empty(s.leaf / size));
    }
    if (const Leaf size = space.leaves_in_fabric()) {
      raise(Level::fabric, space.fabric_empty(s.leaf / size));
    }
  }
  most[static_cast<std::size_t>(Level::anywhere)] = space.open().total_empty();
  for (std::size_t level = 0; level < most.size(); ++level) {
    // Work beside others on a node may do for those who fill it.
    const std::int64_t have = most[level] + space.tainted();
    for (const auto& [need, ids] : pool.by_need[level]) {
      if (need > have) break;
      woken.insert(woken.end(), ids.begin(), ids.end());
    }
  }
  std::int64_t free_major = 0;
  if (!pool.parts.empty()) {
    for (const Segment& s : touched) {
      for_bits(s.nodes, [&](std::uint32_t place) {
        const Node& node = space.node(space.index(s.leaf, place));
        free_major = std::max<std::int64_t>(free_major, node.cell / Space::minors);
      });
    }
    if (!space.shared().empty()) free_major = std::max<std::int64_t>(free_major, 1);
  }
  const auto consider = [&](ClassId id) {
    if (may_fit(*classes_[id], pool, touched)) woken.push_back(id);
  };
  for (const auto& [major, ids] : pool.parts) {
    if (major > free_major) break;
    for (const ClassId id : ids) consider(id);
  }
  if (!pool.timed.empty()) {
    Timestamp last = Timestamp::min();
    for (std::size_t slot = 1; slot < space.tiers().size(); ++slot) {
      if (space.tiers()[slot]) last = std::max(last, space.tiers()[slot]->hold.start);
    }
    for (const auto& [limit, id] : pool.timed) {
      if (last == Timestamp::min() || now_ + limit > last) break;
      consider(id);
    }
  }
  for (const ClassId id : pool.any) consider(id);
  for (const ClassId id : woken) call(id);
}

// Whether the touched nodes could be what the class waited for in that pool. Never wrongly no.
bool Scheduler::may_fit(const Class& c, const PoolState& pool,
                        std::span<const Segment> touched) const {
  const Space& space = pool.space;
  const bool few = is_few(touched);
  if (space.pool().share_nodes) return true;
  for (const Target& target : c.targets) {
    if (pools_[target.pool].get() != &pool) continue;
    const Demand& demand = c.needs.choices[target.choice].demand;
    const Request request = request_for(c, target, now_);
    if (few && (!space.fills(demand) || c.needs.min_nodes == 1)) {
      bool fits = false;
      for (const Segment& s : touched) {
        for_bits(s.nodes & usable(space, request, s.leaf, true), [&](std::uint32_t place) {
          fits = fits || space.fits(space.node(space.index(s.leaf, place)), demand);
        });
      }
      if (fits) return true;
      continue;
    }
    if (!space.fills(demand)) return true;
    // Empty nodes that it may use, in the touched domains; and at most so many others that have all
    // of what it wants free.
    std::int64_t total = space.tainted();
    if (!request.only_own) total += space.open().total_empty();
    std::vector<HoldSlot> slots;
    for (HoldSlot slot = 1; slot < space.tiers().size(); ++slot) {
      if (!space.tiers()[slot]) continue;
      const bool allowed =
          slot == request.own || (!request.only_own && request.end <= space.held(slot).start);
      if (!allowed) continue;
      slots.push_back(slot);
      total += space.tiers()[slot]->index.total_empty();
    }
    if (total < c.needs.min_nodes) continue;
    const Level within = c.needs.nearness.within;
    const Leaf size = within == Level::leaf     ? 1
                      : within == Level::block  ? space.leaves_in_block()
                      : within == Level::fabric ? space.leaves_in_fabric()
                                                : 0;
    if (size == 0 || !few) return true;
    Leaf last = no_leaf;
    for (const Segment& s : touched) {
      const Leaf domain = s.leaf / size;
      if (domain == last) continue;
      last = domain;
      std::int64_t here = space.tainted();
      for (Leaf leaf = domain * size; leaf < std::min(space.leaves(), (domain + 1) * size);
           ++leaf) {
        here += count(space.open().empty(leaf));
        for (const HoldSlot slot : slots) {
          const Space::Tier& tier = *space.tiers()[slot];
          const auto found = std::lower_bound(tier.leaves.begin(), tier.leaves.end(), leaf);
          if (found != tier.leaves.end() && *found == leaf) {
            here += count(tier.index.empty(static_cast<Leaf>(found - tier.leaves.begin())));
          }
        }
      }
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

// Of each leaf that has had news, the first class in line that is not blocked as it was.
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
      sharers.state = Sharers::one_awake;
      wake(sharer.id);
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
  const auto watch = [&](Watch::Kind kind, std::uint8_t which, std::int64_t need) {
    c.watches.push_back({kind, which, target.pool, need});
  };
  const bool plain = !space.pool().share_nodes && c.needs.reservation.empty() && !c.kept;
  if (!plain) {
    pool.any.insert(id);
    watch(Watch::any, 0, 0);
    return;
  }
  if (space.fills(demand)) {
    const auto level = static_cast<std::uint8_t>(c.needs.nearness.within);
    pool.by_need[level][c.needs.min_nodes].insert(id);
    watch(Watch::level, level, c.needs.min_nodes);
  } else {
    const std::int64_t major = demand.gpu_milli > 0 ? 1 : space.major_of(demand);
    pool.parts[major].insert(id);
    watch(Watch::part, 0, major);
  }
  if (c.needs.limit != Duration::max()) {
    pool.timed.insert({c.needs.limit, id});
    watch(Watch::timed, 0, 0);
  }
}

}  // namespace mohona

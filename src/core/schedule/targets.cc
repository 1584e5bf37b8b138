// Where a class may go: its pools in their order, what it asks of each, and what it may have there.

#include <algorithm>

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

const std::vector<Target>& Scheduler::targets_now(const Waiting& waiting) {
  make_targets(*classes_[waiting.id]);
  return classes_[waiting.id]->targets;
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

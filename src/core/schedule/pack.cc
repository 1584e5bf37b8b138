// Single nodes by prices: among machines that cost the same, the place with the best score.

#include "core/schedule/scheduler.h"

namespace mohona {

void Scheduler::set_prices(PackingPrices prices) {
  prices_ = std::move(prices);
  for (const auto& pool : pools_) {
    pool->scores.reset();
    find_price(*pool);
  }
}

void Scheduler::find_price(PoolState& pool) const {
  pool.priced.reset();
  for (std::size_t i = 0; i < prices_.classes.size() && !pool.priced; ++i) {
    if (prices_.classes[i].pool == pool.space.pool().name) pool.priced = i;
  }
}

bool Scheduler::packs(const Class& c) const {
  return policy_.packing == Packing::learned && c.needs.max_nodes == 1 && !prices_.classes.empty();
}

// Pools without GPUs are filled by best fit: there is nothing on them that could go to waste.
bool Scheduler::is_priced(const Target& target) const {
  const PoolState& pool = *pools_[target.pool];
  return pool.priced && pool.space.pool().shape.gpus > 0 && !pool.space.pool().share_nodes;
}

// On one of the targets [first, last), all of which cost the same. Nodes that nobody else has kept
// come first, as everywhere; of equal scores the one whose pool stands first in the prices.
std::optional<Start> Scheduler::try_packed(Class& c, std::size_t first, std::size_t last) {
  for (const bool kept : {false, true}) {
    std::optional<PoolScores::Best> best;
    const Target* where = nullptr;
    for (std::size_t i = first; i < last; ++i) {
      const Target& target = c.targets[i];
      PoolState& pool = *pools_[target.pool];
      if (pool.reclaimed) continue;
      Request request = request_for(c, target, now_);
      if (kept && !may_use_kept(pool.space, request)) continue;
      if (!reservation_open(c, target, request) || allowed_nodes(c, target) < 1) continue;
      if (!pool.scores) pool.scores = std::make_unique<PoolScores>(prices_, pool.space.pool());
      const auto found = pool.scores->best(pool.space, request, kept);
      if (!found) continue;
      if (best && (found->score < best->score ||
                   (found->score == best->score && pool.priced >= pools_[where->pool]->priced))) {
        continue;
      }
      best = found;
      where = &target;
    }
    if (!best) continue;
    const Space& space = pools_[where->pool]->space;
    const Demand& demand = c.needs.choices[where->choice].demand;
    const Leaf leaf = best->node / space.leaf_size();
    Grant grant;
    if (space.fills(demand)) {
      grant.whole = {{leaf, Mask{1} << (best->node % space.leaf_size())}};
    } else {
      grant.members = {{best->node, best->gpus}};
    }
    return Start{c.waiting.begin()->job, where->pool, where->choice, std::move(grant)};
  }
  return std::nullopt;
}

}  // namespace mohona

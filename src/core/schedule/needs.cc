#include "core/schedule/needs.h"

#include <algorithm>
#include <bit>

#include "core/fleet/spread.h"

namespace mohona {
namespace {

// What a machine without a price counts for: about what clouds ask. Micro-dollars an hour.
constexpr Worth core_worth = 40'000;
constexpr Worth gpu_worth = 2'000'000;

bool matches(const std::string& wanted, const std::string& have) {
  return wanted.empty() || wanted == have;
}

// Members of a gang that stand on one node, empty, at most.
std::int64_t members_a_node(const Pool& pool, const Demand& demand) {
  if (!pool.share_nodes) return 1;
  const auto times = [](std::int64_t whole, std::int64_t unit) {
    return unit <= 0 ? std::int64_t{INT32_MAX} : whole / unit;
  };
  return std::min({times(pool.shape.cpus_milli, demand.cpus_milli),
                   times(pool.shape.memory_mib, demand.memory_mib),
                   times(pool.shape.gpus, demand.gpus)});
}

// How many nodes of the widest domain allowed a gang may have, in whole segments. All domains are
// equal, but for the last: the first says it for all.
std::int64_t widest(const Space& space, const Nearness& near) {
  const std::int64_t nodes = space.pool().nodes, leaf = space.leaf_size();
  if (space.pool().share_nodes) return INT64_MAX;
  const Leaf size = domain_size(space, near.within);
  const std::int64_t all = size == 0 ? nodes : std::min(nodes, size * leaf);
  const std::int64_t s = std::max<std::int64_t>(1, near.segment);
  return all / leaf * (leaf / s * s) + all % leaf / s * s;
}

// The same where only some nodes have the features asked for.
Mismatch with_those(const Space& space, const std::vector<Mask>& features, const Needs& needs,
                    const Choice& choice) {
  const Pool& pool = space.pool();
  std::vector<Segment> all;
  for (Leaf leaf = 0; leaf < space.leaves(); ++leaf) {
    const std::int64_t here = std::min<std::int64_t>(
        space.leaf_size(), pool.nodes - std::int64_t{leaf} * space.leaf_size());
    if (here <= 0) break;
    const Mask mask = lowest(~Mask{0}, here) & features[leaf];
    if (mask != 0) all.push_back({leaf, mask});
  }
  if (count(all) < needs.min_nodes) return Mismatch::features;
  if (count(all) * members_a_node(pool, choice.demand) < needs.min_nodes) return Mismatch::nodes;
  if (!pool.share_nodes && choose(space, all, needs.min_nodes, needs.nearness).empty()) {
    return Mismatch::topology;
  }
  return Mismatch::none;
}

}  // namespace

Duration round_limit(Duration limit) {
  if (limit == Duration::max()) return limit;
  const auto seconds = static_cast<std::uint64_t>(
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(limit).count()));
  const int drop = std::max(0, static_cast<int>(std::bit_width(seconds)) - 8);
  const std::uint64_t unit = std::uint64_t{1} << drop;
  return std::chrono::seconds((seconds + unit - 1) / unit * unit);
}

Rank rank_of(std::int64_t priority, Timestamp submitted, JobId job, Duration ageing) {
  if (ageing == Duration{0}) return {-priority, submitted, job};
  return {0, submitted - priority * ageing, job};
}

Timestamp waits_since(const Rank& rank, std::int64_t priority, Duration ageing) {
  return rank.since + priority * ageing;
}

Mismatch mismatch(const Space& space, const Needs& needs, const Choice& choice) {
  const Pool& pool = space.pool();
  if (!matches(choice.cloud, pool.cloud) || !matches(choice.region, pool.region) ||
      !matches(choice.zone, pool.zone) || !matches(choice.instance_type, pool.shape.name)) {
    return Mismatch::place;
  }
  if (choice.use_spot != (pool.purchase == Purchase::spot)) return Mismatch::purchase;
  if (!shape_takes(pool.shape, choice.demand)) return Mismatch::shape;
  if (pool.whole_only && !is_whole(choice.demand)) return Mismatch::shape;
  const Topology& topology = pool.topology;
  const Level within = needs.nearness.within;
  if ((within == Level::leaf && topology.leaf == 0) ||
      (within == Level::block && topology.block == 0) ||
      (within == Level::fabric && topology.fabric == 0) ||
      (needs.nearness.segment > 1 && topology.leaf == 0) ||
      (pool.share_nodes && (within != Level::anywhere || needs.nearness.segment > 1))) {
    return Mismatch::topology;
  }
  // As if nothing ran there and every node were up.
  const auto features = space.with_features(needs.features);
  if (features) return with_those(space, *features, needs, choice);
  if (pool.nodes * members_a_node(pool, choice.demand) < needs.min_nodes) return Mismatch::nodes;
  return widest(space, needs.nearness) < needs.min_nodes ? Mismatch::topology : Mismatch::none;
}

Worth node_worth(const Pool& pool) {
  if (pool.price.nanos >= 1'000) return pool.price.nanos / 1'000;
  return std::max<Worth>(1,
                         pool.shape.cpus_milli * core_worth / 1'000 + pool.shape.gpus * gpu_worth);
}

Worth worth_of(const Pool& pool, const Demand& demand) {
  const Fraction part = part_of(pool.shape, demand);
  return std::max<Worth>(1, node_worth(pool) * part.held / std::max<std::int64_t>(1, part.whole));
}

}  // namespace mohona

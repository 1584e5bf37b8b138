#include "core/schedule/needs.h"

#include <algorithm>
#include <bit>

namespace mohona {
namespace {

// What a machine without a price counts for: about what clouds ask. Micro-dollars an hour.
constexpr Worth core_worth = 40'000;
constexpr Worth gpu_worth = 2'000'000;

bool matches(const std::string& wanted, const std::string& have) {
  return wanted.empty() || wanted == have;
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

Mismatch mismatch(const Space& space, const Needs& needs, const Choice& choice) {
  const Pool& pool = space.pool();
  if (!matches(choice.cloud, pool.cloud) || !matches(choice.region, pool.region) ||
      !matches(choice.zone, pool.zone) || !matches(choice.instance_type, pool.shape.name)) {
    return Mismatch::place;
  }
  if (choice.use_spot != (pool.purchase == Purchase::spot)) return Mismatch::purchase;
  if (!shape_takes(pool.shape, choice.demand)) return Mismatch::shape;
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
  std::vector<Segment> all;
  for (Leaf leaf = 0; leaf < space.leaves(); ++leaf) {
    const std::int64_t here = std::min<std::int64_t>(
        space.leaf_size(), pool.nodes - std::int64_t{leaf} * space.leaf_size());
    if (here <= 0) break;
    Mask mask = lowest(~Mask{0}, here);
    if (features) mask &= (*features)[leaf];
    if (mask != 0) all.push_back({leaf, mask});
  }
  if (features && count(all) < needs.min_nodes) return Mismatch::features;
  if (pool.share_nodes) {
    const Demand& demand = choice.demand;
    const auto times = [](std::int64_t whole, std::int64_t unit) {
      return unit <= 0 ? std::int64_t{INT32_MAX} : whole / unit;
    };
    const std::int64_t each = std::min({times(pool.shape.cpus_milli, demand.cpus_milli),
                                        times(pool.shape.memory_mib, demand.memory_mib),
                                        times(pool.shape.gpus, demand.gpus)});
    return each * count(all) < needs.min_nodes ? Mismatch::nodes : Mismatch::none;
  }
  if (count(all) < needs.min_nodes) return Mismatch::nodes;
  if (choose(space, all, needs.min_nodes, needs.nearness).empty()) return Mismatch::topology;
  return Mismatch::none;
}

Worth node_worth(const Pool& pool) {
  if (pool.price.nanos >= 1'000) return pool.price.nanos / 1'000;
  return std::max<Worth>(1, pool.shape.cpus_milli * core_worth / 1'000 +
                                pool.shape.gpus * gpu_worth);
}

Worth worth_of(const Pool& pool, const Demand& demand) {
  const Fraction part = part_of(pool.shape, demand);
  return std::max<Worth>(1, node_worth(pool) * part.held / std::max<std::int64_t>(1, part.whole));
}

}  // namespace mohona

// Packing by prices, slowly: every GPU of every node is scored anew.

#include <algorithm>

#include "core/schedule/naive_scheduler.h"

namespace mohona {

bool NaiveScheduler::is_priced(const Target& target) const {
  const Pool& pool = spaces_[target.pool]->pool();
  return pool.shape.gpus > 0 && !pool.share_nodes &&
         std::any_of(prices_.classes.begin(), prices_.classes.end(),
                     [&](const PackingClass& c) { return c.pool == pool.name; });
}

// On one of these targets, which cost the same.
std::optional<Decision> NaiveScheduler::try_packed(Job& job,
                                                   const std::vector<Target>& same) const {
  for (const bool kept : {false, true}) {
    std::optional<Start> best;
    std::int64_t best_score = 0;
    // In the order of the prices, so that the first of equal scores wins.
    for (const PackingClass& c : prices_.classes) {
      for (const Target& target : same) {
        const Space& space = *spaces_[target.pool];
        const Request asked = request(job, target);
        if (space.pool().name != c.pool || !open(job, target, asked) || allowed(job, target) < 1) {
          continue;
        }
        const ClassPrices prices(prices_, space.pool());
        const Demand& demand = *asked.demand;
        for (NodeIndex i = 0; i < space.nodes(); ++i) {
          const Node& node = space.node(i);
          if (!is_usable(space, asked, i, kept) || !space.fits(node, demand)) continue;
          std::map<std::uint32_t, std::int64_t> gpus;
          for_bits(node.gpus_free, [&](std::uint32_t gpu) { gpus[gpu] = 1'000; });
          space.for_parts(i, [&](std::uint32_t gpu, std::int64_t milli) { gpus[gpu] = milli; });
          const auto state = [&](bool placed) {
            FreeParts out{node.cpus_free, node.memory_free, 0, {}};
            if (placed) out.cpus_milli -= demand.cpus_milli;
            if (placed) out.memory_mib -= demand.memory_mib;
            for (const auto& [gpu, milli] : gpus) {
              milli == 1'000 ? void(++out.whole) : out.shares.push_back(milli);
            }
            return out;
          };
          const FreeParts before = state(false);
          const auto offer = [&](Mask mask, std::int64_t milli) {
            for_bits(mask, [&](std::uint32_t gpu) { gpus[gpu] -= milli; });
            const std::int64_t score =
                prices.score(demand, prices.outlook(before), prices.waste(before), state(true));
            for_bits(mask, [&](std::uint32_t gpu) { gpus[gpu] += milli; });
            if (best && score <= best_score) return;
            best_score = score;
            const Segment whole{i / space.leaf_size(), Mask{1} << (i % space.leaf_size())};
            best = Start{job.rank.job, target.pool, target.choice,
                         space.fills(demand) ? Grant{{whole}, {}} : Grant{{}, {{i, mask}}}};
          };
          if (demand.gpu_milli == 0) offer(lowest(node.gpus_free, demand.gpus), 1'000);
          for (const auto& [gpu, milli] : std::map(gpus)) {
            if (demand.gpu_milli > 0 && milli >= demand.gpu_milli) {
              offer(Mask{1} << gpu, demand.gpu_milli);
            }
          }
        }
      }
    }
    if (best) return *best;
  }
  return std::nullopt;
}

}  // namespace mohona

#include "bench/fgd.h"

#include <algorithm>
#include <cmath>

namespace mohona {
namespace {

constexpr double covered = 0.95;

bool will_do(const std::vector<std::string>& models, const std::string& gpu) {
  return models.empty() || std::find(models.begin(), models.end(), gpu) != models.end();
}

}  // namespace

Fgd::Fgd(const OpenbNodes& nodes, const std::vector<OpenbTask>& tasks) : nodes_(nodes) {
  std::map<Typical, double> counts;
  for (const OpenbTask& task : tasks) {
    const Demand& d = task.demand;
    counts[{d.cpus_milli, d.gpus, d.gpu_milli, task.models, 0}] += 1;
  }
  std::vector<Typical> ranked;
  for (const auto& [typical, count] : counts) {
    ranked.push_back(typical);
    ranked.back().part = count / static_cast<double>(tasks.size());
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Typical& a, const Typical& b) { return a.part > b.part; });
  std::size_t kept = 0;
  double sum = 0;
  while (kept < ranked.size() && sum < covered) sum += ranked[kept++].part;
  ranked.resize(kept);
  for (const Pool& pool : nodes.pools) {
    typical_.emplace_back();
    others_.push_back(0);
    for (Typical one : ranked) {
      one.part /= sum;
      if (one.gpus + one.gpu_milli > 0 && will_do(one.models, pool.shape.gpu)) {
        typical_.back().push_back(one);
      } else {
        others_.back() += one.part;
      }
    }
  }
}

// Thousandths of GPUs that are free, but of no use to a task drawn from the typical ones.
double Fgd::fragments(PoolIndex pool, const Free& free) const {
  std::int64_t all = 0, whole = 0;
  for (const std::int64_t gpu : free.gpus) all += gpu, whole += gpu == 1'000 ? 1 : 0;
  double out = others_[pool] * static_cast<double>(all);
  for (const Typical& one : typical_[pool]) {
    const std::int64_t each = one.gpu_milli > 0 ? one.gpu_milli : 1'000;
    std::int64_t fit = 0, small = 0;
    for (const std::int64_t gpu : free.gpus) {
      gpu >= each ? ++fit : small += gpu;
    }
    const bool hosts =
        free.cpus_milli >= one.cpus_milli && fit >= std::max<std::int64_t>(1, one.gpus);
    out += one.part * static_cast<double>(hosts ? small : all);
  }
  return out;
}

Fgd::Scored Fgd::evaluate(const Space& space, PoolIndex pool, NodeIndex i,
                          const Demand& demand) const {
  Scored out{space.changed(i), std::nullopt, 0};
  const Node& node = space.node(i);
  if (!space.fits(node, demand)) return out;
  Free free{node.cpus_free,
            std::vector<std::int64_t>(static_cast<std::size_t>(space.pool().shape.gpus), 0)};
  for_bits(node.gpus_free, [&](std::uint32_t gpu) { free.gpus[gpu] = 1'000; });
  space.for_parts(i, [&](std::uint32_t gpu, std::int64_t milli) { free.gpus[gpu] = milli; });
  const double before = fragments(pool, free);
  free.cpus_milli -= demand.cpus_milli;
  const auto offer = [&](Mask gpus, std::int64_t milli) {
    Free after = free;
    for_bits(gpus, [&](std::uint32_t gpu) { after.gpus[gpu] -= milli; });
    const double gain = (before - fragments(pool, after)) / 1'000;
    const auto score = static_cast<std::int64_t>(100 / (1 + std::exp(-gain)));
    if (out.score && *out.score >= score) return;
    out.score = score;
    out.gpus = gpus;
  };
  if (demand.gpu_milli == 0) {
    offer(lowest(node.gpus_free, demand.gpus), 1'000);
    return out;
  }
  for (std::uint32_t gpu = 0; gpu < free.gpus.size(); ++gpu) {
    if (free.gpus[gpu] >= demand.gpu_milli) offer(Mask{1} << gpu, demand.gpu_milli);
  }
  return out;
}

std::optional<Fgd::Choice> Fgd::choose(const Scheduler& scheduler, const OpenbTask& task) {
  const bool any_gpu = task.demand.gpus + task.demand.gpu_milli == 0;
  std::vector<Scored>& scores = scores_[task.demand];
  scores.resize(nodes_.order.size());
  const Scored* best = nullptr;
  for (std::size_t k = 0; k < nodes_.order.size(); ++k) {
    const auto [pool, node] = nodes_.order[k];
    if (!any_gpu && !will_do(task.models, nodes_.pools[pool].shape.gpu)) continue;
    const Space& space = scheduler.space(pool);
    if (scores[k].as_of != space.changed(node)) {
      scores[k] = evaluate(space, pool, node, task.demand);
    }
    if (scores[k].score && (!best || *scores[k].score > *best->score)) best = &scores[k];
  }
  if (!best) return std::nullopt;
  const auto [pool, node] = nodes_.order[static_cast<std::size_t>(best - scores.data())];
  return Choice{pool, {node, best->gpus}};
}

}  // namespace mohona

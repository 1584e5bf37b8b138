#include "core/fleet/capacity.h"

#include <algorithm>

namespace mohona {
namespace {

// How often `unit` goes into `free`; anything goes any number of times when nothing is asked.
std::int64_t times(std::int64_t free, std::int64_t unit) {
  if (unit <= 0) return INT64_MAX;
  return free < 0 ? 0 : free / unit;
}

}  // namespace

void PoolCapacity::define(PoolRecord record) {
  record_ = std::move(record);
  const auto offered = static_cast<std::size_t>(record_.pool.nodes);
  if (nodes_.size() < offered) nodes_.resize(offered);
}

std::int64_t PoolCapacity::members_that_fit(const NodeUse& use, const Demand& demand) const {
  const Shape& shape = record_.pool.shape;
  if (demand.gpus > 0 && !demand.gpu.empty() && demand.gpu != shape.gpu) return 0;
  const std::int64_t fits =
      std::min({times(shape.cpus_milli - use.cpus_milli, demand.cpus_milli),
                times(shape.memory_mib - use.memory_mib, demand.memory_mib),
                times(shape.gpus - static_cast<std::int64_t>(use.gpus.count()), demand.gpus)});
  return record_.pool.share_nodes ? fits : std::min<std::int64_t>(fits, 1);
}

std::int64_t PoolCapacity::room(const Demand& demand, std::int64_t enough) const {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < record_.pool.nodes && total < enough; ++i) {
    const std::int64_t here = members_that_fit(nodes_[static_cast<std::size_t>(i)], demand);
    total += std::min(here, enough - total);
  }
  return total;
}

std::optional<std::vector<Holding>> PoolCapacity::find(const Demand& demand,
                                                       std::int64_t nodes) const {
  std::vector<Holding> holdings;
  for (std::int64_t i = 0; i < record_.pool.nodes && std::ssize(holdings) < nodes; ++i) {
    const NodeUse& use = nodes_[static_cast<std::size_t>(i)];
    std::int64_t here = std::min(members_that_fit(use, demand), nodes - std::ssize(holdings));
    std::size_t gpu = 0;
    for (; here > 0; --here) {
      Holding holding{i, {}};
      for (; std::ssize(holding.devices) < demand.gpus; ++gpu) {
        if (!use.gpus.test(gpu)) holding.devices.push_back(static_cast<std::int64_t>(gpu));
      }
      holdings.push_back(std::move(holding));
    }
  }
  if (std::ssize(holdings) < nodes) return std::nullopt;
  return holdings;
}

void PoolCapacity::take(const Attempt& attempt) {
  for (const Holding& holding : attempt.holdings) {
    const auto index = static_cast<std::size_t>(holding.node);
    if (nodes_.size() <= index) nodes_.resize(index + 1);
    NodeUse& use = nodes_[index];
    use.cpus_milli += attempt.demand.cpus_milli;
    use.memory_mib += attempt.demand.memory_mib;
    for (const std::int64_t gpu : holding.devices) use.gpus.set(static_cast<std::size_t>(gpu));
  }
}

void PoolCapacity::give_back(const Attempt& attempt) {
  for (const Holding& holding : attempt.holdings) {
    NodeUse& use = nodes_.at(static_cast<std::size_t>(holding.node));
    use.cpus_milli -= attempt.demand.cpus_milli;
    use.memory_mib -= attempt.demand.memory_mib;
    for (const std::int64_t gpu : holding.devices) use.gpus.reset(static_cast<std::size_t>(gpu));
  }
}

NodeUse PoolCapacity::used() const {
  NodeUse total;
  for (const NodeUse& use : nodes_) {
    total.cpus_milli += use.cpus_milli;
    total.memory_mib += use.memory_mib;
  }
  return total;
}

std::int64_t PoolCapacity::gpus_used() const {
  std::int64_t total = 0;
  for (const NodeUse& use : nodes_) total += static_cast<std::int64_t>(use.gpus.count());
  return total;
}

}  // namespace mohona

// What would be free on a node if some of those that stand there had left.
#pragma once

#include <algorithm>
#include <bit>
#include <map>
#include <span>

#include "core/schedule/running.h"

namespace mohona {

class Emptying {
 public:
  Emptying(const Space& space, std::span<const Running> running, NodeIndex i)
      : space_(space), i_(i), node_(space.node(i)) {
    space.for_occupants(node_, [&](OccupantId who) {
      const Running& run = running[who];
      if (run.demand.gpu_milli > 0) parts_[gpu_of(run)] += run.demand.gpu_milli;
    });
  }

  void leaves(const Running& run) {
    node_.cpus_free += run.demand.cpus_milli;
    node_.memory_free += run.demand.memory_mib;
    const std::int64_t gpus = space_.pool().shape.gpus;
    if (!run.grant.whole.empty()) node_.gpus_free = lowest(~Mask{0}, gpus);
    if (run.demand.gpu_milli > 0) {
      const std::uint32_t gpu = gpu_of(run);
      if ((parts_[gpu] -= run.demand.gpu_milli) == 0) node_.gpus_free |= Mask{1} << gpu;
      return;
    }
    for (const Member& member : run.grant.members) {
      if (member.node == i_) node_.gpus_free |= member.gpus;
    }
  }

  bool fits(const Demand& demand) const {
    if (node_.cpus_free < demand.cpus_milli || node_.memory_free < demand.memory_mib) return false;
    if (demand.gpu_milli == 0) return count(node_.gpus_free) >= demand.gpus;
    return node_.gpus_free != 0 || std::any_of(parts_.begin(), parts_.end(), [&](const auto& part) {
             return part.second > 0 && 1'000 - part.second >= demand.gpu_milli;
           });
  }

 private:
  std::uint32_t gpu_of(const Running& run) const {
    for (const Member& member : run.grant.members) {
      if (member.node == i_) return static_cast<std::uint32_t>(std::countr_zero(member.gpus));
    }
    return 0;
  }

  const Space& space_;
  NodeIndex i_;
  Node node_;
  std::map<std::uint32_t, std::int64_t> parts_;  // held of shared GPUs
};

}  // namespace mohona

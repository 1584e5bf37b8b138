// The fleets and the queues that benchmarks run on.
#pragma once

#include "base/dice.h"
#include "core/schedule/scheduler.h"

namespace mohona {

constexpr std::int64_t full_fleet_nodes = 62'464;  // with 8 GPUs each
constexpr std::int64_t gpus_a_node = 8;
constexpr std::int64_t cores_a_cpu_node = 96;

// GPU nodes of one shape: leaves of 16 nodes, blocks of 16 leaves, fabrics of 16 blocks.
Pool gpu_pool(const std::string& name, const std::string& cloud, std::int64_t nodes);

// So many GPU nodes in four pools of two clouds (half, a quarter, an eighth, an eighth), and CPU
// nodes in proportion: 104,192 of 96 cores beside 62,464 GPU nodes, which makes 10 million cores.
std::vector<Pool> mixed_fleet(std::int64_t gpu_nodes);

// Three levels: 2 divisions of 4 departments of 5 teams. All have guarantees; some teams and
// departments may borrow only so much, and some teams do not lend everything.
std::vector<Queue> three_levels();
std::string team(std::int64_t i);  // of 40
constexpr std::int64_t teams = 40;
// The team may take as much as is idle, and so do those above it: very large gangs are theirs.
constexpr bool unbounded(std::int64_t i) { return i % 20 == 0; }
// The team always has more work than it may run.
constexpr bool greedy(std::int64_t i) { return i % 5 == 1 || i % 5 == 3; }

}  // namespace mohona

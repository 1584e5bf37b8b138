// How fast the scheduler decides on a large fleet that is nearly full.
#pragma once

#include "bench/figures.h"

namespace mohona {

struct PlacementOptions {
  std::int64_t nodes = 62'464;  // with GPUs; CPU nodes in proportion
  std::uint64_t seed = 1;
  std::int64_t decisions = 1'000'000;
  std::int64_t waiting = 0;  // jobs that wait, about; 0: in proportion to the nodes
};
Json bench_placement(const PlacementOptions& options);
// The same on fleets of four sizes.
Json bench_growth(const PlacementOptions& options);

}  // namespace mohona

// How long it takes to choose very many victims, and whether preemption comes to rest.
#pragma once

#include "bench/figures.h"

namespace mohona {

struct PreemptionOptions {
  std::int64_t nodes = 62'464;
  std::int64_t storm_nodes = 1'024;
  std::int64_t storm_jobs = 1'000;
  std::uint64_t seed = 1;
};
Json bench_preemption(const PreemptionOptions& options);

}  // namespace mohona

// A fleet over three clouds and a day of jobs for it, made up: a function of a seed.
#pragma once

#include "sim/faults.h"
#include "sim/workload.h"

namespace mohona {

struct Generated {
  Fleet fleet;
  Workload workload;
};

// `nodes`: of the whole fleet, at least 10. `jobs` arrive within `lasts`.
Generated generate(std::uint64_t seed, std::int64_t nodes, std::int64_t jobs, Timestamp begin,
                   Duration lasts, const FaultKinds& faults);

}  // namespace mohona

// The variables by which a rank knows who it is: torchrun's, Slurm's, SkyPilot's and our own.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"

namespace mohona {

// What an engine knows and the spec does not.
struct LaunchPlace {
  std::vector<std::string> addresses;  // one for each granted node, in rank order
  std::int64_t master_port = 0;
  std::int64_t port = 0;            // a replica's
  std::string output, checkpoint;   // directories
  std::string progress;             // the file in which work says how far it is
  std::vector<std::string> inputs;  // one a needed job: the directory of its outputs
};

// How many nodes the gang was granted. An elastic gang may run on fewer than its spec asks for at
// most.
std::int64_t node_count(const Launch& launch);

// How many processes a gang starts: one on each node, or the first node's script alone.
std::int64_t rank_count(const Launch& launch);

// The environment that all ranks share, in a fixed order; the job's own `envs` and secrets come
// last and win. A list of the gang's nodes stands here alone: one for each rank would make the
// order of a gang grow with the square of its size.
Variables shared_environment(const Launch& launch, const LaunchPlace& place);

// What each rank has of its own, beside the shared environment. What `envs` or secrets set is left
// out.
Variables rank_environment(const Launch& launch, std::int64_t rank);

}  // namespace mohona

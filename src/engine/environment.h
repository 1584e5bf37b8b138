// The variables by which a rank knows who it is: torchrun's, Slurm's, SkyPilot's and our own.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"

namespace mohona {

// What an engine knows and the spec does not.
struct LaunchPlace {
  std::vector<std::string> addresses;  // one a node of the gang
  std::int64_t master_port = 0;
  std::int64_t port = 0;            // a replica's
  std::string output, checkpoint;   // directories
  std::string progress;             // the file in which work says how far it is
  std::vector<std::string> inputs;  // one a needed job: the directory of its outputs
};

// How many processes a gang starts: one on each node, or the first node's script alone.
std::int64_t rank_count(const JobSpec& spec);

// The environment of one rank, in a fixed order; the job's own `envs` and secrets come last and
// win.
Variables rank_environment(const Launch& launch, const LaunchPlace& place, std::int64_t rank);

}  // namespace mohona

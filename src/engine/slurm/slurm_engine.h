// The engine that runs work as jobs of Slurm clusters, one supervisor a job, on a file system that
// the controller and the nodes share.
//
//   WORK/jobs/…                        what host/places.h says
//   WORK/slurm/name                    by which our jobs are told from those of others
//   WORK/slurm/running/17.0.2          a mark: launched, and not yet forgotten; says in which slot
//   WORK/slurm/batches/NAME/{0,1,…}    what was asked of Slurm at once: a slot for each job of it
//
// A launch is a mark and an order on the disk; a thread brings it to the cluster and repeats what
// got no answer. An attempt runs in a slot (host/slot.h): a gang in one of its own, a shard in that
// of its predecessor, if one is free on its node.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "engine/slurm/cluster.h"

namespace mohona {

struct SlurmEngineOptions {
  std::string work;        // absolute, and the same on the nodes
  std::string supervisor;  // the program, on the nodes
  std::function<std::unique_ptr<slurm::Cluster>(const slurm::Site&)> open = slurm::make_cluster;
};

class SlurmEngine : public Engine {
 public:
  // Fills in what the cluster tells of a pool: nodes, shape, features. `known`: the pool as it was
  // before, if there was one; it stays so when the cluster does not answer, or has it no more.
  // Errors, of a pool that was not known: Code::unavailable when the cluster does not answer,
  // Code::invalid for what it does not have.
  virtual Result<void> complete(Pool& pool, const Pool* known) = 0;
};

// Adopts what marks tell of. Errors: what cannot be read or written in `work`.
Result<std::unique_ptr<SlurmEngine>> make_slurm_engine(SlurmEngineOptions options);

}  // namespace mohona

// A cluster's nodes as pools, and what its own people and other users do to them.
#pragma once

#include <map>

#include "engine/engine.h"
#include "engine/slurm/link.h"
#include "model/resources.h"

namespace mohona::slurm {

// Completes a pool that is a partition: its nodes, their shape and their features. Hosts that are
// known keep their places, since what runs is known by them; a host that has gone keeps it too.
// Errors: Code::invalid when there is no such partition, or its nodes are not of one shape.
Result<void> complete_pool(const std::vector<NodeInfo>& nodes, const std::string& partition,
                           const std::vector<std::string>& known_hosts, Pool& pool);

// What we hold ourselves on a node, by its name.
struct Own {
  std::int64_t cpus = 0, memory_mib = 0, gpus = 0;
  std::vector<std::int64_t> devices;  // as the pool counts them
};

// Adds what jobs of this request, those that run, hold on each of their nodes.
void add_jobs(const JobRequest& request, const std::vector<JobInfo>& jobs,
              std::map<std::string, Own>& own);
// Adds the devices that our books give to an attempt.
void add_devices(const Pool& pool, const std::vector<Holding>& holdings,
                 std::map<std::string, Own>& own);

// The nodes of the pool that are not simply up and ours, as `Engine::nodes` says them.
std::vector<NodeReport> report_nodes(const Pool& pool, const std::string& partition,
                                     const std::vector<NodeInfo>& nodes,
                                     const std::map<std::string, Own>& own);

// Jobs and nodes are asked for one after the other: of the loads in `reports` only what the look
// before (`before`) has seen as well is believed.
void believe_twice(std::vector<NodeReport>& reports, const std::vector<NodeReport>& before);

// All of them out of work's way, for this reason.
std::vector<NodeReport> report_all(const Pool& pool, const std::string& reason);

}  // namespace mohona::slurm

// The rule under which the SRTF and SRSF rows of Muri's paper were made, replayed as published: to
// see that the trace and the figures mean what we think, not as a way to run a cluster.
//
// At every start or end of a job each running job loses its overhead of progress (never more than
// it has made since the last one). All jobs are sorted by remaining time (× GPUs for SRSF), stably;
// the cluster is emptied and filled greedily in that order. A job of at most a node's GPUs goes to
// the first node with enough free; a larger one to the first empty nodes, and its remainder to the
// first other node with room. Only GPUs bind. What happens at one instant is one event.
#pragma once

#include "model/scheduling.h"
#include "sim/results.h"
#include "sim/workload.h"

namespace mohona {

// `order`: srtf or srsf. The fleet has one pool.
std::vector<JobOutcome> replay_published(const Fleet& fleet, const Workload& workload,
                                         QueueOrder order);

}  // namespace mohona

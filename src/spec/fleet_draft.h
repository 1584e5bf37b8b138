// A fleet file while it is being read: what the readers of its parts share.
#pragma once

#include "model/node_ranges.h"
#include "model/scheduling.h"
#include "spec/fields.h"

namespace mohona {

struct FleetDraft {
  Fleet fleet;
  Problems& problems;
  const SpecNode* reservations = nullptr;  // read last: they name pools and queues
  const SpecNode* prices = nullptr;        // likewise: what the file says itself wins
};

// All of a fleet file's map, also where it stands in another file. `source`: where paths start.
Fleet read_fleet(const SpecNode& map, const Source& source, Problems& problems);

void read_pools(const SpecNode& node, FleetDraft& draft);         // fleet_pools.cc
void read_queues(const SpecNode& node, FleetDraft& draft);        // fleet_queues.cc
void read_scheduling(const SpecNode& node, FleetDraft& draft);    //
void read_reservations(const SpecNode& node, FleetDraft& draft);  // fleet_reservations.cc

// A pool while it is being read.
struct PoolDraft {
  Pool pool;
  Problems& problems;
  const SpecNode* features = nullptr;  // read last: they name nodes
};

// Slurm's part of a pool. Its nodes and their shape the cluster tells, so the file does not.
void read_slurm(const SpecNode& node, PoolDraft& draft);   // fleet_slurm.cc
void read_hosts(const SpecNode& node, PoolDraft& draft);   //
void check_slurm(const SpecNode& pool, PoolDraft& draft);  // once all of the pool is read

// "0-15,32" or [0-15, 32]. `pool_nodes`: how many there are; 0: not known.
bool read_node_list(const SpecNode& node, std::int64_t pool_nodes, NodeRanges& out,
                    Problems& problems);

// `map` with {nodes: 0-15,32} as its author meant it. Inside braces a comma ends a value, so YAML
// makes a key of the "32", which can be no other key.
SpecNode with_whole_node_lists(const SpecNode& map);

}  // namespace mohona

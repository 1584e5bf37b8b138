// What surrounds a run on the file system: the working directory before it, its outputs after it.
#pragma once

#include "base/result.h"
#include "engine/host/order.h"

namespace mohona::host {

// The working directory, copied once a job. What of it was left out is said in rank 0's log.
bool needs_workdir(const Order& order);
Result<void> copy_workdir(const Order& order);

// The checkpoint's link in the working directory.
Result<void> link_checkpoint(const Order& order);

// Whether this job's setup is still to be run here; `mark_set_up` once it has succeeded.
bool needs_setup(const Order& order);
Result<void> mark_set_up(const Order& order);

// Moves what a shard wrote to where dependants look, file by file. Two shards that write the same
// name are an error, and the other's file stays. Repeating it for the same shard is safe.
Result<void> publish(const Order& order);

}  // namespace mohona::host

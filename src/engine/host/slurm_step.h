// The ranks of a gang that a Slurm job holds: one step, which `srun` starts on the job's nodes.
#pragma once

#include <optional>
#include <string>

#include "engine/host/order.h"

namespace mohona::host {

// What Slurm itself tells the process that calls this: its SLURM_ variables and the devices that it
// may use. Arrays are ours: Slurm's own say nothing of the work's.
Variables slurms_variables();

// The program that runs `script` (a path) as every rank of the order and ends with the first bad
// exit. Errors: what cannot be written.
Result<std::string> write_step(const std::string& attempt_directory, const Order& order,
                               const std::string& script);

// Which rank failed first, and how; none: nobody has said so.
struct RankFailure {
  std::int64_t rank = 0, code = 0;
};
std::optional<RankFailure> first_failure(const std::string& attempt_directory);

// Ends every process of the job's steps, on all its nodes; the job itself goes on.
void kill_steps();

// `mohona-supervisor --rank DIRECTORY SCRIPT`, started by srun on each node: becomes the rank that
// SLURM_PROCID names. Returns its exit status.
int run_rank(const std::string& attempt_directory, const std::string& script);

}  // namespace mohona::host

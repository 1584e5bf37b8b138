// The ranks of a gang that a Slurm job holds: one step, which `srun` starts on the job's nodes.
#pragma once

#include <optional>
#include <string>

#include "engine/host/order.h"

namespace mohona::host {

// The environment of a rank, one value a name: what Slurm itself tells the process that calls this
// (its SLURM_ variables and the devices that it may use), the order's and the rank's own.
Variables rank_variables(const Order& order, const RankOrder& rank);

// The program that runs `script` (a path) as every rank of the order, each of which records how it
// ended. Errors: what cannot be written.
Result<std::string> write_step(const std::string& attempt_directory, const Order& order,
                               const std::string& script);

// Which rank failed first, and how; none: nobody has said so.
struct RankFailure {
  std::int64_t rank = 0, code = 0, signal = 0;
};
std::optional<RankFailure> first_failure(const std::string& attempt_directory);

// The first of `count` ranks that has not recorded its own end; none: all have. Waits for a shared
// file system to show what was written elsewhere.
std::optional<std::size_t> rank_without_end(const std::string& attempt_directory,
                                            std::size_t count);

// The last line of a log that says something, bounded; empty: it says nothing.
std::string last_words(const std::string& log);

// Sends the signal to every process of the job's steps, on all its nodes; the batch script gets
// none of it.
void signal_steps(int number);

// Makes each rank that is being stopped kill every process that it has started.
void ask_ranks_to_kill(const std::string& attempt_directory);

// `mohona-supervisor --rank DIRECTORY SCRIPT`, started by srun on each node: runs the rank that
// SLURM_PROCID names and records how it ended. Returns 0 when that is recorded, whatever it was.
int run_rank(const std::string& attempt_directory, const std::string& script);

}  // namespace mohona::host

// Slurm's `srun` and `scontrol`, as far as batch scripts use them, where there is no Slurm.
//
// A job's nodes are all this machine. `srun` starts a job's tasks there, passes its standard input
// on to them, and ends with the highest of their exit codes; when one fails, the others are ended.
// `scontrol show hostnames` expands a list of nodes.
#pragma once

#include <string>

#include "base/result.h"

namespace mohona::host {

// Marks each process of a step: a batch script's --signal is for these and not for its shell.
constexpr const char* step_variable = "MOHONA_STEP";

// The name of this program in /proc/PID/comm, which has room for so much of it.
constexpr const char* supervisor_name = "mohona-supervis";

// Writes the programs into `directory` and returns it; it goes first in PATH. They call the
// program at `supervisor`.
Result<std::string> install_slurm_tools(const std::string& directory,
                                        const std::string& supervisor);

// `mohona-supervisor --srun …` and `mohona-supervisor --scontrol …`. Return exit statuses.
int run_srun(int argc, char** argv);
int run_scontrol(int argc, char** argv);

}  // namespace mohona::host

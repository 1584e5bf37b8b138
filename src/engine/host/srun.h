// `srun` for batch scripts where there is no Slurm: starts a job's tasks on its nodes, which are
// all this machine, and waits for them.
#pragma once

#include <string>

#include "base/result.h"

namespace mohona::host {

// Writes the program into `directory` and returns that directory, which goes first in PATH.
Result<std::string> install_srun(const std::string& directory);

}  // namespace mohona::host

// What `srun OPTIONS COMMAND…` asks for.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace mohona::host {

struct SrunOptions {
  std::int64_t tasks = 1, nodes = 1;
  bool label = false;            // each line begins with its task's number
  bool end_others = true;        // when a task fails
  std::string input = "all";     // all, none, a task's number, or a file
  std::string output, error;     // files, with %t and others; empty: where srun's own goes
  std::string directory;         // empty: where srun is
  std::string exported = "ALL";  // names, NAME=VALUE, ALL, NONE
  std::string cpus_per_task;     // as it was given; for the tasks to read
  std::vector<std::string> command;
};

// `variable`: of the environment, by its name; empty when it is not set.
using Lookup = std::string (*)(const char* variable);

// Options may stand apart from their values or not, and be abbreviated, as in Slurm. Those that
// only concern where and how tightly tasks run mean nothing where all nodes are one machine. An
// error is a message for people.
Result<SrunOptions> parse_srun(int argc, char** argv, Lookup variable);

}  // namespace mohona::host

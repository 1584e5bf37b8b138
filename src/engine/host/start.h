// How a process of work begins: in the state that a login would give it, not in ours.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "model/job.h"

namespace mohona::host {

struct NewProcess {
  std::string program;
  std::string directory;
  Variables environment;
  int out = -1, err = -1;
  std::vector<int> entrances;  // of control groups: "0" written there is the way in
};

// Starts processes of work and learns why one could not begin.
//
// A process begins with the default disposition of every signal and none blocked, its standard
// input from /dev/null, mask 022, a process group of its own, the limits that the engine's own
// process had before it raised them, and no file of ours. It ends with us.
class Starter {
 public:
  // The variable in which an engine that has raised its own limit says how many files work may
  // have open.
  static constexpr const char* open_files_variable = "MOHONA_OPEN_FILES";

  Starter();

  // The process, or -1: the machine has no room for another one.
  pid_t start(const NewProcess& what);

  // Of a process that ended with 125 or 126: what it could not do. Empty: it said nothing.
  std::string why_not(pid_t pid);

 private:
  Fd complaints_, complaining_;  // a pipe
  rlimit files_{};               // that work gets
  std::vector<std::pair<pid_t, std::string>> known_;
};

}  // namespace mohona::host

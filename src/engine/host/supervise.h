// The supervisor: one small process for each attempt, which outlives the controller that started
// it.
//
// It holds a lock on the attempt's directory while it lives, prepares the working directory, starts
// the ranks, stops them when it is told to, and writes how they ended, durably. A second supervisor
// of the same attempt waits for the lock and then finds that there is nothing left to do.
#pragma once

#include <string>

namespace mohona::host {

// Returns the exit status of the supervisor's process, which nobody needs: exit.json says it all.
int supervise(const std::string& attempt_directory);

}  // namespace mohona::host

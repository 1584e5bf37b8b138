// How many files this process may have open, and how many it was started to have open.
#pragma once

#include <sys/resource.h>

#include <cstddef>

namespace mohona {

// The limits before `raise_open_files`. What this process starts for others gets these: programs
// that use select() break when a number is above 1023, and some close every number up to the limit.
rlimit open_files_at_start();

// The soft limit becomes the hard one: it is for programs that use select(), and each attempt on
// this machine, each rank's log and each connection takes a file. Returns how many there may be.
std::size_t raise_open_files();

}  // namespace mohona

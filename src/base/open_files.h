// How many files this process may have open, and how many it was started to have open.
#pragma once

#include <sys/resource.h>

namespace mohona {

// The limits before `raise_open_files`. What this process starts for others gets these: programs
// that use select() break when a number is above 1023, and some close every number up to the limit.
rlimit open_files_at_start();

// The soft limit becomes the hard one.
void raise_open_files();

}  // namespace mohona

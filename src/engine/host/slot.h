// A slot: the place that one Slurm job (one task of an array of them) holds, in which attempts of
// the same job run one after another. Slurm starts some tens of jobs a second; a shard that takes
// over its predecessor's slot costs it nothing.
//
//   SLOT/{open,next,closed}   one of them: it may be given an attempt, was given one that it has
//                             not begun, takes none any more
//   SLOT/assignment           the directory of the attempt that it was given last
//   SLOT/linger               for how long it waits for another, in milliseconds
//
// Either side renames `open` to say what it does; whoever comes second finds it gone.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"

namespace mohona::host {

// An older slot takes nothing more, so that Slurm's time limit does not meet what it has just
// begun.
constexpr Duration slot_age_max = std::chrono::minutes(30);

// Makes the slot with the first attempt that it is given.
Result<void> make_slot(const std::string& slot, const std::string& attempt_directory,
                       Duration linger);

// False: it takes none any more, or has one waiting.
Result<bool> give(const std::string& slot, const std::string& attempt_directory);

// `mohona-supervisor --slot SLOT`: supervises what it is given until nothing comes for a while.
int work_in_slot(const std::string& slot);

}  // namespace mohona::host

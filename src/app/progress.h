// How far a job is, as a person reads it.
#pragma once

#include <string>

#include "app/remote.h"

namespace mohona {

// "[####......] 5/12" of tasks, or "[####......] 45 %, 2m 03s left" of steps; empty when nothing is
// known. `job`: as the API gives it.
std::string progress_of(const Json& job);

// "450/1000, 45 %, 2m 03s left, loss=2.31": all that is known of steps; empty without any.
std::string steps_in_full(const Json& steps);

// "450/1000", "450"; empty without any.
std::string steps_in_short(const Json& steps);

}  // namespace mohona

// What running work says of itself: how far it is, and so when it will probably end.
#pragma once

#include "core/input.h"

namespace mohona {

// No estimate reaches further than this beyond the report that it is made from.
constexpr Duration estimate_max = std::chrono::hours(24 * 3'650);

// A machine's clock is believed only between the attempt's placement and now.
Timestamp believed(std::optional<Timestamp> reported, const Attempt& attempt, Timestamp now);

// When work that goes on as fast as it has gone so far is done; nothing while it cannot be said:
// the total is not known, or no step lies between two reports.
std::optional<Timestamp> probable_end(const Steps& steps);

// What the report changes. Numbers that cannot be are taken for nothing said.
Facts decide_progress(const JobSpec& spec, const Attempt& attempt, const Progress& input,
                      Timestamp now);

}  // namespace mohona

// Keeps the record of a job that makes a million attempts small: of most of those that have ended
// only the sums remain, and the bill is the same to the micro-dollar.
#pragma once

#include "model/record.h"

namespace mohona {

Attempts::Place add_attempt(Job& job, Attempt attempt);

// Sums what is too much to be kept. To be called after `Attempts::ended`, and for a record that
// comes from a snapshot: it may be older than this bound.
void sum_past_attempts(Job& job);

// How long it ran, if that tells how long such work takes: it ended well and by itself.
std::optional<Duration> teaching_time(const Attempt& attempt);

}  // namespace mohona

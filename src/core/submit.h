// Whether jobs are accepted, and under which numbers.
#pragma once

#include "core/input.h"
#include "core/state.h"

namespace mohona {

// A JobSubmitted for each job, in order. A key that was used before gives no facts when the jobs
// are the same (`submitted_before` finds them) and Code::conflict when they are not.
Result<Facts> decide_submit(const State& state, const Submit& input, Timestamp now);

// The jobs that this key stands for already; empty when it is new.
std::vector<JobId> submitted_before(const State& state, const std::string& key);

}  // namespace mohona

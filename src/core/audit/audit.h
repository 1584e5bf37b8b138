// A state at rest, looked at as a whole: whether what is derived (the scheduler's books, queues,
// counts, lists) is what follows from the records. It takes about as long as reading all records.
#pragma once

#include "core/audit/violation.h"
#include "core/state.h"

namespace mohona {

std::vector<Violation> audit(const State& state, Timestamp now);

}  // namespace mohona

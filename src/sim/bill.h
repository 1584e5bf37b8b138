// What the clouds bill for a simulated world, under the contracts of its fleet.
#pragma once

#include "base/result.h"
#include "core/state.h"
#include "money/accounts.h"
#include "sim/results.h"

namespace mohona {

// bill_usd, cash from `begin` to `until` with what fell due by then, and its parts: fees_usd of
// what was promised, usage_usd of what nothing covered, due_usd of minimums that were missed and
// the like. bill_bound_usd: no placement of the same hours could have cost less (bill.cc says why).
// Errors: those of Accounts.
Result<Json> bill_figures_of(const State& state, Timestamp begin, Timestamp until);

}  // namespace mohona

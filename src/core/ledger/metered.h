// What ran, as usage that contracts settle: the hours of every attempt, from its placement to its
// end, on the meter of its pool.
#pragma once

#include <vector>

#include "core/state.h"
#include "money/accounts.h"

namespace mohona {

// In the hours from that of `from` on, up to `until`, of all attempts whose record is kept
// (model/attempts.h) but for `without`. Seconds are whole: an hour's end to the second belongs to
// it, so that the hours of an attempt add up.
std::vector<UsageSlice> usage_of(const State& state, Timestamp from, Timestamp until,
                                 AttemptId without = {});

// The same of all attempts together: one slice, of no resource, for each hour and meter.
std::vector<UsageSlice> total_usage_of(const State& state, Timestamp from, Timestamp until);

// The state's contracts, with an offer for each pool at its own price where they have none; also
// for those that are gone.
Contracts contracts_with_gone(const State& state);

// Those hours settled under the state's contracts, from the hour of `from` to that of `until`,
// whose own hour is settled as far as it has got.
Result<Accounts> settled_accounts(const State& state, Timestamp from, Timestamp until,
                                  AttemptId without = {});

// How much less would have been billed by `now` if this attempt had never run.
Result<Money> charged_for(const State& state, const Attempt& attempt, Timestamp now);

}  // namespace mohona

#include "core/ledger/metered.h"

#include <algorithm>

namespace mohona {
namespace {

using namespace std::chrono;

// The meter of a pool that the fleet no longer has: all that is known is what its attempts say.
Meter meter_of_gone(const Attempt& attempt) {
  return {attempt.pool, {attempt.cloud, "", ""}, "", ""};
}

// Calls take(hour, unit-seconds) for each hour of the span in which the attempt ran.
template <class Take>
void for_hours(const Attempt& attempt, const Window& span, Take take) {
  const auto begin = floor<seconds>(attempt.placed_at);
  const auto end = floor<seconds>(std::min(attempt.ended_at.value_or(span.to), span.to));
  const std::int64_t nodes = std::ssize(attempt.holdings);
  // Units × seconds so far: hours are differences of these, and so add up.
  const auto so_far = [&](sys_seconds at) {
    const Wide all = Wide{(at - begin).count()} * nodes * attempt.part.held;
    return static_cast<std::int64_t>(all / std::max<std::int64_t>(1, attempt.part.whole));
  };
  for (Hour hour = floor<hours>(std::max(attempt.placed_at, span.from)); hour < end;
       hour += hours(1)) {
    const sys_seconds from = std::max<sys_seconds>(begin, hour);
    const sys_seconds to = std::min<sys_seconds>(end, hour + hours(1));
    const std::int64_t units = so_far(to) - so_far(from);
    if (units > 0) take(hour, units);
  }
}

}  // namespace

namespace {

// Calls take(attempt, meter) for those that ran within the span.
template <class Take>
void for_attempts(const State& state, const Window& span, Take take) {
  const Contracts contracts = with_pools(state.contracts(), state.pools());
  std::map<std::string, Meter> meters;
  for (const auto& [name, record] : state.pools()) meters[name] = meter_of(record.pool, contracts);
  for (const auto& [id, entry] : state.jobs()) {
    for (const Attempt& attempt : entry.job.attempts) {
      if (attempt.placed_at >= span.to) continue;
      if (attempt.ended_at && *attempt.ended_at <= span.from) continue;
      const auto meter = meters.find(attempt.pool);
      take(attempt, meter == meters.end() ? meter_of_gone(attempt) : meter->second);
    }
  }
}

}  // namespace

std::vector<UsageSlice> usage_of(const State& state, Timestamp from, Timestamp until,
                                 AttemptId without) {
  std::vector<UsageSlice> out;
  for_attempts(state, {from, until}, [&](const Attempt& attempt, const Meter& meter) {
    if (attempt.id == without) return;
    for_hours(attempt, {from, until}, [&](Hour hour, std::int64_t units) {
      out.push_back({to_string(attempt.id), meter, hour, units});
    });
  });
  return out;
}

std::vector<UsageSlice> total_usage_of(const State& state, Timestamp from, Timestamp until) {
  std::map<std::pair<Hour, Meter>, std::int64_t> sums;
  for_attempts(state, {from, until}, [&](const Attempt& attempt, const Meter& meter) {
    for_hours(attempt, {from, until}, [&](Hour hour, std::int64_t units) {
      sums[{hour, meter}] += units;
    });
  });
  std::vector<UsageSlice> out;
  for (const auto& [key, units] : sums) out.push_back({"", key.second, key.first, units});
  return out;
}

Contracts contracts_with_gone(const State& state) {
  Contracts contracts = with_pools(state.contracts(), state.pools());
  std::map<std::string, Offer> gone;
  for (const auto& [id, entry] : state.jobs()) {
    for (const Attempt& attempt : entry.job.attempts) {
      if (state.find_pool(attempt.pool)) continue;
      Offer& offer = gone[attempt.pool];
      const Meter meter = meter_of_gone(attempt);
      offer.sku = meter.sku;
      offer.place = meter.place;
      offer.unit = "instance";
      offer.tiers = {{0, attempt.price}};
    }
  }
  for (auto& [pool, offer] : gone) contracts.offers.push_back(std::move(offer));
  return contracts;
}

Result<Accounts> settled_accounts(const State& state, Timestamp from, Timestamp until,
                                  AttemptId without) {
  const Hour begin = floor<hours>(from);
  Accounts accounts(contracts_with_gone(state), begin);
  for (const UsageSlice& slice : usage_of(state, begin, until, without)) {
    if (auto ok = accounts.add(slice); !ok) return fail(ok.error());
  }
  if (auto ok = accounts.settle(ceil<hours>(until), until); !ok) return fail(ok.error());
  return accounts;
}

Result<Money> charged_for(const State& state, const Attempt& attempt, Timestamp now) {
  // Whole hours: what came after it in its last one counts as well, whenever this is asked.
  const Hour first = floor<hours>(attempt.placed_at);
  const Hour end = ceil<hours>(std::min(attempt.ended_at.value_or(now), now));
  Exact billed;
  for (const bool with : {true, false}) {
    const auto accounts = settled_accounts(state, first, std::min<Timestamp>(now, end),
                                           with ? AttemptId{} : attempt.id);
    if (!accounts) return fail(accounts.error());
    accounts->ledger().for_usage(first, end, [&](Hour, const Charge& charge) {
      (with ? billed += charge.billed : billed -= charge.billed);
    });
  }
  return rounded(billed);
}

}  // namespace mohona

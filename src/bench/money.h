// How fast hours are settled and prices asked for, under three layers of commitments.
#pragma once

#include "bench/figures.h"

namespace mohona {

struct SettleOptions {
  std::int64_t resources = 2'000;  // used in every hour
  std::int64_t hours = 744;
  std::uint64_t seed = 1;
};
// usage_hours_per_second: an hour's slices to its charges, on one core. posted_per_second: the
// same, with the charges in the ledger. digest: of all charges.
Json bench_settle(const SettleOptions& options);

struct PriceOptions {
  std::int64_t asked = 200'000;  // prices that are timed
  std::int64_t cases = 10'000;   // prices compared with the difference of two settlements
  std::uint64_t seed = 1;
};
Json bench_price(const PriceOptions& options);

}  // namespace mohona

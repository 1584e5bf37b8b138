// Which commitment to buy, and how much of it.
//
// Usage is cut into slices, one unit on the other; each slice is paid in the way that is cheapest
// for the hours in which it is used (the lower envelope of cost lines). For one plan at a discount
// d this is the quantile rule: commit to what usage stays below in a part d of all hours, F⁻¹(d)
// (contracts.md section 3).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/assumptions.h"
#include "money/exact.h"

namespace mohona {

// So many thousandths of units were used in so many hours.
struct UsedHours {
  std::int64_t units_milli = 0;
  std::int64_t hours = 0;
};

struct BuyMix {
  std::vector<std::int64_t> units_milli;  // as the options
  Exact cost;                             // with what is left at `on_demand`
  Exact cost_on_demand;                   // of all
};
// The mix of least cost; ties go to less commitment, then to the earlier option. Every option's
// `hourly` is set. No amount that is chosen without knowing the hours' order could cost less.
BuyMix cheapest_mix(std::vector<UsedHours> used, Price on_demand,
                    const std::vector<BuyOption>& options);

struct BuyAdvice {
  std::string demand;
  std::vector<std::string> options;
  std::vector<std::int64_t> units_milli;
  // Means over the paths, of all years.
  Money on_demand;  // nothing is bought
  Money advised;    // the mix is bought
  // No advice could cost less on average: on each path what would have been best for it. What
  // `advised` costs more is the price of not knowing the future.
  Money bound;
  friend bool operator==(const BuyAdvice&, const BuyAdvice&) = default;
};
// Of every question, for its demand as if no other commitment covered it and at its first price.
// Errors: Code::not_found without an offer.
Result<std::vector<BuyAdvice>> advise(const Assumptions& assumptions);

}  // namespace mohona

// What one more hour of something costs now, given what has been promised and what runs.
//
//   Now now(book, hour);
//   now.add(meter, unit_hour);                        // what runs already
//   MarginalPrice price = now.price({.meter = meter});
//
// The price is exactly the difference of two settlements, with and without that hour, found by
// looking only at what changes: an idle reserved slot costs what running it costs; a saturated plan
// displaces its least-saving usage, so it is neither free nor at list price (contracts.md section
// 2).
#pragma once

#include <span>
#include <vector>

#include "money/book.h"

namespace mohona {

// A price as a sum that can be printed. Each part is exact; `relief` is 0 or less.
struct MarginalPrice {
  Exact rate;       // what the hour itself is charged
  Exact displaced;  // what usage costs that it pushes out of commitments
  Exact relief;     // what spending toward minimums that would be missed is worth
  Exact egress;     // as asked
  Exact risk;       // as asked: the loss to expect of a machine that can be taken away
  constexpr Exact total() const { return rate + displaced + relief + egress + risk; }
};

struct PriceQuestion {
  MeterId meter = 0;
  Quantity quantity = unit_hour;
  // The worth of a dollar spent toward each minimum, in billionths (μ of contracts.md): by TermId;
  // what is missing counts as 0. For spending paid ahead: the chance that it will be left over.
  std::span<const std::int64_t> relief_ppb = {};
  Exact egress;
  Exact risk;
};

}  // namespace mohona

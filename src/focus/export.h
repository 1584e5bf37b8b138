// A ledger as FOCUS 1.2 cost and usage: one row for each entry, comma-separated.
//
// FOCUS is the FinOps Foundation's format for bills (focus.finops.org). Amounts are written to
// twelve digits after the point: a row's error is below 10^-12 dollars, and a product of price and
// quantity is its cost to one part in 10^9, which is what the official validator asks.
//
// What stands where:
//
//   used by a resource   Usage; Committed and Used where a commitment covers it: billed 0,
//   effective
//                        its share of the fee
//   left over            Usage, Committed, Unused; the commitment is the resource
//   fees                 Purchase, Recurring or One-Time; effective 0
//   what covered usage costs beside the fees, cheaper tiers, true-ups and overage
//                        Usage or Adjustment of their own
//   credits              Credit
//   corrections          the same, with ChargeClass Correction
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "money/ledger.h"

namespace mohona {

// The columns, in the order in which they are written.
const std::vector<std::string_view>& focus_columns();

struct FocusOptions {
  std::string account = "mohona";  // the billing account of charges that name none
};

// Calls line(text) for the heading and for every entry, each with its line end.
void export_focus(const Book& book, const Ledger& ledger, const FocusOptions& options,
                  const std::function<void(std::string_view)>& line);

}  // namespace mohona

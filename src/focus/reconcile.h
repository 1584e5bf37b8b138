// What a cloud bills against what our own settlement says, difference by difference.
//
// Both sides are added up to groups at the level at which they can be matched: the period (hour,
// day or month: the coarser of both), cloud, sku, region, category, commitment. Every group that
// differs gets one explanation; only where there are corrections besides, or coverage, quantity and
// price differ together, it falls into parts with one each. Together they are the bill less ours,
// to the last digit: nothing is left unexplained.
//
// The first that fits, in this order:
//
//   rounding     the same quantity on both sides, and at most half a cent for each row of the bill
//   corrected    without corrections of the bill that ours does not have (or of ours that the bill
//                does not have yet) both agree better: the corrections are a difference of their
//                own, and what is left goes on below
//   coverage     all usage of the sku is as much on both sides, but a commitment covers another
//                part of it; one difference for all of the sku's groups in the period. If the
//                quantity differs besides, what has moved is set apart and the rest goes on below
//   unknown_fee  a purchase, tax, credit or adjustment that ours does not have
//   only_billed  usage that ours does not have: another team's, or by hand
//   only_ours    what the bill does not have: not billed yet, or not metered
//   price        the same quantity at another price; also fees of another amount, as they have no
//                quantity
//   quantity     another quantity: what it costs at our price. What is then left beyond rounding is
//                a difference of price
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "focus/totals.h"

namespace mohona {

enum class DifferenceKind {
  rounding,
  corrected,
  coverage,
  unknown_fee,
  only_billed,
  only_ours,
  price,
  quantity,
};
constexpr std::size_t difference_kinds = 8;
std::string_view name(DifferenceKind kind);  // "only on the bill"

// Bills round each row, to cents at the coarsest; quantities are written to six digits at least.
constexpr BillMoney rounding_of_a_row{attos_per_dollar / 200};
constexpr BillQuantity quantity_rounding_of_a_row{picos_per_unit / 1'000'000};

struct BillDifference {
  DifferenceKind kind = DifferenceKind::rounding;
  BillGroup group;                           // of coverage: without a commitment
  BillSum bill, ours;                        // what was compared
  BillMoney money;                           // of the bill less ours, what this explains
  BillQuantity billed_covered, our_covered;  // of coverage

  // All rows, on the side that has more of them.
  std::size_t rows() const { return std::max(bill.rows, ours.rows); }
};

struct Reconciliation {
  std::size_t bill_rows = 0, our_rows = 0;
  BillMoney bill, ours;
  // The largest first; of the same size, by group.
  std::vector<BillDifference> differences;

  struct OfKind {
    std::size_t differences = 0, rows = 0;
    BillMoney money;  // signed: the bill less ours
    BillMoney size;   // without signs
  };
  std::array<OfKind, difference_kinds> kinds;

  // The bill less ours, less all that is explained: 0.
  BillMoney residual() const;
  // Nothing differs but by rounding.
  bool agrees() const;
};

Reconciliation reconcile(const BillTotals& bill, const BillTotals& ours);

}  // namespace mohona

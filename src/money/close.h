// What falls due when a period ends: true-ups of minimums, credits, what is carried on, overage of
// what was paid ahead, and cheaper tiers that a month has reached.
//
// Hours are settled each by itself, so their order does not matter; what depends on sums over hours
// is charged here, from those sums. Months are UTC calendar months.
#pragma once

#include "money/book.h"
#include "money/ledger.h"

namespace mohona {

// Posts what falls due at or before `now`, from the hours in the ledger. Again after late usage: it
// posts the difference. Errors: those of Ledger::post.
Result<void> close_periods(const Book& book, Ledger& ledger, Timestamp now);

// How far a minimum's period is, to date. Exact sums; `missing` and `over` are 0 or more.
struct DrawDown {
  Window period;
  Exact needed;   // with what an earlier period left to be made up
  Exact drawn;    // with what an earlier period had in excess
  Exact missing;  // needed − drawn
  Exact over;     // drawn − needed
};
// One for each milestone whose period has begun.
std::vector<DrawDown> draw_downs(const Book& book, const Ledger& ledger, TermId minimum,
                                 Timestamp now);

}  // namespace mohona

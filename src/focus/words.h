// Differences between a bill and our settlement, as a person reads them.
#pragma once

#include <string>

#include "focus/reconcile.h"

namespace mohona {

// "$55.04", "-$0.0000004": all digits there are, at least two.
std::string to_text(BillMoney money);
// "24", "0.333333": at most six digits after the point.
std::string to_text(BillQuantity quantity);
// "55.04" for scripts: all digits there are.
std::string to_decimal(BillMoney money);
// "usage", "unused", …
std::string_view name(BillPart part);
std::string_view name(BillStep step);

// "p5.48xlarge in us-east-1 on 2026-03-04: billed 24 machine-hours at $55.04, we have 20: 4 are
// only on the bill".
std::string sentence(const BillDifference& difference);

}  // namespace mohona

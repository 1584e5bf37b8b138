// One UTC hour of usage, settled: every charge that it gives rise to.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "money/book.h"
#include "money/charge.h"

namespace mohona {

// A UsageSlice in numbers of a Book.
struct Slice {
  MeterId meter = 0;
  ResourceId resource = 0;
  std::int64_t unit_seconds = 0;
};

// Appends the hour's rows, in an order that does not depend on that of the slices. The same hour,
// slices and contracts give the same rows (contracts.md, "Settlement of one UTC hour").
// Errors: Code::not_found when a meter that was used has no offer at this hour, Code::invalid when
// it was used for more than unit_seconds_max or less than nothing; then no row is appended.
Result<void> settle_hour(Book& book, Hour hour, std::span<const Slice> slices,
                         std::vector<Charge>& rows);

}  // namespace mohona

// What chance makes of assumptions: on which day capacity comes, and how much is wanted.
//
// A path's draws depend on the seed, the path and the demand's name alone. So the same path of two
// assumptions that differ by a what-if has the same luck in both (common random numbers), and their
// difference is due to the change and nothing else.
#pragma once

#include <vector>

#include "forecast/blocks.h"
#include "model/assumptions.h"

namespace mohona {

// The assumptions as they come on this path: late deliveries are late, and what is paid from
// delivery on is paid from then.
Assumptions delivered(Assumptions assumptions, std::int64_t path);

constexpr std::int64_t unlimited = INT64_MAX;

// Of one demand in one block, in thousandths of a unit. An outage leaves no capacity.
struct Want {
  std::int64_t wanted = 0, capacity = unlimited;
  std::int64_t used() const { return std::min(wanted, capacity); }
};
// By block.
std::vector<Want> wants(const Assumptions& assumptions, const ExpectedDemand& demand,
                        const std::vector<Block>& blocks, std::int64_t path);

}  // namespace mohona

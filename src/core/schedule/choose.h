// Which of those that want to run should, where not all can: the set that is worth most.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/schedule/prospects.h"

namespace mohona {

// Somebody who runs and may be stopped, or who waits.
struct Contender {
  JobId job;
  std::int64_t units = 1;     // of the capacity that it wants
  std::int64_t priority = 0;  // the higher go first, whatever the rest says
  Prospects::Key key;
  std::uint64_t age = 0;  // its place in line by age: 0 is the eldest
};

// Of the contenders those that should run together on `capacity` units, as places in `all`.
//
// By priority, then by key. Where all remaining times are known, and it is not too much to reckon:
// the set with the greatest Σ units ÷ key, exactly (a knapsack). Otherwise one after the other, the
// lowest key first, leaving out who does not fit; and then `capacity` ÷ 16 goes to the eldest
// before.
std::vector<std::size_t> choose_running(std::span<const Contender> all, std::int64_t capacity);

}  // namespace mohona

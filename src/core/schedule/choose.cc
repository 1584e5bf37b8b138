#include "core/schedule/choose.h"

#include <algorithm>
#include <numeric>

#include "base/wide.h"

namespace mohona {
namespace {

constexpr std::size_t best_max = 400;                // of the knapsack: those with the lowest keys
constexpr std::int64_t knapsack_work_max = 1 << 18;  // contenders × units
constexpr std::int64_t eldest_part = 16;             // of the capacity, for those who wait longest

// Chosen among `line`, in the order of keys, which all have one priority.
std::vector<std::size_t> knapsack(std::span<const Contender> all, std::span<const std::size_t> line,
                                  std::int64_t capacity) {
  const std::size_t n = std::min(line.size(), best_max);
  const auto width = static_cast<std::size_t>(capacity) + 1;
  const std::int64_t least = all[line[0]].key.cost;
  std::vector<std::int64_t> best(width, 0);
  std::vector<std::vector<bool>> taken(n, std::vector<bool>(width, false));
  for (std::size_t i = 0; i < n; ++i) {
    const Contender& one = all[line[i]];
    const auto units = static_cast<std::size_t>(one.units);
    const auto value = static_cast<std::int64_t>((static_cast<Wide>(one.units) * least << 32) /
                                                 std::max<std::int64_t>(1, one.key.cost));
    for (std::size_t room = width - 1; room >= units && room < width; --room) {
      if (best[room - units] + value <= best[room]) continue;
      best[room] = best[room - units] + value;
      taken[i][room] = true;
    }
  }
  std::vector<std::size_t> out;
  std::size_t room = width - 1;
  for (std::size_t i = n; i-- > 0;) {
    if (!taken[i][room]) continue;
    out.push_back(line[i]);
    room -= static_cast<std::size_t>(all[line[i]].units);
  }
  return out;
}

}  // namespace

std::vector<std::size_t> choose_running(std::span<const Contender> all, std::int64_t capacity) {
  std::vector<std::size_t> line(all.size());
  std::iota(line.begin(), line.end(), std::size_t{0});
  std::sort(line.begin(), line.end(), [&](std::size_t a, std::size_t b) {
    const auto order = [&](std::size_t i) {
      return std::tuple(-all[i].priority, all[i].key.cost, all[i].age, all[i].job);
    };
    return order(a) < order(b);
  });
  std::vector<bool> in(all.size(), false);
  std::vector<std::size_t> out;
  const auto take = [&](std::size_t i) {
    if (in[i] || all[i].units > capacity) return;
    in[i] = true;
    capacity -= all[i].units;
    out.push_back(i);
  };
  const bool sure = std::all_of(all.begin(), all.end(), [](const auto& c) { return c.key.sure; });
  const bool exact = sure && static_cast<std::int64_t>(std::min(all.size(), best_max)) <=
                                 knapsack_work_max / std::max<std::int64_t>(1, capacity);
  if (!sure) {
    std::vector<std::size_t> by_age = line;
    std::sort(by_age.begin(), by_age.end(),
              [&](std::size_t a, std::size_t b) { return all[a].age < all[b].age; });
    std::int64_t left = capacity / eldest_part;
    for (const std::size_t i : by_age) {
      if (left == 0) break;
      if (all[i].units > left || all[i].units > capacity) continue;
      left -= all[i].units;
      take(i);
    }
  }
  for (std::size_t from = 0; exact && from < line.size() && capacity > 0;) {
    std::size_t to = from;
    while (to < line.size() && all[line[to]].priority == all[line[from]].priority) ++to;
    for (const std::size_t i : knapsack(all, std::span(line).subspan(from, to - from), capacity)) {
      take(i);
    }
    from = to;
  }
  for (const std::size_t i : line) {
    if (capacity == 0) break;
    take(i);
  }
  return out;
}

}  // namespace mohona

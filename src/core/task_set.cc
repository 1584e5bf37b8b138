#include "core/task_set.h"

#include <algorithm>
#include <iterator>

namespace mohona {

bool TaskSet::contains(std::uint32_t task) const {
  const auto after = runs_.upper_bound(task);
  return after != runs_.begin() && std::prev(after)->second >= task;
}

void TaskSet::insert_run(std::uint32_t first, std::uint32_t last) {
  auto run = runs_.upper_bound(first);
  if (run != runs_.begin()) {
    const auto before = std::prev(run);
    if (before->second >= last) return;
    // Compared by difference: the highest task has none after it.
    if (before->second >= first || first - before->second == 1) {
      first = before->first;
      run = runs_.erase(before);
    }
  }
  while (run != runs_.end() && (run->first <= last || run->first - last == 1)) {
    last = std::max(last, run->second);
    run = runs_.erase(run);
  }
  runs_.emplace_hint(run, first, last);
}

void TaskSet::erase(std::uint32_t task) {
  auto run = runs_.upper_bound(task);
  if (run == runs_.begin()) return;
  --run;
  const auto [first, last] = *run;
  if (last < task) return;
  run = runs_.erase(run);
  if (task < last) run = runs_.emplace_hint(run, task + 1, last);
  if (first < task) runs_.emplace_hint(run, first, task - 1);
}

}  // namespace mohona

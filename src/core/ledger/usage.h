// What attempts cost. The price was pinned when they were placed; nothing is looked up later.
#pragma once

#include <optional>

#include "model/record.h"

namespace mohona {

// From placement to end, or to `now` while it runs: the time during which it held its allocation.
Duration held_time(const Attempt& attempt, Timestamp now);

// What the attempt has cost by `now`, rounded once.
Money cost_of(const Attempt& attempt, Timestamp now);
Money cost_of(const Job& job, Timestamp now);

// When the job's attempts will have spent `budget` if they go on as they are; nothing if never.
// Attempts that are stopping already cannot be stopped earlier and do not count.
std::optional<Timestamp> budget_end(const Job& job, Money budget);

// Whether the job has a budget and has spent it: nothing of it may start any more.
bool budget_spent(const Job& job, Timestamp now);

// One line of the bill.
struct CostRow {
  std::string key;   // a job's id, a queue or a cloud
  std::string name;  // for jobs: the name
  std::int64_t attempts = 0;
  Duration node_time{0};  // Σ time × nodes
  Money cost;
  friend bool operator==(const CostRow&, const CostRow&) = default;
};

enum class CostBy { job, queue, cloud };

}  // namespace mohona

#include "core/ledger/usage.h"

#include <algorithm>

namespace mohona {

Duration held_time(const Attempt& attempt, Timestamp now) {
  const Timestamp end = attempt.ended_at.value_or(now);
  return std::max(Duration{0}, end - attempt.placed_at);
}

Money cost_of(const Attempt& attempt, Timestamp now) {
  return charge(attempt.price, held_time(attempt, now), std::ssize(attempt.holdings), attempt.part);
}

Money cost_of(const Job& job, Timestamp now) {
  Money total;
  for (const PastAttempts& past : job.past) total += past.cost;
  for (const Attempt& attempt : job.attempts) total += cost_of(attempt, now);
  return total;
}

bool budget_spent(const Job& job, Timestamp now) {
  return job.spec->budget && !job.attempts.empty() && cost_of(job, now) >= *job.spec->budget;
}

std::optional<Timestamp> budget_end(const Job& job, Money budget) {
  Timestamp from = job.submitted_at;
  std::int64_t nanos_per_hour = 0;
  for (const Attempt& attempt : job.attempts) {
    from = std::max(from, attempt.ended_at.value_or(attempt.placed_at));
    if (attempt.ended_at || attempt.stopping) continue;
    const std::int64_t rate = attempt.price.nanos * std::ssize(attempt.holdings);
    // Rounded up: a budget may end a nano-dollar early, never late.
    nanos_per_hour += (rate * attempt.part.held + attempt.part.whole - 1) / attempt.part.whole;
  }
  if (nanos_per_hour <= 0) return std::nullopt;
  const Money left = budget - cost_of(job, from);
  if (left <= Money{0}) return from;
  const Duration time = time_within(left, Price{nanos_per_hour}, 1, {1, 1});
  if (time > std::chrono::days(36'500)) return std::nullopt;
  return from + time;
}

}  // namespace mohona

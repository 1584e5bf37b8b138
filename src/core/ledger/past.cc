#include "core/ledger/past.h"

#include <algorithm>

#include "core/ledger/usage.h"

namespace mohona {
namespace {

PastAttempts& row_of(Job& job, const Attempt& attempt) {
  const auto found = std::find_if(job.past.begin(), job.past.end(), [&](const PastAttempts& row) {
    return row.pool == attempt.pool && row.cloud == attempt.cloud;
  });
  if (found != job.past.end()) return *found;
  return job.past.emplace_back(PastAttempts{attempt.pool, attempt.cloud});
}

}  // namespace

Attempts::Place add_attempt(Job& job, Attempt attempt) {
  if (!job.past.empty()) row_of(job, attempt);
  return job.attempts.add(std::move(attempt));
}

void sum_past_attempts(Job& job) {
  while (const auto place = job.attempts.surplus()) {
    if (job.past.empty()) {  // a row for every pool used so far, in the order of use
      for (const Attempt& attempt : job.attempts) row_of(job, attempt);
    }
    const Attempt& attempt = job.attempts.at(*place);
    const Timestamp end = *attempt.ended_at;
    PastAttempts& row = row_of(job, attempt);
    ++row.attempts;
    row.node_time += held_time(attempt, end) * std::ssize(attempt.holdings);
    row.cost += cost_of(attempt, end);
    job.attempts.drop(*place);
  }
}

}  // namespace mohona

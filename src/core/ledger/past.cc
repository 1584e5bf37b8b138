#include "core/ledger/past.h"

#include <algorithm>

#include "core/ledger/usage.h"
#include "core/schedule/predict.h"

namespace mohona {
namespace {

PastAttempts& row_of(Job& job, const Attempt& attempt) {
  auto& rows = job.past.edit();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const PastAttempts& row) {
    return row.pool == attempt.pool && row.cloud == attempt.cloud;
  });
  if (found != rows.end()) return *found;
  return rows.emplace_back(PastAttempts{attempt.pool, attempt.cloud});
}

void remember(Job& job, std::int64_t nodes, Duration ran) {
  const std::int64_t step = History::step_of(ran);
  auto& all = job.past_runs.edit();
  for (PastRuns& known : all) {
    if (known.nodes == nodes && known.step == step) {
      ++known.runs;
      return;
    }
  }
  all.push_back({nodes, step, 1});
}

}  // namespace

std::optional<Duration> teaching_time(const Attempt& attempt) {
  if (!attempt.started_at || !attempt.ended_at || attempt.stopping) return std::nullopt;
  if (attempt.outcome.end != End::exited || attempt.outcome.exit_code != 0) return std::nullopt;
  return *attempt.ended_at - *attempt.started_at;
}

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
    if (const auto ran = teaching_time(attempt)) remember(job, std::ssize(attempt.holdings), *ran);
    job.attempts.drop(*place);
  }
}

}  // namespace mohona

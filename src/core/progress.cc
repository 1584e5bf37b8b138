#include "core/progress.h"

#include <algorithm>

namespace mohona {
namespace {

__extension__ using Wide = __int128;

bool is_count(std::optional<std::int64_t> n) { return !n || (*n >= 0 && *n <= steps_max); }

bool can_be(const Progress& input) {
  return is_count(input.done) && is_count(input.total) && input.metrics.size() <= metrics_max &&
         std::all_of(input.metrics.begin(), input.metrics.end(), [](const auto& metric) {
           return metric.first.size() <= metric_bytes_max &&
                  metric.second.size() <= metric_bytes_max;
         });
}

// How far the attempt is after the report. One that says no step is about the step before.
Box<Steps> steps_after(const JobSpec& spec, const Attempt& attempt, const Progress& input,
                       Timestamp now) {
  if (!can_be(input) || (!input.done && !attempt.steps)) return attempt.steps;
  Steps steps = attempt.steps ? *attempt.steps : Steps{};
  const std::int64_t before = steps.done;
  if (input.done) steps.done = *input.done;
  if (input.total.value_or(0) > 0) steps.total = *input.total;
  if (steps.total == 0 && spec.progress) steps.total = spec.progress->steps;
  if (!input.metrics.empty()) steps.metrics = input.metrics;
  if (attempt.steps && steps == *attempt.steps) return attempt.steps;  // whenever it was
  steps.at = believed(input.at, attempt, now);
  if (attempt.steps) steps.at = std::max(steps.at, attempt.steps->at);
  // It began anew at an older checkpoint: what it has done since then says how fast it is.
  if (!attempt.steps || steps.done < before) {
    steps.first_done = steps.done;
    steps.first_at = steps.at;
  }
  return steps;
}

}  // namespace

Timestamp believed(std::optional<Timestamp> reported, const Attempt& attempt, Timestamp now) {
  return std::clamp(reported.value_or(now), std::min(attempt.placed_at, now), now);
}

std::optional<Timestamp> probable_end(const Steps& steps) {
  if (steps.total == 0 || steps.done <= steps.first_done) return std::nullopt;
  const Wide left = std::max<std::int64_t>(0, steps.total - steps.done);
  const Wide took = (steps.at - steps.first_at).count();
  const Wide rest = left * took / (steps.done - steps.first_done);
  return steps.at + Duration(static_cast<std::int64_t>(std::min<Wide>(rest, estimate_max.count())));
}

Facts decide_progress(const JobSpec& spec, const Attempt& attempt, const Progress& input,
                      Timestamp now) {
  AttemptProgressed fact{input.attempt, input.ends_at, input.checkpoint_at};
  if (fact.checkpoint_at) fact.checkpoint_at = believed(fact.checkpoint_at, attempt, now);
  fact.steps = steps_after(spec, attempt, input, now);
  if (fact.steps == attempt.steps) {
    fact.steps.reset();
  } else if (!fact.ends_at && spec.kind != Kind::serve) {  // a service has no end
    fact.ends_at = probable_end(*fact.steps);
  }
  if (fact.ends_at == attempt.ends_at) fact.ends_at.reset();
  if (fact.checkpoint_at == attempt.checkpoint_at) fact.checkpoint_at.reset();
  if (!fact.ends_at && !fact.checkpoint_at && !fact.steps) return {};
  return {fact};
}

}  // namespace mohona

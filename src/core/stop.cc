#include "core/stop.h"

#include <algorithm>

namespace mohona {

std::string_view hook_event(StopReason reason) {
  switch (reason) {
    case StopReason::reclaimed:
    case StopReason::preempted:
    case StopReason::deadline:
      return "preemption";
    case StopReason::cancelled:
      return "down";
    case StopReason::time_limit:
    case StopReason::budget:
    case StopReason::unready:
      return "stop";
  }
  return {};
}

Duration stop_within(const JobSpec& spec, StopReason reason) {
  Duration within = spec.stop->grace;
  for (const Hook& hook : spec.hooks) {
    const auto& events = hook.events;
    if (std::find(events.begin(), events.end(), hook_event(reason)) != events.end()) {
      within += hook.timeout;
    }
  }
  return within;
}

Fact stop_attempt(const Job& job, const Attempt& attempt, StopReason reason, Timestamp now,
                  std::optional<Duration> notice) {
  Duration within = stop_within(*job.spec, reason);
  if (notice) within = std::min(within, *notice);
  return AttemptStopping{attempt.id, reason, std::min(job.spec->stop->grace, within), within, now};
}

}  // namespace mohona

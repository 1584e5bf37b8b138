// How an attempt is told to stop.
#pragma once

#include <optional>

#include "model/fact.h"
#include "model/record.h"

namespace mohona {

// The events, in SkyPilot's words, for which a job's hooks are declared.
std::string_view hook_event(StopReason reason);

// How long work may take to leave when it is stopped for this: its hooks, then its grace.
Duration stop_within(const JobSpec& spec, StopReason reason);

// Hooks, signal, grace, KILL; everything `within` the notice, where a cloud gives one.
Fact stop_attempt(const Job& job, const Attempt& attempt, StopReason reason, Timestamp now,
                  std::optional<Duration> notice = std::nullopt);

}  // namespace mohona

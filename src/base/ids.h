// Strong ids: a job's number cannot be passed where a task's index is wanted.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace mohona {

// Jobs are numbered from 1 in the order of their acceptance.
struct JobId {
  std::uint64_t value = 0;
  friend auto operator<=>(JobId, JobId) = default;
};

// A controller's term. Every start takes the next one; a store refuses writes of an older one.
struct Epoch {
  std::uint64_t value = 0;
  friend auto operator<=>(Epoch, Epoch) = default;
};

// One incarnation of one task: the `number`-th (from 1) of task `task` (from 0) of `job`.
// Written "17.0.2". Engines carry it, so that a repeated launch finds itself.
struct AttemptId {
  JobId job;
  std::uint32_t task = 0;
  std::uint32_t number = 0;
  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

std::string to_string(JobId id);
std::string to_string(const AttemptId& id);

// The id that `text` spells, or the zero id when it spells none.
JobId parse_job_id(std::string_view text);
AttemptId parse_attempt_id(std::string_view text);

}  // namespace mohona

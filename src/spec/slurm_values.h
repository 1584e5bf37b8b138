// Slurm's ways to write a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/job.h"
#include "spec/fields.h"

namespace mohona {

// "M", "M:S", "H:M:S", "D-H", "D-H:M", "D-H:M:S". Zero, "UNLIMITED" and "INFINITE" are
// Duration::max(). nullopt: none of these.
std::optional<Duration> parse_slurm_time(std::string_view text);

// "0-15:4%2": the indices, and how many at a time (0: any number).
struct SlurmArray {
  std::optional<Indices> range;       // "0-15:4", however long
  std::vector<std::int64_t> indices;  // of anything else, in order, each once
  std::int64_t at_once_max = 0;
};
// nullopt: not an array, or one of too many indices.
std::optional<SlurmArray> parse_slurm_array(std::string_view text);

// "4", "a100:4" (the name is empty when any GPU will do). A count of 0 is none.
std::optional<Gpus> parse_slurm_gpus(std::string_view text);

// "[B:]USR1[@90]", by name or number.
struct SlurmSignal {
  std::string name;  // without SIG
  Duration before = std::chrono::seconds(60);
  StopTarget target = StopTarget::steps;
};
std::optional<SlurmSignal> parse_slurm_signal(std::string_view text);

// "afterok:12:13,afterok:14": the jobs' numbers. nullopt: something else.
std::optional<std::vector<std::string>> parse_slurm_afterok(std::string_view text);

}  // namespace mohona

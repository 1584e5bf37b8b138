// What a simulation came to.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "model/job.h"
#include "sim/workload.h"

namespace mohona {

using Json = nlohmann::ordered_json;

struct JobOutcome {
  Timestamp submitted;
  std::optional<Timestamp> started, ended;
  JobState state = JobState::pending;
  Duration runs{0};  // what its work takes by itself
  std::int64_t gpu_milli = 0;
  std::int64_t restarts = 0;
  std::string queue;
  Money cost;

  Duration completion() const { return ended ? *ended - submitted : Duration{0}; }
  // What of that was not work: in line, and lost to starts.
  Duration waited() const { return std::max(Duration{0}, completion() - runs); }
};

// jobs, ended, average_completion_seconds, average_wait_seconds, p99_completion_seconds,
// makespan_seconds, largest_tenth_wait_seconds (of the tenth of the jobs with the most GPU-time),
// restarts. Seconds with two digits.
Json figures_of(const std::vector<JobOutcome>& jobs);

// bill_usd, mean_wait_hours, and sent_away: jobs that have cost money.
Json overflow_figures_of(const std::vector<JobOutcome>& jobs);

// Below which no policy without sharing of GPUs can bring the mean completion time, in seconds: the
// larger of the jobs' own run times and of a fluid that has all GPUs for every job, the least work
// first.
double completion_bound_seconds(const std::vector<JobOutcome>& jobs, std::int64_t gpus);

double rounded(double value);  // to two digits

}  // namespace mohona

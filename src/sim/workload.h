// What arrives in a simulation: jobs, and what their work really does, which only the engine knows.
#pragma once

#include <vector>

#include "model/job.h"
#include "model/scheduling.h"

namespace mohona {

// What one task does when it runs. Of this the control plane learns what running work shows.
struct Behaviour {
  Duration runs{0};              // of useful work, all in all
  Duration overhead{0};          // lost at every start, before the work goes on
  std::int64_t steps = 0;        // of equal length; 0: it says nothing of its progress
  std::int64_t exit_code = 0;    // with which it leaves at its end
  Duration checkpoint_every{0};  // what a loss takes back at most; 0: nothing but a stop is safe
  bool keeps_on_stop = false;    // it saves what it has done when it is told to stop
  Duration stops_within{0};      // after it is told to
  friend bool operator==(const Behaviour&, const Behaviour&) = default;
};

struct Arrival {
  Timestamp at;
  JobSpec spec;
  Behaviour does;
};

// In the order of arrival.
struct Workload {
  std::vector<Arrival> arrivals;
};

// The GPUs that the whole of a job's first choice holds, in thousandths.
std::int64_t gpu_milli_of(const JobSpec& spec);

}  // namespace mohona

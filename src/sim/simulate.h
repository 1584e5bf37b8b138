// One simulation from what a person asked for to its results.
#pragma once

#include "sim/results.h"
#include "sim/simulation.h"
#include "sim/traces/traces.h"

namespace mohona {

struct SimulateOptions {
  std::string trace, cluster;
  TraceOptions reading;
  std::string policy = "default";  // or the name of an order
  bool published = false;          // see published.h
  std::optional<std::int64_t> load_pct;  // the cluster is shrunk or grown until the load is that
};

struct SimulateResult {
  std::vector<JobOutcome> jobs;
  Json figures;
};

Result<SimulateResult> simulate_trace(const SimulateOptions& options);

}  // namespace mohona

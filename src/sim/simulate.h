// One simulation from what a person asked for to its results.
#pragma once

#include "sim/results.h"
#include "sim/scenario.h"
#include "sim/simulation.h"
#include "sim/timeline.h"
#include "sim/traces/traces.h"

namespace mohona {

struct SimulateOptions {
  std::string trace, cluster;
  TraceOptions reading;
  std::string policy = "default";        // or the name of an order
  bool published = false;                // see published.h
  std::optional<std::int64_t> load_pct;  // the cluster is shrunk or grown until the load is that
  // Beside the cluster stands a cloud with room for all, at this price for each GPU-hour; jobs then
  // say how long they run. Of the policies, default keeps the mean wait within `wait_limit`
  // (core/overflow.h), and there are those of overflow_rules.h.
  std::optional<Price> overflow_price;
  std::optional<Duration> wait_limit;
};

struct SimulateResult {
  std::string policy;
  std::vector<JobOutcome> jobs;
  std::optional<Timeline> timeline;  // none of what is only replayed as published
  Json figures;
};

Result<SimulateResult> simulate_trace(const SimulateOptions& options);

// `policy`: empty for the fleet's own.
Result<SimulateResult> simulate_scenario(const Scenario& scenario, const std::string& policy);

}  // namespace mohona

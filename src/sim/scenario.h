// Scenario files: a fleet, jobs that arrive, and what is to be found out. In full:
// docs/simulate.md.
//
//   fleet: {pools: [{name: here, cloud: local, shape: {cpus: 8, memory: 16GB}, nodes: 2}]}
//   jobs:
//   - {at: 10m, runs: 2h, job: {name: train, resources: {cpus: 8}, run: ./train}}
#pragma once

#include <string>
#include <vector>

#include "sim/traces/traces.h"
#include "spec/source.h"

namespace mohona {

struct Scenario {
  std::string name;
  std::string fleet_name;  // where the fleet is written
  Fleet fleet;
  std::string trace;  // "KIND:FILE"; empty: the workload is here
  Workload workload;
  TraceOptions reading;
  std::int64_t load_pct = 0;          // 0: the fleet is as large as it is
  std::vector<std::string> policies;  // none: the fleet's own
  Timestamp begin;
  Timestamp until = Timestamp::max();
};

// Where the world of a simulation begins, unless its file says otherwise.
constexpr Timestamp world_begins = Timestamp{} + std::chrono::hours(490'896);  // 2026-01-01

// Error: Code::invalid; its message shows every mistake with position, line and caret. Files that a
// scenario names are read too, and their mistakes are shown as theirs.
// `trace`: "KIND:FILE", which arrives instead of what the scenario says.
Result<Scenario> parse_scenario(const Source& source, const std::string& trace = {});

}  // namespace mohona

// One history of faults: a made-up day on a made-up fleet, in which things go wrong, with every
// rule looked at. A seed is a history.
#pragma once

#include <map>
#include <optional>

#include "core/audit/violation.h"
#include "sim/bugs.h"
#include "sim/faults.h"

namespace mohona {

struct ChaosOptions {
  std::uint64_t seed = 1;
  Duration lasts = std::chrono::hours(24);
  std::int64_t nodes = 500;
  std::int64_t jobs = 1'000;  // that arrive in this time
  FaultKinds faults;
  std::optional<Bug> bug;
  // Only so many of the things that come from outside (arrivals and faults), the first ones; none:
  // all.
  std::optional<std::size_t> events;
  // The state as a whole is looked at so often; 0: at every instant, which takes its time.
  Duration look_every = std::chrono::hours(1);
};

struct ChaosResult {
  std::uint64_t seed = 0;
  std::int64_t jobs = 0, succeeded = 0, attempts = 0, crashes = 0;
  std::int64_t promises = 0, preemptions = 0, losses = 0,
               failures = 0;  // so that rules have had work
  std::uint64_t facts = 0;
  std::size_t events = 0;  // arrivals and faults, all that there are
  std::map<FaultKind, std::int64_t> faults;
  Duration simulated{0};  // in which faults happened; what came after is not counted
  std::vector<Violation> violations;
  std::vector<std::string> last_facts;  // as JSON, those before the first violation
  std::string digest;                   // of all that happened
};

ChaosResult run_chaos(const ChaosOptions& options);

// The fewest events with which the seed still breaks a rule, by halving; nothing: it breaks none.
std::optional<std::size_t> fewest_events(const ChaosOptions& options, const ChaosResult& broken);

}  // namespace mohona

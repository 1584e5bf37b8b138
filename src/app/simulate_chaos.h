// `mohona simulate --seeds …`: made-up days in which things go wrong, with every rule looked at.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

namespace mohona {

struct ChaosAsked {
  std::string seeds, faults = "none", bug;
  bool bugs = false;
  std::int64_t hours = 24, nodes = 500, jobs = 0, events = -1;
  std::int64_t threads = 0;  // 0: as many as there are cores
  bool asked() const { return !seeds.empty() || !bug.empty() || bugs; }
};

std::shared_ptr<ChaosAsked> add_chaos_options(CLI::App& sub);

// The exit status: 1 when a rule was broken.
int simulate_chaos(const ChaosAsked& asked, bool json);

}  // namespace mohona

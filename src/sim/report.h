// A page about simulations: one file, nothing to be fetched, no script. The same results give the
// same bytes.
#pragma once

#include <string>
#include <vector>

#include "sim/simulate.h"

namespace mohona {

struct ReportAbout {
  std::string title;                                        // of the page
  std::vector<std::pair<std::string, std::string>> inputs;  // "Trace", "muri:trace3.csv.gz"
};

// `results`: one a policy, of the same jobs; at most `policies_max`.
constexpr std::size_t policies_max = 6;
std::string report_page(const ReportAbout& about, const std::vector<SimulateResult>& results);

// The figures of several policies beside each other: one object a figure, with a member a policy.
Json side_by_side(const std::vector<SimulateResult>& results);

}  // namespace mohona

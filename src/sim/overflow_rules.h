// The published rules for machines of one's own with a cloud beside them, replayed: what ours is
// compared with (Luo et al., "Starburst: A Cost-aware Scheduler for Hybrid Cloud", ATC 2024).
//
// A job that does not fit when it arrives waits in line; when its patience is over it goes to the
// cloud. It takes the node on which the least is left free. Only GPUs bind; nothing is stopped.
#pragma once

#include <optional>
#include <string>

#include "base/money.h"
#include "sim/results.h"
#include "sim/workload.h"

namespace mohona {

//   no-wait        no patience
//   constant-wait  the same for all; nobody passes who stands before it
//   compute-wait   so much for each GPU-hour of the job; who fits passes those that do not
enum class OverflowRule { no_wait, constant_wait, compute_wait };
std::optional<OverflowRule> parse_overflow_rule(const std::string& name);

// The fleet has one pool; `price` is that of a GPU-hour in the cloud. Patience is what the authors
// calibrated for a mean wait of 0.0522 h at full load.
std::vector<JobOutcome> replay_overflow(const Fleet& fleet, const Workload& workload,
                                        OverflowRule rule, Price price);

}  // namespace mohona

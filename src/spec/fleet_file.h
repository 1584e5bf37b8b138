// Fleet files: the pools that a control plane may place work on, and in which order. In full:
// docs/fleet.md.
//
//   pools:
//   - {name: here, cloud: local, shape: {cpus: 8, memory: 16GB}, nodes: 1}
//   queues:
//   - {name: research, guarantee: 30%, borrow: 20%}
//
// Kueue calls a queue's guarantee its nominalQuota and its bounds borrowingLimit and lendingLimit;
// Slurm calls its weight Fairshare. A reservation is what `scontrol create reservation` makes.
#pragma once

#include <vector>

#include "base/result.h"
#include "model/scheduling.h"
#include "spec/source.h"

namespace mohona {

// Error: Code::invalid; its message shows every mistake with position, line and caret.
Result<Fleet> parse_fleet_file(const Source& source);

}  // namespace mohona

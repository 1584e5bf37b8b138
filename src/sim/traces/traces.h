// Public traces as workloads and fleets. What each file holds is said beside its reader.
#pragma once

#include <string>

#include "base/result.h"
#include "sim/workload.h"

namespace mohona {

// What a job says of its run time beforehand.
//
//   nothing    that it runs
//   progress   how many steps it has, and while it runs how many are done
//   all        how long it will run
enum class Know { nothing, progress, all };

struct TraceOptions {
  Know know = Know::nothing;
  std::string overheads;  // muri: the file of start overheads; empty: the one beside the trace
};

// "muri:FILE", "philly:FILE", "openb:FILE", "starburst:FILE", "swf:FILE"; plain or gzip. Errors
// name the file and the line. The first arrival is at or after `begin`.
Result<Workload> read_trace(const std::string& name, const TraceOptions& options, Timestamp begin);

// A fleet of its own for a trace: "4x8" (nodes × GPUs), or a file: muri's cluster, philly's virtual
// clusters, openb's nodes; told apart by their first line.
Result<Fleet> read_cluster(const std::string& name);

}  // namespace mohona

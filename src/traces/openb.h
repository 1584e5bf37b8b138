// The lists of nodes and of tasks that the openb traces come as, plain or compressed:
//
//   sn,cpu_milli,memory_mib,gpu,model openb-node-0000,64000,262144,2,P100
//   name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,...
//   openb-pod-0007,6000,12288,1,460,T4|P100
//
// Columns are found by their names; further ones are skipped. What is wrong is told with file and
// line.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/resources.h"

namespace mohona {

struct OpenbTask {
  Demand demand;                    // of any accelerator
  std::vector<std::string> models;  // those that will do, sorted; none: any
  friend bool operator==(const OpenbTask&, const OpenbTask&) = default;
};

// Nodes that are alike are a pool; those without GPUs are left out unless they are wanted.
struct OpenbNodes {
  std::vector<Pool> pools;  // in order of first appearance
  struct Place {
    std::uint32_t pool = 0, node = 0;
  };
  std::vector<Place> order;  // as the nodes stand in the file
};
Result<OpenbNodes> read_openb_nodes(const std::string& path, bool also_without_gpus = false);

// When a task came, from the beginning of the trace, and how long it ran, where the file says it.
struct OpenbTimes {
  Duration created{0};
  std::optional<Duration> runs;
};
using TakeOpenbTask = std::function<Result<void>(OpenbTask task, const OpenbTimes& times)>;
// Every task in the order of the file; a failure of `take` ends the reading.
Result<void> for_openb_tasks(const std::string& path, const TakeOpenbTask& take);
// All of them; Code::invalid where none asks for a GPU.
Result<std::vector<OpenbTask>> read_openb_tasks(const std::string& path);

}  // namespace mohona

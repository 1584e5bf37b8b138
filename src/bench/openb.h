// The lists of nodes and of tasks that the openb traces come as, plain or compressed:
//
//   sn,cpu_milli,memory_mib,gpu,model openb-node-0000,64000,262144,2,P100
//   name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,...
//   openb-pod-0007,6000,12288,1,460,T4|P100
//
// Columns are found by their names; further ones are skipped. What is wrong is told with file and
// line.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/resources.h"

namespace mohona {

struct OpenbTask {
  Demand demand;                    // of any accelerator
  std::vector<std::string> models;  // those that will do, sorted; none: any
  friend bool operator==(const OpenbTask&, const OpenbTask&) = default;
};

// Nodes that are alike are a pool; those without GPUs are left out.
struct OpenbNodes {
  std::vector<Pool> pools;  // in order of first appearance
  struct Place {
    std::uint32_t pool = 0, node = 0;
  };
  std::vector<Place> order;  // as the nodes stand in the file
};
Result<OpenbNodes> read_openb_nodes(const std::string& path);

Result<std::vector<OpenbTask>> read_openb_tasks(const std::string& path);

}  // namespace mohona

// Fleet files: the pools that a control plane may place work on.
//
//   pools:
//   - {name: here, cloud: local, shape: {cpus: 8, memory: 16GB}, nodes: 1}
#pragma once

#include <vector>

#include "base/result.h"
#include "model/scheduling.h"
#include "spec/source.h"

namespace mohona {

// Error: Code::invalid; its message shows every mistake with position, line and caret.
Result<Fleet> parse_fleet_file(const Source& source);

}  // namespace mohona

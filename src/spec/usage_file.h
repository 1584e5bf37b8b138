// Usage files: comma-separated, with a heading.
//
//   hour,resource,sku,cloud,region,zone,account,unit_seconds
//   2026-01-01T00:00:00Z,i-1,p5.48xlarge,aws,us-east-1,us-east-1a,research,3600
//
// Columns may stand in any order. Also understood: `reservation`, the capacity that the usage
// names, and `hours`, in how many hours one after another it was the same (1 if not said).
#pragma once

#include <vector>

#include "base/result.h"
#include "model/usage.h"
#include "spec/source.h"

namespace mohona {

// Error: Code::invalid; its message shows every mistake with position, line and caret.
Result<std::vector<UsageSlice>> parse_usage_file(const Source& source);

}  // namespace mohona

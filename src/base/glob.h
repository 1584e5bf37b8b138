// Files that match a pattern, as a shell lists them, within bounds.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace mohona {

struct GlobLimits {
  std::size_t matches_max = 1'000'000;
  std::size_t entries_max = 10'000'000;  // of directories, that are looked at
  std::chrono::seconds time_max{60};     // a file system may be slow, or gone
};

// `pattern`: an absolute path with *, ?, [...] and \ in its parts; a part that is ** stands for any
// number of directories, none of them behind a link, at most 64 deep. A link elsewhere is followed,
// and a loop of links ends, for every part goes down once. Names that begin with a dot match only
// where the pattern says the dot. What cannot be read does not match.
//
// Error: Code::invalid, when a bound is passed. Nothing is in the list then.
Result<std::vector<std::string>> list_matches(const std::string& pattern,
                                              const GlobLimits& limits = {});

}  // namespace mohona

// How much of a fleet's GPUs is in use when more has been asked for than there is: packing by
// prices beside two policies that look no further than the node, and beside what is possible.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "bench/figures.h"

namespace mohona {

enum class PackingTypes { given, learned };
enum class PackingPolicy { learned, fgd, best_fit, all };

struct PackingOptions {
  std::string nodes, tasks;  // files, as bench/openb.h reads them
  std::uint64_t first_seed = 42, last_seed = 51;
  PackingTypes types = PackingTypes::given;
  PackingPolicy policy = PackingPolicy::all;
};

// "42-51" or "42": the first and the last; nothing if it is neither.
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_seeds(std::string_view text);

Result<Json> bench_packing(const PackingOptions& options);

}  // namespace mohona

// Which random cases a test goes through: MOHONA_CASES of them from seed 1 on, or MOHONA_SEED
// alone, to see one again.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace mohona {

struct Seeds {
  std::uint64_t first = 1, cases = 0;
};

// `usual`: how many where neither variable is set.
inline Seeds asked_seeds(std::uint64_t usual) {
  if (const char* one = std::getenv("MOHONA_SEED")) return {std::strtoull(one, nullptr, 10), 1};
  const char* cases = std::getenv("MOHONA_CASES");
  return {1, cases ? std::strtoull(cases, nullptr, 10) : usual};
}

}  // namespace mohona

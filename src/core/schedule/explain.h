// Why a job is where it is: what blocks it, pool by pool, and what would lift that.
#pragma once

#include <string>
#include <vector>

#include "core/schedule/fit.h"
#include "core/state.h"

namespace mohona {

struct PoolExplanation {
  std::string pool;
  std::string why;   // "1 of 2 nodes free"
  std::string lift;  // "starts when pretrain (job 3) ends"; empty where nothing would
};

struct Explanation {
  std::string headline;                // one sentence
  std::vector<PoolExplanation> pools;  // the nearest to a start first
};

Explanation explain(const State& state, const JobEntry& entry, Timestamp now);

}  // namespace mohona

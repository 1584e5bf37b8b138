// Why a job is where it is: what blocks it, pool by pool, what would lift that, and when it starts
// at the latest, if that can be promised.
#pragma once

#include <string>
#include <vector>

#include "core/state.h"

namespace mohona {

struct PoolExplanation {
  std::string pool;
  std::string why;   // "has room for 1 of the 2 nodes that the job needs"
  std::string lift;  // "starts when pretrain (job 3) ends"; empty where nothing would
};

struct Explanation {
  std::string headline;                // one sentence
  std::vector<PoolExplanation> pools;  // the nearest to a start first
  bool waits_for_room = false;         // and for nothing else
  bool fits_nowhere = false;           // then: no pool could hold it, even empty
};

// Changes nothing that can be seen; the scheduler may note where it looked.
Explanation explain(const State& state, const JobEntry& entry, Timestamp now);

}  // namespace mohona

// Work as a large fleet sees it: many small jobs, few large ones, limits that are round numbers and
// run times that are shorter.
#pragma once

#include "bench/fleet.h"

namespace mohona {

struct Work {
  Needs needs;
  Duration runs{0};  // how long it really takes
};

class WorkSource {
 public:
  WorkSource(std::uint64_t seed, std::int64_t largest_pool) : dice_(seed), largest_(largest_pool) {}

  // For one of the teams that are greedy, or of those that are not. `small`: on one node at most.
  Work gpu(bool for_greedy, bool small);
  Work cpu(bool for_greedy);
  Dice& dice() { return dice_; }

 private:
  std::int64_t a_team(bool for_greedy);
  std::int64_t gang_size();
  void place(Needs& needs);

  Dice dice_;
  std::int64_t largest_;
};

}  // namespace mohona

// A recorded run once more: what came in goes through the controller again, at the same instants,
// and what it decides is compared with what the journal says was decided.
//
// There is one controller and one core. This shows it: of a live run the same decisions follow.
#pragma once

#include "sim/recording.h"
#include "sim/results.h"

namespace mohona {

struct ReplayResult {
  std::size_t facts = 0, turns = 0;
  // Placements, stops, nodes kept and given back.
  std::size_t decisions = 0;
  // Empty: everything is equal. Else the first difference, in words.
  std::string difference;
  Json figures() const;
};

// Error: the journal is not one of a control plane.
Result<ReplayResult> replay_journal(Facts journal);

}  // namespace mohona

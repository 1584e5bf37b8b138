// One path of some assumptions, settled: what is billed, and how far each minimum gets.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/assumptions.h"

namespace mohona {

struct MilestoneKey {
  std::string contract, minimum;
  Timestamp from, due;
  friend auto operator<=>(const MilestoneKey&, const MilestoneKey&) = default;
};
// Those that fall due within the years, in the order of the contracts.
std::vector<MilestoneKey> milestones_of(const Assumptions& assumptions);

struct CommitmentKey {
  std::string contract, commitment;
  friend auto operator<=>(const CommitmentKey&, const CommitmentKey&) = default;
};
std::vector<CommitmentKey> commitments_of(const Assumptions& assumptions);

struct MilestoneOutcome {
  Money needed, drawn, missing;
  Money drawn_today;  // up to the assumptions' `today`
  // The last hour from which on all capacity that stands idle and whose usage would count, used
  // until the milestone, makes up for what is missing. None: not even from the period's beginning.
  std::optional<Hour> last;
};

struct PathOutcome {
  std::vector<Money> bills;  // cash, by year
  Money unserved;            // wanted where there was no capacity, at its first list price
  std::vector<MilestoneOutcome> milestones;  // as milestones_of
  std::vector<std::int64_t> used_ppm;        // as commitments_of; -1: nothing was promised
};

// `path` from 0. Errors: Code::not_found for demand without an offer, Code::invalid for demand that
// the money core refuses.
Result<PathOutcome> settle_path(const Assumptions& assumptions, std::int64_t path);

}  // namespace mohona

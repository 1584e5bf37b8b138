// What a job costs, part by part: where it waits, an hour in each pool that could take it; where it
// ran, what was reckoned when it was placed beside what the ledger charges for it.
#pragma once

#include <string>
#include <vector>

#include "core/state.h"

namespace mohona {

struct PlacePrice {
  std::string pool;
  std::int64_t nodes = 0;
  PriceSum sum;   // an hour of the whole gang
  Price sticker;  // the same by the pool's price
};

struct AttemptPrice {
  AttemptId id;
  std::string pool;
  Duration held{0};
  PriceSum sum;    // an hour of all it holds, when it was placed
  Money reckoned;  // what can be charged of that, for the time that it held it
  Money charged;   // how much less the bill would be without it
};

struct PriceExplanation {
  std::vector<PlacePrice> places;  // the cheapest first
  std::vector<AttemptPrice> attempts;
};

// Errors: Code::invalid where the fleet has no contracts; those of settlement.
Result<PriceExplanation> explain_price(const State& state, const JobEntry& entry, Timestamp now);

}  // namespace mohona

// The inputs that a turn's facts tell of.
#pragma once

#include <vector>

#include "core/input.h"
#include "core/state.h"

namespace mohona {

// `came_in`: for each fact, whether it says what an input was; the others follow from those.
// `before`: the state before the turn.
std::vector<Input> recorded_inputs(const Facts& facts, const std::vector<bool>& came_in,
                                   const State& before);

}  // namespace mohona

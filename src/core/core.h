// The core as its users see it: inputs in, facts out, state in between.
#pragma once

#include "core/decide.h"
#include "core/state.h"

namespace mohona {

// Decides one input, applies what it decided, and then whatever follows from it, until nothing more
// does. The facts, in order, are what must become durable before anything is done about them.
Result<Facts> advance(State& state, const Input& input, Timestamp now);

// What follows without any input: ends of jobs, limits that have passed, placements. Part of
// `advance`; called once for a whole batch where many inputs come together. After `placements_max`
// placements it stops, so that a caller may make them durable before it asks for more.
Facts follow_up(State& state, Timestamp now, std::size_t placements_max = SIZE_MAX);

// Only decides and applies the input itself.
Result<Facts> take(State& state, const Input& input, Timestamp now);

}  // namespace mohona

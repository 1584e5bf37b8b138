// The decisions: inputs in, facts out. Pure: the same state, input and `now` give the same facts.
#pragma once

#include "core/input.h"
#include "core/state.h"

namespace mohona {

// What the input means, before anything follows from it. An error changes nothing and is for the
// one who asked.
Result<Facts> decide(const State& state, const Input& input, Timestamp now);

// What follows for one job whose tasks or needs have changed: its end, or stops of its attempts.
Facts settle(const State& state, const JobEntry& entry, Timestamp now);

// What the time alone brings about: limits and deadlines that have passed.
Facts expire(const State& state, Timestamp now);

// The next instant after `now` at which `expire` or a placement has something to do by itself.
std::optional<Timestamp> next_wake(const State& state, Timestamp now);

}  // namespace mohona

// Decisions about the fleet itself: what is defined, and which of its nodes take work.
#pragma once

#include "core/input.h"
#include "core/state.h"

namespace mohona {

// The fleet as a whole becomes this one.
Facts define_fleet(const State& state, const DefineFleet& input);

Result<Facts> change_nodes(const State& state, const ChangeNodes& input, Timestamp now);
Result<Facts> load_node(const State& state, const LoadNode& input);
Result<Facts> price_packing(const State& state, const PricePacking& input);
// Errors: Code::invalid for a worth below nothing or above a dollar, or of no minimum that there
// is.
Result<Facts> price_relief(const State& state, const PriceRelief& input);

Failure no_such_pool(const State& state, const std::string& wanted);

// "; did you mean 'x'?", or what there is when nothing is near and the list is short.
std::string advice(const std::string& wanted, const std::vector<std::string_view>& names);

// Which nodes the reservations get that name only a number: those that are free by their begin. As
// long as there are not enough, none.
Facts choose_reserved_nodes(const State& state, Timestamp now);

}  // namespace mohona

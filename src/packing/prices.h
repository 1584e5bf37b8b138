// Prices for packing, from a linear program: which work the machines would take, if places could be
// cut freely, and what one more core, MiB or job of a kind would then be worth.
//
// A pure function: the same problem gives the same prices, to the last bit on the same library.
// Only here are there floating-point numbers and a solver; what comes out are integers.
//
//   PackingProblem problem{pools, {{demand, {}, 812}, ...}};
//   auto prices = price_packing(problem);   // Result<PackingPrices>
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/packing.h"

namespace mohona {

// Kinds of work that are looked at: the most frequent ones.
constexpr std::size_t packing_work_max = 1'024;

Result<PackingPrices> price_packing(const PackingProblem& problem);

// The part of all GPUs that any policy can have in use, which takes all that fits, once GPUs worth
// `load` of all have been asked for. Work is divisible and arrives evenly, so that is a bound for
// the average run, and is not always reached.
Result<double> packing_bound(const PackingProblem& problem, double load);

}  // namespace mohona

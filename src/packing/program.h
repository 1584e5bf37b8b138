// The linear program of packing.
//
// For each pool: how much of each kind of work it takes, so many whole GPUs, cores and MiB as it
// has. Parts of GPUs are cut like stock: a pattern is what shares one GPU, and only patterns that
// pay are made (column generation). What is won is GPUs in use.
//
// A scheduler does not refuse what fits. So where one kind asks for no more than another, it goes
// on being taken at least as long: the part of the other that is taken is no larger than its own.
#pragma once

#include "packing/prices.h"

namespace mohona {

struct ProgramKind {
  PackingWork work;
  double arrives = 0;               // how many, of the load that is planned for
  std::vector<std::size_t> easier;  // kinds that are taken at least as long as this one
};

struct Program {
  std::vector<Pool> pools;
  std::vector<ProgramKind> kinds;
};

struct Solution {
  double gpus = 0;                    // in use
  std::vector<double> gain;           // by kind: of one that arrives and is accepted
  std::vector<double> memory_prices;  // by pool, of a MiB
};

Result<Solution> solve(const Program& program);

// Whether one empty node of the pool takes it.
bool pool_takes(const Pool& pool, const PackingWork& work);

}  // namespace mohona

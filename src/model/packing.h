// What a place on a node is worth: prices that were computed outside of the core, from the kinds of
// work that arrive, and by which the scheduler then packs (docs/scheduling.md).
//
// Everything is an integer, in nanos of a GPU: 1'000'000'000 is one GPU in use. The prices decide
// every score; equal prices give equal decisions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/resources.h"

namespace mohona {

constexpr std::int64_t whole_gpu_nanos = 1'000'000'000;

// One kind of work.
struct PackingType {
  std::int64_t cpus_milli = 0, memory_mib = 0, gpus = 0, gpu_milli = 0;
  std::vector<std::string> models;  // accelerators that will do; none: any
  std::int64_t gain = 0;            // of accepting one, before the cores and memory that it takes
  std::int64_t often_ppm = 0;       // of all work, as far as it counts for what is left over
  friend bool operator==(const PackingType&, const PackingType&) = default;
};

// What belongs to the nodes of one pool.
struct PackingClass {
  std::string pool;
  std::int64_t memory_price = 0;  // of a MiB
  // GPUs asked for by work that takes no other accelerator than this one or few, for each GPU.
  std::int64_t wanted = 0;
  friend bool operator==(const PackingClass&, const PackingClass&) = default;
};

struct PackingPrices {
  std::vector<PackingClass> classes;
  std::vector<PackingType> types;
  std::vector<std::int64_t> core_prices;  // of a thousandth of a core: those that are tried
  friend bool operator==(const PackingPrices&, const PackingPrices&) = default;
};

// --- what prices are made of

// Work that asks for the same, and how much of it arrives beside the others.
struct PackingWork {
  std::int64_t cpus_milli = 0, memory_mib = 0, gpus = 0, gpu_milli = 0;
  std::vector<std::string> models;  // accelerators that will do; none: any
  std::int64_t count = 0;
  friend auto operator<=>(const PackingWork&, const PackingWork&) = default;
};

struct PackingProblem {
  std::vector<Pool> pools;
  std::vector<PackingWork> work;
};

}  // namespace mohona

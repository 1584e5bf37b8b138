// Nodes of one pool, as masks of its leaves.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "core/fleet/leaf_bits.h"
#include "model/resources.h"

namespace mohona {

using NodeIndex = std::uint32_t;  // of a pool: leaf × leaf size + place in the leaf
using Mask = std::uint64_t;       // nodes of one leaf, or GPUs of one node

struct Segment {
  Leaf leaf = 0;
  Mask nodes = 0;
  friend bool operator==(const Segment&, const Segment&) = default;
};
using NodeSet = std::vector<Segment>;  // by leaf, each leaf once, no mask empty

inline std::int64_t count(Mask mask) { return std::popcount(mask); }
inline std::int64_t count(const NodeSet& nodes) {
  std::int64_t total = 0;
  for (const Segment& segment : nodes) total += count(segment.nodes);
  return total;
}

// The n lowest bits that are set.
inline Mask lowest(Mask mask, std::int64_t n) {
  if (n >= count(mask)) return mask;
  Mask out = 0;
  for (; n > 0; --n) {
    out |= mask & -mask;
    mask &= mask - 1;
  }
  return out;
}

// Calls f(place) for each bit, in order.
template <class F>
void for_bits(Mask mask, F&& f) {
  for (; mask != 0; mask &= mask - 1) f(static_cast<std::uint32_t>(std::countr_zero(mask)));
}

// One more node, of the last leaf of the set or of a later one.
inline void append(NodeSet& nodes, NodeIndex node, std::uint32_t leaf_size) {
  const Leaf leaf = node / leaf_size;
  if (nodes.empty() || nodes.back().leaf != leaf) nodes.push_back({leaf, 0});
  nodes.back().nodes |= Mask{1} << (node % leaf_size);
}

NodeSet to_set(const NodeRanges& ranges, std::uint32_t leaf_size);
NodeRanges to_ranges(const NodeSet& nodes, std::uint32_t leaf_size);

// Whether they share a node.
bool overlap(const NodeSet& a, const NodeSet& b);

// The nodes of that leaf.
Mask mask_of(const NodeSet& nodes, Leaf leaf);

}  // namespace mohona

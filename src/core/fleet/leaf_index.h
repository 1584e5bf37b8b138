// Leaves by what is free in them, so that a place is found without looking at nodes.
//
// Every node that takes work is in one cell: how much of its scarcest resource is free, and how
// much of the next (see Space). A node on which nothing at all is held is also counted as empty.
// Leaves are known by how many empty nodes they have, and cells by the leaves that have a node in
// them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/fleet/leaf_bits.h"
#include "core/fleet/node_set.h"

namespace mohona {

using Cell = std::uint16_t;

class LeafIndex {
 public:
  LeafIndex() : LeafIndex(0, 1, 0) {}
  LeafIndex(Leaf leaves, std::uint32_t leaf_size, std::size_t cells);

  void add(Leaf leaf, Cell cell, std::uint8_t nodes = 1);
  void remove(Leaf leaf, Cell cell, std::uint8_t nodes = 1);
  void set_empty(Leaf leaf, Mask empty);

  Mask empty(Leaf leaf) const { return empty_[leaf]; }
  std::int64_t total_empty() const { return total_; }
  Leaf leaves() const { return static_cast<Leaf>(empty_.size()); }

  // The leaf with the fewest empty nodes that has at least n (1 or more), the first such.
  Leaf tightest(std::int64_t n) const;
  // The most empty nodes that a leaf has.
  std::int64_t most_empty() const;
  // Leaves with exactly n empty nodes.
  const LeafBits& with_empty(std::int64_t n) const { return by_empty_[static_cast<std::size_t>(n)]; }
  // Leaves that have a node in the cell.
  const LeafBits& with_cell(Cell cell) const { return by_cell_[cell]; }

 private:
  std::vector<Mask> empty_;              // by leaf
  std::vector<LeafBits> by_empty_;       // by number
  std::array<std::int64_t, 65> leaves_with_{};
  std::int64_t total_ = 0;
  std::size_t cells_;
  std::vector<std::uint8_t> nodes_in_;   // by leaf, then cell
  std::vector<LeafBits> by_cell_;
};

}  // namespace mohona

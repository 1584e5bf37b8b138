// Leaves by what is free in them, so that a place is found without looking at nodes.
//
// Every node that takes work is in one cell: how much of its scarcest resource is free, and how
// much of the next (see Space). A node on which nothing at all is held is also counted as empty.
// Leaves are known by how many empty nodes they have, and cells by the leaves that have a node in
// them. A cell is coarse: on a full fleet thousands of leaves have a node in it, of which few have
// as much as is asked. So each cell is divided into 64 grains, and for each of its leaves (and for
// 64 leaves together) it is known which grains it has at most.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/fleet/leaf_bits.h"
#include "core/fleet/node_set.h"

namespace mohona {

using Cell = std::uint16_t;
using Grain = std::uint8_t;    // of a cell: 0 to 63
using Grains = std::uint64_t;  // a set of them

class LeafIndex {
 public:
  LeafIndex() : LeafIndex(0, 1, 0) {}
  LeafIndex(Leaf leaves, std::uint32_t leaf_size, std::size_t cells);

  void add(Leaf leaf, Cell cell, Grain grain);
  void remove(Leaf leaf, Cell cell);
  void set_empty(Leaf leaf, Mask empty);

  Mask empty(Leaf leaf) const { return empty_[leaf]; }
  std::int64_t total_empty() const { return total_; }
  Leaf leaves() const { return static_cast<Leaf>(empty_.size()); }

  // The leaf with the fewest empty nodes that has at least n (1 or more), the first such.
  Leaf tightest(std::int64_t n) const;
  // The most empty nodes that a leaf has.
  std::int64_t most_empty() const;
  // Leaves with exactly n empty nodes.
  const LeafBits& with_empty(std::int64_t n) const {
    return by_empty_[static_cast<std::size_t>(n)];
  }
  // The first cell from `from` on that has a node; cells() if there is none.
  std::size_t next_cell(std::size_t from) const;
  std::size_t cells() const { return by_cell_.size(); }
  // The first leaf from `from` on that may have a node of these grains in the cell.
  Leaf next_with(Cell cell, Grains grains, Leaf from) const;
  // What the leaf has there, seen by looking at its nodes: nodes that leave do not say so, because
  // that would mean looking at the others.
  void correct(Cell cell, Leaf leaf, Grains grains) const { by_cell_[cell].grains[leaf] = grains; }

 private:
  std::vector<Mask> empty_;         // by leaf
  std::vector<LeafBits> by_empty_;  // by number
  std::array<std::int64_t, 65> leaves_with_{};
  std::int64_t total_ = 0;

  struct CellLeaves {
    LeafBits leaves;
    std::vector<std::uint8_t> nodes;  // by leaf; nothing in any of these until a node comes
    std::vector<Grains> grains;       // by leaf: of those and perhaps of some that have left
    std::vector<Grains> of_word;      // of 64 leaves together, likewise
    Leaf count = 0;
  };
  mutable std::vector<CellLeaves> by_cell_;  // looking at what has left corrects the grains
  LeafBits cells_in_use_;
};

}  // namespace mohona

#include "core/fleet/leaf_index.h"

namespace mohona {

LeafIndex::LeafIndex(Leaf leaves, std::uint32_t leaf_size, std::size_t cells)
    : empty_(leaves),
      by_empty_(leaf_size + 1, LeafBits(leaves)),
      cells_(cells),
      nodes_in_(leaves * cells),
      by_cell_(cells, LeafBits(leaves)) {
  leaves_with_[0] = leaves;
  for (Leaf leaf = 0; leaf < leaves; ++leaf) by_empty_[0].insert(leaf);
}

void LeafIndex::add(Leaf leaf, Cell cell, std::uint8_t nodes) {
  std::uint8_t& here = nodes_in_[leaf * cells_ + cell];
  if (here == 0) by_cell_[cell].insert(leaf);
  here = static_cast<std::uint8_t>(here + nodes);
}

void LeafIndex::remove(Leaf leaf, Cell cell, std::uint8_t nodes) {
  std::uint8_t& here = nodes_in_[leaf * cells_ + cell];
  here = static_cast<std::uint8_t>(here - nodes);
  if (here == 0) by_cell_[cell].erase(leaf);
}

void LeafIndex::set_empty(Leaf leaf, Mask empty) {
  const std::int64_t before = count(empty_[leaf]), after = count(empty);
  empty_[leaf] = empty;
  if (before == after) return;
  by_empty_[static_cast<std::size_t>(before)].erase(leaf);
  by_empty_[static_cast<std::size_t>(after)].insert(leaf);
  --leaves_with_[static_cast<std::size_t>(before)];
  ++leaves_with_[static_cast<std::size_t>(after)];
  total_ += after - before;
}

Leaf LeafIndex::tightest(std::int64_t n) const {
  for (auto i = static_cast<std::size_t>(n); i < by_empty_.size(); ++i) {
    if (leaves_with_[i] > 0) return by_empty_[i].first();
  }
  return no_leaf;
}

std::int64_t LeafIndex::most_empty() const {
  std::size_t i = by_empty_.size() - 1;
  while (i > 0 && leaves_with_[i] == 0) --i;
  return static_cast<std::int64_t>(i);
}

}  // namespace mohona

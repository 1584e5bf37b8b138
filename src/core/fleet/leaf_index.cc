#include "core/fleet/leaf_index.h"

namespace mohona {

LeafIndex::LeafIndex(Leaf leaves, std::uint32_t leaf_size, std::size_t cells)
    : empty_(leaves),
      by_empty_(leaf_size + 1, LeafBits(leaves)),
      by_cell_(cells),
      cells_in_use_(static_cast<Leaf>(cells)) {
  leaves_with_[0] = leaves;
  for (Leaf leaf = 0; leaf < leaves; ++leaf) by_empty_[0].insert(leaf);
}

void LeafIndex::add(Leaf leaf, Cell cell, Grain grain) {
  CellLeaves& c = by_cell_[cell];
  if (c.nodes.empty()) {
    c.leaves = LeafBits(leaves());
    c.nodes.resize(leaves());
    c.grains.resize(leaves());
    c.of_word.resize((leaves() + 63) / 64);
  }
  if (c.nodes[leaf]++ == 0) {
    c.leaves.insert(leaf);
    c.grains[leaf] = 0;
    if (c.count++ == 0) cells_in_use_.insert(cell);
  }
  c.grains[leaf] |= Grains{1} << grain;
  c.of_word[leaf / 64] |= Grains{1} << grain;
}

void LeafIndex::remove(Leaf leaf, Cell cell) {
  CellLeaves& c = by_cell_[cell];
  if (--c.nodes[leaf] != 0) return;
  c.leaves.erase(leaf);
  if (--c.count == 0) cells_in_use_.erase(cell);
}

std::size_t LeafIndex::next_cell(std::size_t from) const {
  const Leaf found = cells_in_use_.next(static_cast<Leaf>(from));
  return found == no_leaf ? by_cell_.size() : found;
}

Leaf LeafIndex::next_with(Cell cell, Grains grains, Leaf from) const {
  CellLeaves& c = by_cell_[cell];
  if (c.count == 0) return no_leaf;
  for (Leaf leaf = c.leaves.next(from); leaf != no_leaf;) {
    const Leaf word = leaf / 64, end = (word + 1) * 64;
    if ((c.of_word[word] & grains) != 0) {
      Grains all = 0;
      for (; leaf < end; leaf = c.leaves.next(leaf + 1)) {
        if ((c.grains[leaf] & grains) != 0) return leaf;
        all |= c.grains[leaf];
      }
      if (from <= word * 64) c.of_word[word] = all;
    } else {
      leaf = c.leaves.next(end);
    }
  }
  return no_leaf;
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

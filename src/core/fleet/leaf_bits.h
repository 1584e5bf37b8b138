// A set of leaves, found in order without looking at those that are not in it.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace mohona {

using Leaf = std::uint32_t;
constexpr Leaf no_leaf = UINT32_MAX;

class LeafBits {
 public:
  explicit LeafBits(Leaf leaves = 0)
      : words_((leaves + 63) / 64), summary_((words_.size() + 63) / 64) {}

  void insert(Leaf leaf) {
    words_[leaf / 64] |= bit(leaf);
    summary_[leaf / 4096] |= bit(leaf / 64);
  }
  void erase(Leaf leaf) {
    words_[leaf / 64] &= ~bit(leaf);
    if (words_[leaf / 64] == 0) summary_[leaf / 4096] &= ~bit(leaf / 64);
  }
  bool contains(Leaf leaf) const { return (words_[leaf / 64] & bit(leaf)) != 0; }

  // The first leaf of the set that is not before `from`.
  Leaf next(Leaf from) const {
    std::size_t word = from / 64;
    if (word >= words_.size()) return no_leaf;
    if (const std::uint64_t rest = words_[word] & (~std::uint64_t{0} << (from % 64))) {
      return static_cast<Leaf>(word * 64) + static_cast<Leaf>(std::countr_zero(rest));
    }
    if (++word >= words_.size()) return no_leaf;
    std::uint64_t rest = summary_[word / 64] & (~std::uint64_t{0} << (word % 64));
    for (std::size_t i = word / 64;;) {
      if (rest != 0) {
        word = i * 64 + static_cast<std::size_t>(std::countr_zero(rest));
        return static_cast<Leaf>(word * 64) + static_cast<Leaf>(std::countr_zero(words_[word]));
      }
      if (++i >= summary_.size()) return no_leaf;
      rest = summary_[i];
    }
  }
  Leaf first() const { return next(0); }

 private:
  static std::uint64_t bit(std::size_t i) { return std::uint64_t{1} << (i % 64); }

  std::vector<std::uint64_t> words_, summary_;  // a summary bit: the word is not empty
};

}  // namespace mohona

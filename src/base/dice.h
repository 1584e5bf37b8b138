// A reproducible source of choices (splitmix64): the same seed gives the same work everywhere.
#pragma once

#include <cstdint>
#include <span>

namespace mohona {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(n));
  }
  std::int64_t between(std::int64_t a, std::int64_t b) { return a + below(b - a + 1); }
  bool one_in(std::int64_t n) { return below(n) == 0; }

  // A value, each as often as its weight says.
  struct Weighted {
    std::int64_t weight, value;
  };
  std::int64_t pick(std::span<const Weighted> all) {
    std::int64_t total = 0;
    for (const Weighted& one : all) total += one.weight;
    std::int64_t at = below(total);
    for (const Weighted& one : all) {
      if ((at -= one.weight) < 0) return one.value;
    }
    return all.back().value;
  }

 private:
  std::uint64_t state_;
};

}  // namespace mohona

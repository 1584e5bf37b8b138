// The attempts at a job that are remembered one by one: all that live, and the newest of those that
// have ended.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <string>

#include "base/seldom.h"
#include "model/attempt.h"

namespace mohona {

// So many ended attempts a job are kept of each sort: those that left with 0, and the others, which
// are the ones that people look for.
constexpr std::size_t ended_attempts_max = 256;

// What the attempts that are no longer kept come to, by pool. A job has a row for each pool that it
// has used, in the order of first use, as soon as it has any.
struct PastAttempts {
  std::string pool, cloud;
  std::int64_t attempts = 0;
  Duration node_time{0};  // Σ time × nodes
  Money cost;             // Σ of what was charged for each
  friend bool operator==(const PastAttempts&, const PastAttempts&) = default;
};

// Of the attempts that are no longer kept, how long those took that teach how long such work takes:
// so many, of so many nodes, in one step of core/schedule/predict's histogram.
struct PastRuns {
  std::int64_t nodes = 0, step = 0, runs = 0;
  friend bool operator==(const PastRuns&, const PastRuns&) = default;
};

class Attempts {
 public:
  // Where an attempt stands in the order of placement. Only the order means anything.
  using Place = std::uint64_t;

  Place add(Attempt attempt);
  const Attempt& at(Place place) const { return all_->at(place); }
  Attempt& at(Place place) { return all_.edit().at(place); }

  // To be called when `ended_at` and `outcome` of a live one are set.
  void ended(Place place);
  // One that is to be dropped, because too many of its sort have ended: the one placed first.
  std::optional<Place> surplus() const;
  void drop(Place place);

  std::size_t size() const { return all_->size(); }
  bool empty() const { return all_->empty(); }
  const Attempt& front() const { return all_->begin()->second; }
  const Attempt& back() const { return all_->rbegin()->second; }

  // In the order of placement.
  auto begin() const { return std::views::values(*all_).begin(); }
  auto end() const { return std::views::values(*all_).end(); }
  const std::map<Place, Attempt>& places() const { return *all_; }
  auto records() const { return std::views::values(*all_); }

  friend bool operator==(const Attempts& a, const Attempts& b) {
    return std::ranges::equal(a.records(), b.records());
  }

 private:
  std::set<Place>& sort_of(const Attempt& attempt);

  // Nothing, as long as there are none: most jobs wait.
  Seldom<std::map<Place, Attempt>> all_;
  struct Ended {
    std::set<Place> left_well, others;
  };
  Box<Ended> ended_;
  Place next_ = 0;
};

}  // namespace mohona

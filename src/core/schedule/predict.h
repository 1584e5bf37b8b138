// How long work will run, learned from how long work like it ran.
//
// Run times are counted in a histogram of ten steps an octave for (queue, name, nodes); where fewer
// than three are known, for (queue, name), then for the queue. Counting is independent of order, so
// that a state built from a snapshot predicts what one built from the journal does.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace mohona {

struct Prediction {
  Duration likely{0};    // half of the known ones took no longer
  Duration safe{0};      // nine of ten took no longer
  std::uint32_t of = 0;  // how many are known
  friend bool operator==(const Prediction&, const Prediction&) = default;
};

class History {
 public:
  // In which step of the histogram a run time falls.
  static std::uint16_t step_of(Duration ran);
  // So many runs in that step.
  void add(const std::string& queue, const std::string& name, std::int64_t nodes,
           std::uint16_t step, std::uint32_t runs = 1);
  std::optional<Prediction> predict(const std::string& queue, const std::string& name,
                                    std::int64_t nodes) const;

 private:
  struct Bar {
    std::uint16_t step = 0;
    std::uint32_t runs = 0;
  };
  using Histogram = std::vector<Bar>;  // by step
  static Prediction quantiles(const Histogram& histogram);

  struct Key {
    std::string queue, name;
    std::int64_t nodes = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  std::map<Key, Histogram> known_;
};

}  // namespace mohona

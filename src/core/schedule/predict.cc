#include "core/schedule/predict.h"

#include <algorithm>
#include <bit>

#include "core/schedule/octaves.h"

namespace mohona {
namespace {

constexpr std::uint32_t enough = 3;

Duration end_of(std::uint16_t step) {
  return std::chrono::seconds((octave_tenths[step % 10] << (step / 10)) / 1024);
}

}  // namespace

// The first step whose upper end is not below the time: seconds × 2^(step/10).
std::uint16_t History::step_of(Duration ran) {
  const auto seconds = static_cast<std::uint64_t>(
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(ran).count()));
  const auto octave = static_cast<std::uint16_t>(std::bit_width(seconds) - 1);
  std::uint16_t i = 0;
  while (octave_tenths[i] << octave < seconds * 1024) ++i;
  return static_cast<std::uint16_t>(octave * 10 + i);
}

void History::add(const std::string& queue, const std::string& name, std::int64_t nodes,
                  std::uint16_t step, std::uint32_t runs) {
  for (const Key& key : {Key{queue, name, nodes}, Key{queue, name, 0}, Key{queue, "", 0}}) {
    Histogram& bars = known_[key];
    const auto at = std::lower_bound(bars.begin(), bars.end(), step,
                                     [](const Bar& bar, auto s) { return bar.step < s; });
    if (at != bars.end() && at->step == step) {
      at->runs += runs;
    } else {
      bars.insert(at, {step, runs});
    }
  }
}

Prediction History::quantiles(const Histogram& histogram) {
  Prediction out;
  for (const Bar& bar : histogram) out.of += bar.runs;
  const auto at = [&](std::uint64_t tenths) {
    std::uint64_t seen = 0;
    for (const Bar& bar : histogram) {
      seen += bar.runs;
      if (seen * 10 >= out.of * tenths) return end_of(bar.step);
    }
    return Duration{0};
  };
  out.likely = at(5);
  out.safe = at(9);
  return out;
}

std::optional<Prediction> History::predict(const std::string& queue, const std::string& name,
                                           std::int64_t nodes) const {
  for (const Key& key : {Key{queue, name, nodes}, Key{queue, name, 0}, Key{queue, "", 0}}) {
    const auto found = known_.find(key);
    if (found == known_.end()) continue;
    const Prediction out = quantiles(found->second);
    if (out.of >= enough || key.name.empty()) return out;
  }
  return std::nullopt;
}

}  // namespace mohona

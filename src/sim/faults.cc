#include "sim/faults.h"

#include <algorithm>

#include "base/dice.h"
#include "base/text.h"

namespace mohona {
namespace {

using namespace std::chrono;

struct Rate {
  FaultKind kind;
  std::int64_t a_day;
  Duration shortest, longest;
};

// Far more often than in life, and short enough that work goes on between.
constexpr std::array<Rate, 15> rates = {{
    {FaultKind::nodes, 40, minutes(10), hours(3)},
    {FaultKind::spot, 6, minutes(5), hours(2)},
    {FaultKind::silence, 10, seconds(20), minutes(12)},
    {FaultKind::lost_reports, 10, minutes(1), minutes(20)},
    {FaultKind::doubled_reports, 8, minutes(1), minutes(20)},
    {FaultKind::reordered_reports, 8, minutes(1), minutes(20)},
    {FaultKind::unknown_launches, 10, minutes(1), minutes(15)},
    {FaultKind::lost_launches, 10, minutes(1), minutes(10)},
    {FaultKind::slow_store, 10, seconds(30), minutes(10)},
    {FaultKind::full_store, 8, seconds(5), minutes(6)},
    {FaultKind::crash, 24, Duration{0}, Duration{0}},
    {FaultKind::cancels, 60, Duration{0}, Duration{0}},
    {FaultKind::fleet, 8, minutes(10), hours(4)},
    {FaultKind::cordon, 10, minutes(10), hours(3)},
    {FaultKind::twice, 60, Duration{0}, Duration{0}},
}};

}  // namespace

Result<FaultKinds> parse_faults(std::string_view text) {
  FaultKinds kinds;
  if (text == "none") return kinds;
  for (const std::string_view name : split(text, ',')) {
    const auto found = std::find(fault_names.begin(), fault_names.end(), name);
    if (name != "all" && found == fault_names.end()) {
      return fail(Code::invalid, fmt::format("there is no fault '{}'; there are all, none, {}",
                                             name, fmt::join(fault_names, ", ")));
    }
    for (std::size_t i = 0; i < fault_names.size(); ++i) {
      if (name == "all" || fault_names[i] == name) kinds.insert(static_cast<FaultKind>(i));
    }
  }
  return kinds;
}

std::vector<Fault> make_faults(std::uint64_t seed, const FaultKinds& kinds, Timestamp begin,
                               Duration lasts) {
  std::vector<Fault> faults;
  for (const Rate& rate : rates) {
    Dice dice(seed * 64 + static_cast<std::uint64_t>(rate.kind) + 1);
    // Some seeds have much of a kind and others nothing: faults that meet often hide others.
    const std::int64_t share = dice.below(4) * 50;  // percent
    const auto count = rate.a_day * share * duration_cast<minutes>(lasts).count() / 144'000;
    for (std::int64_t i = 0; i < count; ++i) {
      Fault fault{begin + Duration(dice.below(lasts.count())), rate.kind, Duration{0}, 0};
      fault.lasts = Duration(dice.between(rate.shortest.count(), rate.longest.count()));
      fault.salt = dice.next();
      if (kinds.contains(rate.kind)) faults.push_back(fault);
    }
  }
  std::stable_sort(faults.begin(), faults.end(),
                   [](const Fault& a, const Fault& b) { return a.at < b.at; });
  return faults;
}

}  // namespace mohona

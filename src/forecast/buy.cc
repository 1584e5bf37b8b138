#include "forecast/buy.h"

#include <algorithm>

#include "forecast/blocks.h"
#include "forecast/demand.h"
#include "money/book.h"

namespace mohona {
namespace {

// What a thousandth of a unit costs in so many hours, used in some of them.
Exact cost_of(Price hourly, std::int64_t hours, Price running, std::int64_t used) {
  constexpr std::int64_t milli_hour = unit_hour.unit_micros / 1'000;
  return {(Wide{hourly.nanos} * hours + Wide{running.nanos} * used) * milli_hour};
}

Money mean(Exact total, std::int64_t paths) {
  return {static_cast<std::int64_t>(divide_half_even(total.value, exact_per_micro_dollar * paths))};
}

struct Prices {
  Price on_demand;
  std::vector<BuyOption> options;
};

// At the first hour at which the demand has a price.
Result<Prices> prices_of(const Assumptions& assumptions, const ExpectedDemand& demand,
                         const BuyQuestion& question) {
  Book book(assumptions.contracts);
  const auto meter = book.meter(demand.meter);
  if (!meter) return fail(meter.error());
  for (const Block& block : blocks_of(assumptions)) {
    const MeterTerms& terms = book.terms(block.hour).meters[*meter];
    if (!terms.offered) continue;
    Prices out{terms.contracted, question.options};
    for (BuyOption& option : out.options) {
      if (!option.off_ppm) continue;
      const Wide rest = Wide{terms.list.nanos} * (ppm_whole - *option.off_ppm);
      option.hourly = {static_cast<std::int64_t>(divide_half_even(rest, ppm_whole))};
    }
    return out;
  }
  return fail(Code::not_found, "demand '" + demand.name + "' has no price in these years");
}

Result<BuyAdvice> answer(const Assumptions& assumptions, const ExpectedDemand& demand,
                         const BuyQuestion& question) {
  const auto prices = prices_of(assumptions, demand, question);
  if (!prices) return fail(prices.error());
  std::vector<UsedHours> all;
  Exact bound;
  for (std::int64_t path = 0; path < assumptions.paths; ++path) {
    const Assumptions there = delivered(assumptions, path);
    const std::vector<Block> blocks = blocks_of(there);
    const auto own =
        std::find_if(there.demand.begin(), there.demand.end(),
                     [&](const ExpectedDemand& one) { return one.name == demand.name; });
    const std::vector<Want> want = wants(there, *own, blocks, path);
    std::vector<UsedHours> used;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      used.push_back({want[i].used(), blocks[i].count});
    }
    all.insert(all.end(), used.begin(), used.end());
    bound += cheapest_mix(std::move(used), prices->on_demand, prices->options).cost;
  }
  const BuyMix mix = cheapest_mix(std::move(all), prices->on_demand, prices->options);
  BuyAdvice out{.demand = demand.name, .units_milli = mix.units_milli};
  for (const BuyOption& option : prices->options) out.options.push_back(option.name);
  out.on_demand = mean(mix.cost_on_demand, assumptions.paths);
  out.advised = mean(mix.cost, assumptions.paths);
  out.bound = mean(bound, assumptions.paths);
  return out;
}

}  // namespace

BuyMix cheapest_mix(std::vector<UsedHours> used, Price on_demand,
                    const std::vector<BuyOption>& options) {
  std::sort(used.begin(), used.end(),
            [](const UsedHours& a, const UsedHours& b) { return a.units_milli < b.units_milli; });
  std::int64_t hours = 0;
  for (const UsedHours& one : used) hours += one.hours;
  BuyMix out{.units_milli = std::vector<std::int64_t>(options.size())};
  std::int64_t busy = hours, below = 0;  // the slice above `below` is used in `busy` hours
  for (const UsedHours& one : used) {
    const std::int64_t width = one.units_milli - below;
    if (width > 0) {
      const Exact otherwise = cost_of({}, 0, on_demand, busy);
      Exact least = otherwise;
      std::size_t best = options.size();
      for (std::size_t i = 0; i < options.size(); ++i) {
        const Exact cost = cost_of(options[i].hourly, hours, options[i].running, busy);
        if (cost < least) least = cost, best = i;
      }
      if (best < options.size()) out.units_milli[best] += width;
      out.cost += Exact{least.value * width};
      out.cost_on_demand += Exact{otherwise.value * width};
    }
    below = one.units_milli;
    busy -= one.hours;
  }
  return out;
}

Result<std::vector<BuyAdvice>> advise(const Assumptions& given) {
  Assumptions assumptions = given;
  assumptions.what_if.clear();  // they are copied for every path
  std::vector<BuyAdvice> out;
  for (const BuyQuestion& question : given.buy) {
    const auto demand =
        std::find_if(given.demand.begin(), given.demand.end(),
                     [&](const ExpectedDemand& one) { return one.name == question.demand; });
    if (demand == given.demand.end()) {
      return fail(Code::not_found, "there is no demand '" + question.demand + "'");
    }
    auto advice = answer(assumptions, *demand, question);
    if (!advice) return fail(advice.error());
    out.push_back(std::move(*advice));
  }
  return out;
}

}  // namespace mohona

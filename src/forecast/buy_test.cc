#include "forecast/buy.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "spec/assumptions_file.h"

namespace mohona {
namespace {

constexpr Price dollars_an_hour(std::int64_t n) { return {n * 1'000'000'000}; }

BuyOption off(std::int64_t percent) {
  return {"plan", percent * 10'000, {dollars_an_hour(1).nanos * (100 - percent) / 100}, {}};
}

// What a fixed amount of each option costs, hour by hour: whatever runs cheapest runs first.
Exact cost_of(const std::vector<UsedHours>& used, Price on_demand,
              const std::vector<BuyOption>& options, const std::vector<std::int64_t>& units) {
  std::vector<std::size_t> order(options.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return options[a].running < options[b].running;
  });
  Wide total = 0;
  for (const UsedHours& one : used) {
    std::int64_t left = one.units_milli;
    for (const std::size_t i : order) {
      const std::int64_t runs = std::min(left, units[i]);
      total += (Wide{options[i].hourly.nanos} * units[i] + Wide{options[i].running.nanos} * runs) *
               one.hours;
      left -= runs;
    }
    total += Wide{on_demand.nanos} * left * one.hours;
  }
  return {total * 3'600'000};
}

TEST(CheapestMix, OfOnePlanIsTheQuantileOfItsDiscount) {
  // Usage of 1, 2, … 100 units, an hour each: F⁻¹(28 %) is 28.
  std::vector<UsedHours> used;
  for (int i = 1; i <= 100; ++i) used.push_back({i * 1'000, 1});
  for (const std::int64_t percent : {1, 28, 46, 60, 99}) {
    const BuyMix mix = cheapest_mix(used, dollars_an_hour(1), {off(percent)});
    EXPECT_EQ(mix.units_milli, std::vector<std::int64_t>{percent * 1'000});
  }
  EXPECT_EQ(cheapest_mix(used, dollars_an_hour(1), {off(0)}).units_milli[0], 0);
}

TEST(CheapestMix, TakesWhatIsUsedMuchFromWhatIsFixed) {
  // Ten units always, ten more half of the time. Fixed at 60 cents, or 20 cents and 50 while it
  // runs.
  const std::vector<UsedHours> used = {{10'000, 50}, {20'000, 50}};
  const std::vector<BuyOption> options = {{"fixed", {}, {600'000'000}, {}},
                                          {"half", {}, {200'000'000}, {500'000'000}}};
  const BuyMix mix = cheapest_mix(used, dollars_an_hour(1), options);
  EXPECT_EQ(mix.units_milli, (std::vector<std::int64_t>{10'000, 10'000}));
  // 10 × 100 h × $0.60 + 10 × (100 h × $0.20 + 50 h × $0.50)
  EXPECT_EQ(rounded(mix.cost), (Money{1'050'000'000}));
  EXPECT_EQ(rounded(mix.cost_on_demand), (Money{1'500'000'000}));
}

TEST(CheapestMix, CostsWhatItSaysAndNoOtherCostsLess) {
  EXPECT_TRUE(rc::check([] {
    std::vector<UsedHours> used;
    for (int i = 0, n = *rc::gen::inRange(1, 6); i < n; ++i) {
      used.push_back({*rc::gen::inRange(0, 5) * 1'000, *rc::gen::inRange(1, 5)});
    }
    std::vector<BuyOption> options;
    for (int i = 0; i < 2; ++i) {
      options.push_back({"", {}, {*rc::gen::inRange(1, 12)}, {*rc::gen::inRange(0, 12)}});
    }
    const Price on_demand{10};
    const BuyMix mix = cheapest_mix(used, on_demand, options);
    RC_ASSERT(cost_of(used, on_demand, options, mix.units_milli) == mix.cost);
    for (std::int64_t a = 0; a <= 5; ++a) {
      for (std::int64_t b = 0; b <= 5; ++b) {
        // Units that would cost more to run than on demand stand idle; they are not worth a look.
        if ((a > 0 && options[0].running > on_demand) ||
            (b > 0 && options[1].running > on_demand)) {
          continue;
        }
        RC_ASSERT(cost_of(used, on_demand, options, {a * 1'000, b * 1'000}) >= mix.cost);
      }
    }
  }));
}

TEST(Advise, IsNeverBelowItsBound) {
  const auto assumptions = parse_assumptions_file({"years.yaml", R"(
begin: 2026-01-01
years: 2
paths: 20
offers: [{sku: node, cloud: aws, price: 10}]
demand: [{name: d, sku: node, cloud: aws, units: 100, growth_spread: 20%, noise: 10%, day_swing: 30%},
         {name: flat, sku: node, cloud: aws, units: 100}]
buy:
- {demand: d, options: [{name: plan, off: 28%}, {name: reserved, hourly: 5, running: 1}]}
- {demand: flat, options: [{name: plan, off: 28%}]}
)",
                                                   "/"});
  ASSERT_TRUE(assumptions) << assumptions.error().message;
  const auto advice = advise(*assumptions);
  ASSERT_TRUE(advice) << advice.error().message;
  ASSERT_EQ(advice->size(), 2u);
  EXPECT_LT(advice->at(0).bound, advice->at(0).advised);
  EXPECT_LT(advice->at(0).advised, advice->at(0).on_demand);
  // All is certain: 100 nodes × $7.20 × 17,520 h.
  EXPECT_EQ(advice->at(1).units_milli, std::vector<std::int64_t>{100'000});
  EXPECT_EQ(advice->at(1).advised, (Money{100 * 17'520 * 7'200'000ll}));
  EXPECT_EQ(advice->at(1).bound, advice->at(1).advised);
  EXPECT_EQ(advice->at(1).on_demand, (Money{100 * 17'520 * 10'000'000ll}));
}

}  // namespace
}  // namespace mohona

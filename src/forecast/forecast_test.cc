#include "forecast/forecast.h"

#include <gtest/gtest.h>

#include <fstream>

#include "forecast/blocks.h"
#include "forecast/demand.h"
#include "forecast/report.h"
#include "money/accounts.h"
#include "spec/assumptions_file.h"

namespace mohona {
namespace {

using namespace std::chrono;

Timestamp day(int y, unsigned m, unsigned d) { return sys_days(year(y) / m / d); }
constexpr Money dollars(std::int64_t n) { return {n * 1'000'000}; }

Assumptions parsed(const std::string& text) {
  const auto assumptions = parse_assumptions_file({"years.yaml", text, "/"});
  EXPECT_TRUE(assumptions) << assumptions.error().message;
  return assumptions ? *assumptions : Assumptions{};
}

Forecast forecast_of(const Assumptions& assumptions, std::size_t threads = 1) {
  const auto forecast = make_forecast(assumptions, threads);
  EXPECT_TRUE(forecast) << forecast.error().message;
  return forecast ? *forecast : Forecast{};
}

// No noise: every figure can be worked out by hand. 2026 has 8,760 hours.
constexpr const char* certain = R"(
begin: 2026-01-01
today: 2026-02-01
years: 2
paths: 3
offers:
- {sku: node, cloud: aws, region: r, price: 10}
contracts:
- name: aws
  cloud: aws
  minimums:
  - {name: commit, from: 2026-01-01, milestones: [{due: 2027-01-01, amount: 500000}, {due: 2028-01-01, amount: 500000}]}
demand:
- {name: d, sku: node, cloud: aws, region: r, units: 5, deliveries: [{from: 2026-01-01, units: 6}, {from: 2027-01-01, units: 8}]}
)";

TEST(Forecast, IsExactWhereNothingIsLeftToChance) {
  const Forecast forecast = forecast_of(parsed(certain));
  // 5 nodes × $10 × 8,760 h = $438,000 a year; $62,000 are missing and invoiced.
  const auto always = [](Money m) { return MoneySpread{m, m, m, m}; };
  ASSERT_EQ(forecast.years.size(), 2u);
  EXPECT_EQ(forecast.years[0].bill, always(dollars(500'000)));
  EXPECT_EQ(forecast.years[1].bill, always(dollars(500'000)));
  EXPECT_EQ(forecast.bill, always(dollars(1'000'000)));
  ASSERT_EQ(forecast.milestones.size(), 2u);
  const MilestoneForecast& first = forecast.milestones[0];
  EXPECT_EQ(first.key, (MilestoneKey{"aws", "commit", day(2026, 1, 1), day(2027, 1, 1)}));
  EXPECT_EQ(first.needed, dollars(500'000));
  EXPECT_EQ(first.drawn_today, dollars(5 * 10 * 24 * 31));
  EXPECT_EQ(first.drawn, always(dollars(438'000)));
  EXPECT_EQ(first.missed_ppm, 1'000'000);
  EXPECT_EQ(first.shortfall, dollars(62'000));
  // One idle node draws $240 a day: $62,000 take the last 258⅓ days of the year, from 17 April. It
  // is known to the week, which begins on the 15th.
  EXPECT_EQ(first.last_day, day(2026, 4, 15));
  // Three idle nodes draw $720 a day: 86 days, from 6 October; that week begins on the 1st.
  EXPECT_EQ(forecast.milestones[1].last_day, day(2027, 10, 1));
}

TEST(Forecast, SaysWhenIdleCapacityIsNeverEnough) {
  std::string text = certain;
  text.replace(text.find("units: 6"), 8, "units: 5");
  const Forecast forecast = forecast_of(parsed(text));
  EXPECT_TRUE(forecast.milestones[0].helpless);
  EXPECT_FALSE(forecast.milestones[0].last_day);
  EXPECT_FALSE(forecast.milestones[1].helpless);
}

// A commitment of 10 nodes, paid when it arrives; growth; fees; an outage.
constexpr const char* racks = R"(
begin: 2026-01-01
years: 1
paths: 2
offers:
- {sku: node, cloud: cw, price: 10}
contracts:
- name: cw
  cloud: cw
  commitments:
  - {name: racks, from: 2026-02-01, to: 2027-01-01, upfront: 1000, steps: [{from: 2026-02-01, instances: 10, hourly: 40}]}
demand:
- {name: d, sku: node, cloud: cw, units: 8, deliveries: cw/racks}
what_if:
- {name: late, slip: {months: 2}}
- {name: never late, slip: {months: 0}}
- {name: dark, outage: {cloud: cw, from: 2026-06-01, days: 10}}
- {name: dearer, price: {clouds: cw, times: 2, from: 2026-01-01}}
- {name: out, cancel: {contract: cw, from: 2026-07-01, costs: 5000}}
- name: more
  sign: {offers: [{sku: gpu, cloud: oci, price: 3}], demand: [{name: e, sku: gpu, cloud: oci, units: 1}]}
)";

TEST(Forecast, WhatIfsDifferByWhatTheyChange) {
  const Forecast forecast = forecast_of(parsed(racks));
  // From February 334 days at $40 an hour, and $1,000 at once. 8 of 10 are used.
  const auto always = [](Money m) { return MoneySpread{m, m, m, m}; };
  EXPECT_EQ(forecast.bill, always(dollars(334 * 24 * 40 + 1'000)));
  EXPECT_EQ(forecast.commitments.at(0).p50_ppm, 800'000);
  EXPECT_EQ(forecast.unserved, always(dollars(31 * 24 * 8 * 10)));  // in January
  ASSERT_EQ(forecast.what_if.size(), 6u);
  const auto& all = forecast.what_if;
  EXPECT_EQ(all[0].bill, always(dollars(-59 * 24 * 40))) << "February and March are not paid";
  EXPECT_EQ(all[0].unserved, always(dollars(59 * 24 * 8 * 10)));
  EXPECT_EQ(all[1].bill, always({}));
  EXPECT_EQ(all[1].unserved, always({}));
  EXPECT_EQ(all[2].bill, always({})) << "racks are paid, dark or not";
  EXPECT_EQ(all[2].unserved, always(dollars(10 * 24 * 8 * 10)));
  EXPECT_EQ(all[3].bill, always({})) << "all of it is covered";
  // From July on 8 nodes at $10 instead of $40 an hour.
  EXPECT_EQ(all[4].bill, always(dollars(184 * 24 * 40 + 5'000)));
  EXPECT_EQ(all[5].bill, always(dollars(8'760 * 3)));
}

// With everything that chance touches.
constexpr const char* chancy = R"(
begin: 2026-01-01
years: 3
paths: 40
seed: 5
offers:
- {sku: node, family: n, cloud: aws, region: r, price: 10}
- {sku: gb, cloud: aws, tiers: [{over: 0, price: 0.1}, {over: 100000, price: 0.05}]}
- {sku: gpu, cloud: oci, price: 20}
contracts:
- name: aws
  cloud: aws
  time_zone: "-08:00"
  discounts: [{off: 9%}]
  commitments:
  - {name: plan, from: 2026-03-01, to: 2027-03-01, dollars_per_hour: 100, rates: [{families: [n], off: 28%}]}
  minimums:
  - {name: commit, from: 2026-01-01, missed: {credit: 100%, months: 12},
     milestones: [{due: 2027-01-01, amount: 2000000}, {due: 2028-01-01, amount: 3000000}]}
- name: oci
  cloud: oci
  minimums:
  - {name: credits, from: 2026-01-01, prepaid: true, monthly: 100000, missed: forfeit,
     milestones: [{due: 2027-01-01, amount: 1200000}, {due: 2028-01-01, amount: 1200000}]}
demand:
- {name: a, sku: node, cloud: aws, region: r, units: 20, growth: 30%, growth_spread: 10%, noise: 20%, day_swing: 30%,
   season: {peak: 12, swing: 20%}, deliveries: [{from: 2026-02-01, units: 30}, {from: 2026-08-01, units: 50}],
   slip: {chance: 50%, months: 6}}
- {name: b, sku: gb, cloud: aws, units: 500, noise: 10%}
- {name: c, sku: gpu, cloud: oci, units: 6, growth: 20%, growth_spread: 20%}
what_if:
- {name: nothing, slip: {months: 0}}
- {name: the same price, price: {clouds: aws, times: 1, from: 2027-01-01}}
- {name: nowhere, outage: {cloud: gcp, from: 2026-06-01, days: 100}}
- {name: dearer, price: {clouds: oci, times: 1.5, from: 2027-01-01}}
- name: a stranger
  sign: {offers: [{sku: cpu, cloud: gcp, price: 1}], demand: [{name: z, sku: cpu, cloud: gcp, units: 1, noise: 50%}]}
)";

TEST(Forecast, IsTheSameOnEveryRunAndForAnyNumberOfThreads) {
  const Assumptions assumptions = parsed(chancy);
  const Forecast once = forecast_of(assumptions, 1);
  EXPECT_EQ(once, forecast_of(assumptions, 1));
  EXPECT_EQ(once, forecast_of(assumptions, 3));
  Assumptions other = assumptions;
  other.seed = 6;
  EXPECT_NE(once, forecast_of(other));
  EXPECT_LT(once.bill.p10, once.bill.p90);
}

TEST(Forecast, AChangeOfNothingDiffersByNothing) {
  const Forecast forecast = forecast_of(parsed(chancy));
  for (int i = 0; i < 3; ++i) {
    const Difference& one = forecast.what_if[static_cast<std::size_t>(i)];
    EXPECT_EQ(one.bill, MoneySpread{}) << one.name;
    EXPECT_EQ(one.unserved, MoneySpread{}) << one.name;
    EXPECT_EQ(one.shortfall, Money{}) << one.name;
  }
  EXPECT_GT(forecast.what_if[3].bill.p90, Money{});
  // What is added is all that differs: two years of a cpu at $1, more or less its noise.
  const MoneySpread& added = forecast.what_if[4].bill;
  EXPECT_GT(added.p10, dollars(8'760 * 3 * 85 / 100));
  EXPECT_LT(added.p90, dollars(8'760 * 3 * 115 / 100));
}

TEST(Forecast, MorePathsDoNotMoveWhatIsCertain) {
  Assumptions assumptions = parsed(certain);
  const Forecast few = forecast_of(assumptions);
  assumptions.paths = 25;
  Forecast many = forecast_of(assumptions);
  many.paths = few.paths;
  EXPECT_EQ(few, many);
}

TEST(Forecast, EarlierPathsStayWhenThereAreMore) {
  const Assumptions assumptions = parsed(chancy);
  Assumptions longer = assumptions;
  longer.paths = 100;
  const auto a = settle_path(assumptions, 7), b = settle_path(longer, 7);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->bills, b->bills);
}

TEST(Forecast, SaysWhereAndWhenThereIsNoPrice) {
  std::string text = certain;
  text.replace(text.find("price: 10"), 9, "price: 10, to: 2026-06-01");
  const auto forecast = make_forecast(parsed(text), 1);
  ASSERT_FALSE(forecast);
  EXPECT_EQ(forecast.error().message,
            "there is no price for node in aws r  at 2026-06-01T00:00:00Z");
}

// --- draws --------------------------------------------------------------------------------------

TEST(Demand, GrowsAndSwaysAsItIsSaid) {
  Assumptions assumptions = parsed(certain);
  ExpectedDemand& demand = assumptions.demand[0];
  demand.growth_ppm = 210'000;
  demand.season_month = 1, demand.season_swing_ppm = 100'000;
  demand.day_swing_ppm = 500'000;
  const std::vector<Block> blocks = blocks_of(assumptions);
  const std::vector<Want> all = wants(assumptions, demand, blocks, 0);
  const auto wanted = [&](Timestamp at) {
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (blocks[i].hour == at) return all[i].wanted;
    }
    return std::int64_t{-1};
  };
  EXPECT_EQ(wanted(day(2026, 1, 1)), 2'750);             // 5 × 1.1 in January × 0.5 at night
  EXPECT_EQ(wanted(day(2026, 1, 1) + hours(8)), 8'250);  // × 1.5 by day
  EXPECT_EQ(wanted(day(2026, 7, 1)), 2'475);             // × 1.1 after half a year × 0.9 in July
  EXPECT_EQ(wanted(day(2027, 1, 1)), 3'328);             // × 1.21 × 1.1 × 0.5, to thousandths
}

TEST(Demand, SlipsAsOftenAndAsFarAsItIsSaid) {
  Assumptions assumptions = parsed(certain);
  assumptions.demand[0].slip = {400'000, 3};
  constexpr int paths = 4'000;
  std::map<Timestamp, int> seen;
  for (int path = 0; path < paths; ++path) {
    const auto& deliveries = delivered(assumptions, path).demand[0].deliveries;
    ++seen[deliveries[1].from];
    EXPECT_LE(deliveries[0].from, deliveries[1].from);
  }
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_NEAR(seen[day(2027, 1, 1)], paths * 0.6, 150);
  for (const unsigned month : {2u, 3u, 4u}) {
    EXPECT_NEAR(seen[day(2027, month, 1)], paths * 0.4 / 3, 120);
  }
}

// --- the page -----------------------------------------------------------------------------------

TEST(ForecastPage, StandsAloneAndNamesEverything) {
  Assumptions assumptions = parsed(chancy);
  assumptions.name = "<us> & them";
  const std::string page = forecast_page(assumptions, forecast_of(assumptions));
  for (const char* loaded : {"<script", "http://", "https://", "<link", "<img"}) {
    const std::size_t at = page.find(loaded);
    EXPECT_TRUE(at == page.npos || page.compare(at, 26, "http://www.w3.org/2000/svg") == 0)
        << loaded;
  }
  EXPECT_EQ(page.find("<us>"), page.npos);
  for (const char* text : {"&lt;us&gt; &amp; them", "aws: commit", "oci: credits", "aws: plan",
                           "the same price", "a stranger", "Shortfall"}) {
    EXPECT_NE(page.find(text), page.npos) << text;
  }
}

TEST(ForecastPage, RoundsForAPerson) {
  EXPECT_EQ(in_round({38'000'000'000'000'000}), "$38.0 bn");
  EXPECT_EQ(in_round({-1'234'567'890'000}), "-$1.23 m");
  EXPECT_EQ(in_round({999'600'000'000}), "$1.00 m");
  EXPECT_EQ(in_round({412'345'000'000}), "$412 k");
  EXPECT_EQ(in_round({12'300'000}), "$12.3");
  EXPECT_EQ(in_round({-1}), "$0");
  EXPECT_EQ(in_round({}), "$0");
}

TEST(Forecast, ReadsTheExample) {
  std::ifstream file(MOHONA_SOURCE_DIR "/examples/openai-aws.yaml");
  Assumptions assumptions =
      parsed({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  EXPECT_EQ(assumptions.paths, 200);
  EXPECT_GE(assumptions.contracts.contracts.size(), 5u);
  assumptions.paths = 2;
  const Forecast forecast = forecast_of(assumptions);
  Money agreed;
  for (const Milestone& one : assumptions.contracts.contracts[0].minimums[0].milestones) {
    agreed += one.amount;
  }
  EXPECT_EQ(agreed, dollars(38'000'000'000));
  EXPECT_EQ(forecast.years.size(), 7u);
  EXPECT_GE(forecast.what_if.size(), 3u);
}

// --- compressed time against every hour ---------------------------------------------------------

TEST(Blocks, StandForEveryHourOnce) {
  const Assumptions assumptions = parsed(chancy);
  std::int64_t count = 0;
  Hour before = Hour::min();
  for (const Block& block : blocks_of(assumptions)) {
    EXPECT_LT(before, block.hour);
    before = block.hour, count += block.count;
  }
  EXPECT_EQ(hours(count), end_of(assumptions) - assumptions.begin);
}

// The oracle settles each of 26,280 hours by the ordinary books, each with its block's demand.
TEST(Forecast, BillsAsTheBooksDoHourByHour) {
  const Assumptions assumptions = parsed(chancy);
  for (const std::int64_t path : {0, 1}) {
    const Assumptions there = delivered(assumptions, path);
    const std::vector<Block> blocks = blocks_of(there);
    Accounts accounts(there.contracts, there.begin);
    for (const ExpectedDemand& demand : there.demand) {
      const std::vector<Want> all = wants(there, demand, blocks, path);
      std::map<std::pair<std::int64_t, bool>, std::size_t> last;  // by week and half
      std::size_t next = 0;
      for (Hour hour = floor<hours>(there.begin); hour < end_of(there); hour += hours(1)) {
        const year_month_day date(floor<days>(hour));
        const std::int64_t month = ((date.year() / date.month()) - (year(2026) / 1)).count();
        const std::int64_t week = month * 4 + std::min((unsigned(date.day()) - 1) / 7, 3u);
        const auto of_day = (hour - floor<days>(hour)).count();
        const bool busy = of_day >= 8 && of_day < 20;
        if (next < blocks.size() && blocks[next].hour == hour) last[{week, busy}] = next++;
        const std::int64_t seconds = (all[last.at({week, busy})].used() * 3'600 + 500) / 1'000;
        if (seconds > 0) {
          ASSERT_TRUE(accounts.add({demand.name, demand.meter, hour, seconds}));
        }
      }
    }
    ASSERT_TRUE(accounts.settle(end_of(there)));
    Exact billed;
    for (const Entry& entry : accounts.ledger().entries()) billed += entry.row.billed;
    const auto outcome = settle_path(assumptions, path);
    ASSERT_TRUE(outcome);
    Money total;
    for (const Money bill : outcome->bills) total += bill;
    // Each of the three years is rounded once, and shares of fees and discounts per row.
    EXPECT_NEAR(static_cast<double>(total.micros), static_cast<double>(rounded(billed).micros), 3);
  }
}

}  // namespace
}  // namespace mohona

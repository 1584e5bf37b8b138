#include "spec/assumptions_file.h"

#include <gtest/gtest.h>

namespace mohona {
namespace {

using namespace std::chrono;

Timestamp day(int y, unsigned m, unsigned d) { return sys_days(year(y) / m / d); }

constexpr const char* head = R"(begin: 2026-01-01
years: 2
offers:
- {sku: node, cloud: aws, price: 10}
contracts:
- {name: aws, cloud: aws, commitments: [{name: racks, from: 2026-02-01, to: 2028-01-01,
   steps: [{from: 2026-02-01, instances: 10, hourly: 50}, {from: 2026-05-01, instances: 20, hourly: 100}]}]}
)";
constexpr const char* demand = "demand:\n- {name: d, sku: node, cloud: aws, units: 5}\n";

Assumptions parsed(const std::string& text) {
  const auto assumptions = parse_assumptions_file({"years.yaml", text, "/"});
  EXPECT_TRUE(assumptions) << assumptions.error().message;
  return assumptions ? *assumptions : Assumptions{};
}

std::string error_of(const std::string& text) {
  const auto assumptions = parse_assumptions_file({"years.yaml", text, "/"});
  return assumptions ? "it was read" : assumptions.error().message;
}

TEST(AssumptionsFile, HoldsWhatIsSaid) {
  const Assumptions assumptions = parsed(
      std::string("name: two years\npaths: 50\nseed: 9\ntoday: 2026-07-01\n") + head + R"(demand:
- name: training
  sku: node
  cloud: aws
  region: us-east-1
  zone: a
  account: research
  reservation: racks
  units: 2.5
  from: 2026-03-01
  to: 2027-06-01
  growth: -10%
  growth_spread: 5%
  noise: 8%
  season: {peak: 12, swing: 6%}
  day_swing: 20%
  deliveries: [{from: 2026-02-01, units: 4}, {from: 2026-04-01, units: 8}]
  slip: {chance: 30%, months: 3}
)");
  EXPECT_EQ(assumptions.name, "two years");
  EXPECT_EQ(assumptions.begin, day(2026, 1, 1));
  EXPECT_EQ(assumptions.years, 2);
  EXPECT_EQ(assumptions.today, day(2026, 7, 1));
  EXPECT_EQ(assumptions.paths, 50);
  EXPECT_EQ(assumptions.seed, 9u);
  EXPECT_EQ(assumptions.contracts.contracts.size(), 1u);
  EXPECT_EQ(assumptions.contracts.offers.size(), 1u);
  ExpectedDemand expected;
  expected.name = "training";
  expected.meter = {"node", {"aws", "us-east-1", "a"}, "research", "racks"};
  expected.units_milli = 2'500;
  expected.window = {day(2026, 3, 1), day(2027, 6, 1)};
  expected.growth_ppm = -100'000;
  expected.growth_spread_ppm = 50'000;
  expected.noise_ppm = 80'000;
  expected.season_month = 12;
  expected.season_swing_ppm = 60'000;
  expected.day_swing_ppm = 200'000;
  expected.deliveries = {{day(2026, 2, 1), 4'000}, {day(2026, 4, 1), 8'000}};
  expected.slip = {300'000, 3};
  EXPECT_EQ(assumptions.demand, std::vector{expected});
}

TEST(AssumptionsFile, TakesDeliveriesFromACommitment) {
  const Assumptions assumptions =
      parsed(std::string(head) +
             "demand:\n- {name: d, sku: node, cloud: aws, units: 5, deliveries: aws/racks}\n");
  const ExpectedDemand& one = assumptions.demand.at(0);
  EXPECT_EQ(one.deliveries,
            (std::vector<Delivery>{{day(2026, 2, 1), 10'000}, {day(2026, 5, 1), 20'000}}));
  EXPECT_EQ(one.contract, "aws");
  EXPECT_EQ(one.commitment, "racks");
}

TEST(AssumptionsFile, HoldsEveryWhatIf) {
  const Assumptions assumptions = parsed(std::string(head) + demand + R"(what_if:
- {name: late, slip: {months: 6, demand: d, from: 2026-03-01}}
- {name: out, cancel: {contract: aws, from: 2027-01-01, costs: 1000, demand: [d]}}
- {name: cheap, price: {clouds: aws, times: 0.8, from: 2026-06-01}}
- {name: dark, outage: {cloud: aws, region: us-east-1, from: 2026-06-01, days: 14}}
- name: more
  sign:
    offers: [{sku: gpu, cloud: oci, price: 3}]
    contracts: [{name: oci, cloud: oci, discounts: [{off: 10%}]}]
    demand: [{name: e, sku: gpu, cloud: oci, units: 1}]
)");
  ASSERT_EQ(assumptions.what_if.size(), 5u);
  const std::vector<WhatIf>& all = assumptions.what_if;
  EXPECT_EQ(all[0], (WhatIf{"late", SlipChange{6, {"d"}, day(2026, 3, 1)}}));
  EXPECT_EQ(all[1], (WhatIf{"out", CancelChange{"aws", day(2027, 1, 1), {1'000'000'000}, {"d"}}}));
  EXPECT_EQ(all[2], (WhatIf{"cheap", PriceChange{{.clouds = {"aws"}}, 800'000, day(2026, 6, 1)}}));
  EXPECT_EQ(all[3], (WhatIf{"dark", OutageChange{{"aws", "us-east-1", ""},
                                                 {day(2026, 6, 1), day(2026, 6, 15)}}}));
  const SignChange& sign = std::get<SignChange>(all[4].change);
  EXPECT_EQ(sign.contracts.contracts.at(0).name, "oci");
  EXPECT_EQ(sign.contracts.offers.at(0).sku, "gpu");
  EXPECT_EQ(sign.demand.at(0).name, "e");
}

TEST(AssumptionsFile, HoldsWhatMayBeBought) {
  const Assumptions assumptions = parsed(std::string(head) + demand + R"(buy:
- {demand: d, options: [{name: a year, off: 28%}, {name: reserved, hourly: 5, running: 0.5}]}
)");
  EXPECT_EQ(
      assumptions.buy,
      (std::vector<BuyQuestion>{
          {"d", {{"a year", 280'000, {}, {}}, {"reserved", {}, {5'000'000'000}, {500'000'000}}}}}));
}

TEST(AssumptionsFile, IsToldFromAScenarioByItsYears) {
  EXPECT_TRUE(are_assumptions({"o.yaml", "begin: 2026-01-01\nyears: 3\n", "/"}));
  EXPECT_FALSE(are_assumptions({"s.yaml", "fleet: small.yaml\n", "/"}));
  EXPECT_FALSE(are_assumptions({"s.yaml", "- [", "/"}));
}

struct Mistake {
  const char* text;  // after the head
  const char* message;
};

class AssumptionsMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(AssumptionsMistakes, AreShownWithLineAndCaret) {
  EXPECT_EQ(error_of(std::string(head) + GetParam().text), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, AssumptionsMistakes,
    testing::Values(
        Mistake{"demand:\n- {name: d, sku: node, cloud: aws, units: 5, grwth: 3%}\n",
                "years.yaml:9:46: there is no key 'grwth'\n"
                "  9 | - {name: d, sku: node, cloud: aws, units: 5, grwth: 3%}\n"
                "    |                                              ^~~~~\n"
                "  did you mean 'growth'?\n"},
        Mistake{"demand:\n- {name: d, sku: nodes, cloud: aws, units: 5}\n",
                "years.yaml:9:18: there is no offer for nodes in aws\n"
                "  9 | - {name: d, sku: nodes, cloud: aws, units: 5}\n"
                "    |                  ^~~~~\n"
                "  expected one of 'offers'\n"},
        Mistake{"demand:\n- {name: d, sku: node, cloud: aws, units: 5, deliveries: aws/rack}\n",
                "years.yaml:9:58: 'deliveries' cannot be 'aws/rack'\n"
                "  9 | - {name: d, sku: node, cloud: aws, units: 5, deliveries: aws/rack}\n"
                "    |                                                          ^~~~~~~~\n"
                "  did you mean 'aws/racks'?\n"},
        Mistake{"demand:\n- {name: d, sku: node, cloud: aws, units: 5, growth: fast}\n",
                "years.yaml:9:54: 'growth' cannot be 'fast'\n"
                "  9 | - {name: d, sku: node, cloud: aws, units: 5, growth: fast}\n"
                "    |                                                      ^~~~\n"
                "  expected a growth a year from -95% to 10000%, such as 40% or -10%\n"},
        Mistake{
            "demand:\n- {name: d, sku: node, cloud: aws, units: 5, slip: {chance: 5%, months: "
            "2}}\n",
            "years.yaml:9:46: there is nothing that could slip\n"
            "  9 | - {name: d, sku: node, cloud: aws, units: 5, slip: {chance: 5%, months: 2}}\n"
            "    |                                              ^~~~\n"
            "  expected 'deliveries' beside it\n"},
        Mistake{"demand:\n- {name: d, sku: node, cloud: aws, units: 5}\n"
                "what_if:\n- {name: late, slip: {months: 3, demand: dd}}\n",
                "years.yaml:11:42: there is no demand 'dd'\n"
                "  11 | - {name: late, slip: {months: 3, demand: dd}}\n"
                "     |                                          ^~\n"
                "  did you mean 'd'?\n"},
        Mistake{
            "demand:\n- {name: d, sku: node, cloud: aws, units: 5}\nwhat_if:\n- {name: nothing}\n",
            "years.yaml:11:3: a what-if changes one thing\n"
            "  11 | - {name: nothing}\n"
            "     |   ^\n"
            "  expected one of sign, slip, cancel, price, outage\n"},
        Mistake{"demand:\n- {name: d, sku: node, cloud: aws, units: 5}\n"
                "what_if:\n- {name: c, cancel: {contract: awss, from: 2027-01-01}}\n",
                "years.yaml:11:32: 'contract' cannot be 'awss'\n"
                "  11 | - {name: c, cancel: {contract: awss, from: 2027-01-01}}\n"
                "     |                                ^~~~\n"
                "  did you mean 'aws'?\n"},
        Mistake{"demand:\n- {name: d, sku: node, cloud: aws, units: 5}\n"
                "buy:\n- {demand: d, options: [{name: plan}]}\n",
                "years.yaml:11:25: this option needs an 'off' or an 'hourly'\n"
                "  11 | - {demand: d, options: [{name: plan}]}\n"
                "     |                         ^\n"
                "  expected one of the two\n"},
        Mistake{"demand:\n- {name: d, sku: node, cloud: aws, units: 5}\n"
                "- {name: d, sku: node, cloud: aws, units: 6}\n",
                "years.yaml:10:10: two demands are named 'd'\n"
                "  10 | - {name: d, sku: node, cloud: aws, units: 6}\n"
                "     |          ^\n"
                "  expected a name of its own for each\n"}));

TEST(AssumptionsFile, SaysWhatIsMissing) {
  EXPECT_EQ(error_of("begin: 2026-01-01\nyears: 40\n"),
            "years.yaml:1:1: this file has no 'demand'\n"
            "  1 | begin: 2026-01-01\n"
            "    | ^\n"
            "  expected begin, years, demand\n"
            "years.yaml:2:8: 'years' cannot be '40'\n"
            "  2 | years: 40\n"
            "    |        ^~\n"
            "  expected a whole number from 1 to 30\n");
}

}  // namespace
}  // namespace mohona

#include "spec/contracts_file.h"

#include <gtest/gtest.h>

#include "money/book.h"
#include "spec/test_files.h"

namespace mohona {
namespace {

using namespace std::chrono;

Timestamp at(int y, unsigned m, unsigned d, int hour = 0) {
  return sys_days(year(y) / m / d) + hours(hour);
}

Contracts parsed(const std::string& text) {
  const auto contracts = parse_contracts_file({"contracts.yaml", text, "/"});
  EXPECT_TRUE(contracts) << contracts.error().message;
  return contracts ? *contracts : Contracts{};
}

Commitment commitment(const std::string& keys) {
  return parsed(
             "contracts:\n- {name: aws, cloud: aws, account: team, time_zone: \"-08:00\", "
             "commitments: [{name: one, " +
             keys + "}]}\n")
      .contracts.at(0)
      .commitments.at(0);
}

TEST(ContractsFile, HoldsOffers) {
  const Contracts contracts = parsed(R"(
offers:
- {sku: p5.48xlarge, family: p5, size: 384, cloud: aws, region: us-east-1, price: 55.04}
- {sku: gb, cloud: gcp, unit: GB, from: 2026-01-01, tiers: [{over: 0, price: 0.1}, {over: 9, price: 0.00001275}]}
- {sku: s, cloud: aws, zone: z, price: 1, spot: true}
)");
  const Offer p5{.sku = "p5.48xlarge",
                 .place = {"aws", "us-east-1", ""},
                 .family = "p5",
                 .size_milli = 384'000,
                 .unit = "instance",
                 .tiers = {{0, {55'040'000'000}}}};
  const Offer gb{.sku = "gb",
                 .place = {"gcp", "", ""},
                 .unit = "GB",
                 .tiers = {{0, {100'000'000}}, {9, {12'750}}},
                 .valid = {.from = at(2026, 1, 1)}};
  const Offer spot{.sku = "s",
                   .place = {"aws", "", "z"},
                   .unit = "instance",
                   .tiers = {{0, {1'000'000'000}}},
                   .dynamic = true};
  EXPECT_EQ(contracts.offers, (std::vector<Offer>{p5, gb, spot}));
}

TEST(ContractsFile, HoldsReservedInstances) {
  // Days are those of the contract's clocks: eight hours behind UTC.
  const Window window{at(2026, 1, 1, 8), at(2027, 1, 1, 8)};
  const Commitment expected{.name = "one",
                            .account = "team",
                            .scope = {.clouds = {"aws"}, .zones = {"a"}, .skus = {"m5.large"}},
                            .window = window,
                            .draw = Draw::instances,
                            .steps = {{window.from, 2'000, {60'000'000}}},
                            .fees = {{window.from, {100'500'000}, window}},
                            .capacity = true,
                            .rank = 0};
  EXPECT_EQ(commitment("covers: {skus: m5.large, zones: [a]}, from: 2026-01-01, to: 2027-01-01, "
                       "instances: 2, hourly: 0.06, upfront: 100.50, capacity: true"),
            expected);
}

TEST(ContractsFile, PaysADollarForADollarOfAPlan) {
  const Commitment plan =
      commitment("from: 2026-01-01, to: 2027-01-01, dollars_per_hour: 10, rates: [{off: 28%}]");
  EXPECT_EQ(plan.draw, Draw::plan_rate);
  EXPECT_EQ(plan.steps, (std::vector<Step>{{plan.window.from, 10'000'000'000, {10'000'000'000}}}));
  EXPECT_EQ(plan.rates, (std::vector<Rate>{{.off_ppm = 280'000}}));
}

TEST(ContractsFile, RanksByWhatIsCovered) {
  const std::string window = "from: 2026-01-01, to: 2027-01-01, ";
  EXPECT_EQ(commitment(window + "instances: 1, covers: {zones: [a]}").rank, 0);
  EXPECT_EQ(commitment(window + "units: 1").rank, 1);
  EXPECT_EQ(
      commitment(window + "dollars_per_hour: 1, rates: [{off: 1%}], covers: {families: [p5]}").rank,
      2);
  EXPECT_EQ(commitment(window + "dollars_per_hour: 1, rates: [{off: 1%}]").rank, 3);
  EXPECT_EQ(commitment(window + "dollars_per_hour: 1, measured_in: list_price, rank: 7").rank, 7);
}

TEST(ContractsFile, PaysMonthlyByItsOwnCalendar) {
  const Commitment one = commitment("from: 2026-01-31, to: 2026-04-30, instances: 1, monthly: 5");
  std::vector<Timestamp> due;
  for (const Fee& fee : one.fees) due.push_back(fee.due);
  // The last day of a month that is too short.
  EXPECT_EQ(due,
            (std::vector<Timestamp>{at(2026, 1, 31, 8), at(2026, 2, 28, 8), at(2026, 3, 31, 8)}));
  EXPECT_EQ(one.fees.back().covers, (Window{at(2026, 3, 31, 8), at(2026, 4, 30, 8)}));
}

TEST(ContractsFile, MonthsHaveABound) {
  const auto message = [](const std::string& window) {
    const auto contracts =
        parse_contracts_file({"c.yaml",
                              "contracts:\n- {name: a, cloud: aws, commitments: [\n  {name: one, " +
                                  window + " instances: 1,\n   monthly: 5}]}\n",
                              "/"});
    return contracts ? "" : contracts.error().message;
  };
  EXPECT_EQ(message("from: 2026-01-01, to: 2126-01-01,"), "");
  EXPECT_EQ(message("from: 2026-01-01, to: 9999-01-01,"),
            "c.yaml:4:13: there are more than 1200 months from 'from' to 'to'\n"
            "  4 |    monthly: 5}]}\n"
            "    |             ^\n"
            "  expected a 'to' that is nearer\n");
  // Without its ends there are none at all, and one message about that.
  EXPECT_NE(message("").find("no 'from'"), std::string::npos);
}

TEST(ContractsFile, HoldsMinimums) {
  const Contracts contracts = parsed(R"(
contracts:
- name: ppa
  version: 3
  cloud: aws
  discounts: [{off: 9%, except_families: marketplace}]
  minimums:
  - name: year
    from: 2026-01-01
    milestones: [{due: 2027-01-01, amount: 10}, {due: 2028-01-01, amount: 20}]
    weights: [{families: [marketplace], weight: 50%, at_most: 25%}]
    measured: before_discount
    missed: {carry: 50%, at_most: 3}
    excess: {carry: 100%}
)");
  const Contract& contract = contracts.contracts.at(0);
  EXPECT_EQ(contract.version, 3);
  EXPECT_EQ(
      contract.discounts,
      (std::vector<Discount>{
          {.scope = {.clouds = {"aws"}, .except_families = {"marketplace"}}, .off_ppm = 90'000}}));
  const Minimum expected{
      .name = "year",
      .scope = {.clouds = {"aws"}},
      .window = {at(2026, 1, 1), at(2028, 1, 1)},
      .milestones = {{at(2027, 1, 1), {10'000'000}}, {at(2028, 1, 1), {20'000'000}}},
      .weights = {{{.families = {"marketplace"}}, 500'000, 250'000}},
      .before_discount = true,
      .missed = {.then = Missed::Then::carry, .ppm = 500'000, .carry_max = {3'000'000}},
      .excess = {.carry_ppm = 1'000'000}};
  EXPECT_EQ(contract.minimums, std::vector<Minimum>{expected});
}

TEST(ContractsFile, TheExampleOfTheDocumentsIsOne) {
  const Contracts contracts = parsed(documented_example("money.md", ""));
  EXPECT_EQ(contracts.offers.size(), 2u);
  ASSERT_EQ(contracts.contracts.size(), 1u);
  EXPECT_EQ(contracts.contracts[0].minimums.size(), 1u);
}

// What is shown to users is read, and every contract is at most 20 lines.
TEST(ContractsFile, ReadsEveryExample) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(tests_directory() / "../examples/contracts")) {
    const std::string text = read_file(entry.path());
    const auto contracts = parse_contracts_file({entry.path().filename(), text, "/"});
    ASSERT_TRUE(contracts) << contracts.error().message;
    EXPECT_FALSE(contracts->offers.empty()) << entry.path();
    EXPECT_EQ(contracts->contracts.size(), 1u) << entry.path();
    const std::string contract = text.substr(text.find("\n- name: "));
    EXPECT_LE(std::count(contract.begin(), contract.end(), '\n'), 21) << entry.path();
    Book book(*contracts);
    for (const Offer& offer : contracts->offers) {
      EXPECT_TRUE(book.meter({offer.sku, offer.place, "", ""})) << offer.sku;
    }
    ++files;
  }
  EXPECT_GE(files, 14);
}

}  // namespace
}  // namespace mohona

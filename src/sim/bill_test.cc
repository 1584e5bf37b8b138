// What a simulated world is billed, worked out by hand, and the bound below it.
#include "sim/bill.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "sim/simulate.h"

namespace mohona {
namespace {

Json figures_of_scenario(const std::string& text, const std::string& policy) {
  const auto scenario = parse_scenario({"scenario.yaml", text, "/nowhere", false});
  EXPECT_TRUE(scenario) << (scenario ? "" : scenario.error().message);
  if (!scenario) return {};
  const auto result = simulate_scenario(*scenario, policy);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result ? result->figures : Json{};
}

constexpr const char* two_clouds = R"(
begin: 2026-01-01
until: 20h
fleet:
  pools:
  - {name: aws, cloud: aws, shape: {name: big, cpus: 8}, nodes: 2, price: 4}
  - {name: gcp, cloud: gcp, shape: {name: large, cpus: 8}, nodes: 2, price: 3}
  offers: [{sku: big, family: big, cloud: aws, price: 4}]
  contracts:
  - name: aws
    cloud: aws
    commitments:
    - {name: half, covers: {families: [big]}, from: 2026-01-01, to: 2026-01-02, instances: 1, hourly: 2}
    minimums:
    - {name: spend, from: 2026-01-01, missed: {invoice: 100%},
       milestones: [{due: 2026-01-01T20:00:00Z, amount: 60}]}
jobs:
- {at: 0s, runs: 10h, repeat: 3, every: 1s, job: {resources: {cpus: 8}, run: work}}
)";

TEST(Bill, SaysWhatWasPaidForWhat) {
  // The fee is $2 for each of 20 hours and counts. One machine is covered. The cheapest on the list
  // are both of gcp's: 20 hours of $3; so the third job is the covered one, by chance.
  const Json sticker = figures_of_scenario(two_clouds, "cheapest-sticker");
  EXPECT_EQ(sticker["fees_usd"], 40);
  EXPECT_EQ(sticker["usage_usd"], 60);
  EXPECT_EQ(sticker["due_usd"], 20);
  EXPECT_EQ(sticker["bill_usd"], 120);
  // At best the third machine is bought from aws for 5 of its hours: $20 more are spent there, and
  // nothing is due. 40 + 5 × 4 + 15 × 3.
  EXPECT_EQ(sticker["bill_bound_usd"], 105);
}

TEST(Bill, IsLessWhereWorkGoesWhereItGrowsLeast) {
  const auto directory = std::filesystem::path(MOHONA_SOURCE_DIR) / "examples/scenarios";
  const std::string text = read_file(directory / "three-clouds.yaml").value();
  const Json ours = figures_of_scenario(text, "default");
  const double bound = ours["bill_bound_usd"], bill = ours["bill_usd"];
  EXPECT_EQ(ours["due_usd"], 0);
  EXPECT_GE(bill, bound);
  EXPECT_LT(bill, bound * 1.02);
  for (const char* policy : {"cheapest-sticker", "reservation-is-free", "reservation-near-free"}) {
    const Json theirs = figures_of_scenario(text, policy);
    EXPECT_LT(bill, theirs["bill_usd"].get<double>() * 0.85) << policy;
    EXPECT_EQ(ours["average_completion_seconds"], theirs["average_completion_seconds"]) << policy;
  }
}

}  // namespace
}  // namespace mohona

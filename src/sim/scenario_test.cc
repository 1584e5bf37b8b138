// Scenario files: what they say, and what is said of those that are wrong.
#include "sim/scenario.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "sim/simulate.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

const std::filesystem::path source_directory = MOHONA_SOURCE_DIR;

Result<Scenario> scenario_of(const std::string& text) {
  return parse_scenario({"scenario.yaml", text, "/nowhere", false});
}

TEST(Scenario, SaysWhatArrivesAndWhatItDoes) {
  const auto scenario = scenario_of(
      "fleet: 2x8\n"
      "policy: fifo\n"
      "begin: 2026-12-01\n"
      "until: 3h\n"
      "jobs:\n"
      "- {at: 10m, runs: 2h, overhead: 5s, exit_code: 3, job: {name: late, run: work}}\n"
      "- {at: 0s, runs: 1m, steps: 10, repeat: 2, every: 1m, job: {run: work, checkpoint: {path: "
      "c}}}\n");
  ASSERT_TRUE(scenario) << scenario.error().message;
  const auto& arrivals = scenario->workload.arrivals;
  ASSERT_EQ(arrivals.size(), 3);
  EXPECT_EQ(scenario->name, "scenario");
  EXPECT_EQ(scenario->policies, (std::vector<std::string>{"fifo"}));
  EXPECT_EQ(scenario->until - scenario->begin, 3h);
  EXPECT_EQ(arrivals[0].at, scenario->begin);
  EXPECT_EQ(arrivals[0].spec.name, "job-2");
  EXPECT_EQ(arrivals[0].spec.progress->steps, 10);
  EXPECT_TRUE(arrivals[0].does.keeps_on_stop);
  EXPECT_EQ(arrivals[1].at - scenario->begin, 1min);
  EXPECT_EQ(arrivals[2].at - scenario->begin, 10min);
  EXPECT_EQ(arrivals[2].spec.name, "late");
  EXPECT_EQ(arrivals[2].does.exit_code, 3);
  EXPECT_EQ(arrivals[2].does.overhead, 5s);
  EXPECT_FALSE(arrivals[2].does.keeps_on_stop);
}

TEST(Scenario, OfABrokenFileEveryMistakeIsShown) {
  const auto directory = source_directory / "tests/scenarios";
  const auto scenario = parse_scenario(
      {"broken.yaml", read_file(directory / "broken.yaml").value(), directory, false});
  ASSERT_FALSE(scenario);
  EXPECT_EQ(scenario.error().message, read_file(directory / "broken.expected").value());
}

TEST(Scenario, TheExamplesRunUnderEachOfTheirPolicies) {
  const auto directory = source_directory / "examples/scenarios";
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const auto scenario = parse_scenario(
        {entry.path().filename(), read_file(entry.path()).value(), directory, false});
    ASSERT_TRUE(scenario) << scenario.error().message;
    if (entry.path().filename() == "three-clouds.yaml") continue;  // bill_test.cc
    std::vector<std::string> policies = scenario->policies;
    if (policies.empty()) policies = {""};
    for (const std::string& policy : policies) {
      const auto result = simulate_scenario(*scenario, policy);
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(result->figures["ended"], result->figures["jobs"]) << entry.path() << policy;
    }
  }
}

}  // namespace
}  // namespace mohona

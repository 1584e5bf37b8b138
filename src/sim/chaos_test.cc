#include "sim/chaos.h"

#include <gtest/gtest.h>

namespace mohona {
namespace {

ChaosOptions small(std::uint64_t seed) {
  ChaosOptions o;
  o.seed = seed;
  o.nodes = 40;
  o.jobs = 60;
  o.lasts = std::chrono::hours(6);
  o.faults = *parse_faults("all");
  return o;
}

std::string first_of(const ChaosResult& result) {
  return result.violations.empty() ? "" : to_string(result.violations.front());
}

TEST(Chaos, BreaksNoRule) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_EQ(first_of(run_chaos(small(seed))), "") << "seed " << seed;
  }
}

// Histories that once broke a rule, and what it was.
TEST(Chaos, BreaksNoRuleWhereItOnceDid) {
  struct Once {
    std::uint64_t seed;
    std::int64_t nodes, jobs;
    const char* faults;
  };
  for (const Once& once : {
           // Work was stopped for a job that would have reached into what was kept for another.
           Once{417, 20, 600, "none"},
           // A promised start was moved back by a few seconds to stop others for it.
           Once{811, 24, 700, "cancels,failing-work"},
           // A look at the engines stopped what was only about to be stopped.
           Once{6, 60, 300, "all"},
           // A pool shrank under its work, and the scheduler was made anew.
           Once{2, 60, 300, "fleet"},
       }) {
    ChaosOptions options;
    options.seed = once.seed;
    options.nodes = once.nodes;
    options.jobs = once.jobs;
    options.faults = *parse_faults(once.faults);
    EXPECT_EQ(first_of(run_chaos(options)), "") << "seed " << once.seed;
  }
}

TEST(Chaos, IsAFunctionOfItsSeed) {
  EXPECT_EQ(run_chaos(small(3)).digest, run_chaos(small(3)).digest);
  EXPECT_NE(run_chaos(small(3)).digest, run_chaos(small(4)).digest);
}

class Bugs : public testing::TestWithParam<std::size_t> {};

TEST_P(Bugs, AreFound) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    ChaosOptions options = small(seed);
    options.bug = static_cast<Bug>(GetParam());
    if (!run_chaos(options).violations.empty()) return;
  }
  FAIL() << bug_names[GetParam()] << " was not found within 200 seeds";
}

INSTANTIATE_TEST_SUITE_P(Each, Bugs, testing::Range(std::size_t{0}, bug_names.size()),
                         [](const auto& which) {
                           std::string name(bug_names[which.param]);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace mohona

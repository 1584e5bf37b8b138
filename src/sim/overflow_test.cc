// A cloud beside one's own machines: the published rules by hand, and ours through the controller.
#include <gtest/gtest.h>

#include "base/dice.h"
#include "core/ledger/usage.h"
#include "sim/overflow_rules.h"
#include "sim/simulation.h"
#include "sim/traces/readers.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp begin = Timestamp{} + std::chrono::hours(490'896);
constexpr Price gpu_hour{2'500'000'000};

Arrival job(Duration at, std::int64_t gpus, Duration runs) {
  Arrival out = trace_job("job", begin + at, runs, {Know::all, ""});
  use_gpus(out.spec, gpus, 8);
  out.spec.checkpoint.reset();
  return out;
}

std::string told(const std::vector<JobOutcome>& jobs) {
  std::string out;
  for (const JobOutcome& one : jobs) {
    out += fmt::format("{}{}{}", out.empty() ? "" : ", ", format_duration(one.waited()),
                       one.cost.micros > 0 ? " " + format_money(one.cost) : "");
  }
  return out;
}

TEST(OverflowRules, ByHand) {
  const Fleet one = *read_cluster("1x8");
  const Workload work{{job(0s, 8, 1h), job(10min, 1, 1h), job(50min, 8, 2h), job(51min, 1, 4h)}};
  EXPECT_EQ(told(replay_overflow(one, work, OverflowRule::no_wait, gpu_hour)),
            "0ms, 0ms $2.50, 0ms $40.00, 0ms $10.00");
  EXPECT_EQ(told(replay_overflow(one, work, OverflowRule::constant_wait, gpu_hour)),
            "0ms, 14m 37s $2.50, 10m 00s, 14m 37s $10.00");
  // 281.0025 s for each GPU-hour.
  EXPECT_EQ(told(replay_overflow(one, work, OverflowRule::compute_wait, gpu_hour)),
            "0ms, 4m 41s $2.50, 10m 00s, 18m 44s $10.00");
}

// Through the real controller and core.
std::vector<JobOutcome> simulated(Workload work, Duration wait_limit) {
  Fleet fleet = *read_cluster("2x8");
  Pool cloud = fleet.pools.front();
  cloud.name = cloud.cloud = "cloud";
  cloud.nodes = 1'000;
  cloud.price = Price{8 * gpu_hour.nanos};
  fleet.pools.push_back(cloud);
  fleet.scheduling.overflow_wait = wait_limit;
  const auto arrivals = work.arrivals;
  Simulation simulation({fleet, std::move(work), begin});
  simulation.run();
  std::vector<JobOutcome> out;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const Job& done = simulation.state().find(simulation.jobs()[i])->job;
    JobOutcome& one = out.emplace_back();
    one.submitted = arrivals[i].at, one.started = done.started_at, one.ended = done.ended_at;
    one.runs = arrivals[i].does.runs, one.cost = cost_of(done, simulation.now());
  }
  return out;
}

Workload random_work(std::uint64_t seed, std::int64_t jobs, std::int64_t apart_seconds) {
  Dice dice(seed);
  Workload out;
  Duration at{0};
  for (std::int64_t i = 0; i < jobs; ++i) {
    const std::int64_t gpus = std::int64_t{1} << (dice.one_in(3) ? dice.below(4) : 0);
    out.arrivals.push_back(job(at, gpus, dice.between(60, 7'200) * 1s));
    at += dice.between(1, 2 * apart_seconds) * 1s;
  }
  return out;
}

TEST(Overflow, TheControllerKeepsTheLimitAndPaysLessThanWhoNeverWaits) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const Workload work = random_work(seed, 500, 400);
    const auto ours = simulated(work, 3min);
    Duration waited{0};
    Money bill, impatient;
    for (const JobOutcome& one : ours) waited += one.waited(), bill += one.cost;
    EXPECT_LE(waited, 500 * 3min);
    for (const JobOutcome& one :
         replay_overflow(*read_cluster("2x8"), work, OverflowRule::no_wait, gpu_hour)) {
      impatient += one.cost;
    }
    EXPECT_LT(bill.micros * 5, impatient.micros * 4) << "seed " << seed;
  }
}

TEST(Overflow, WithoutPatienceNobodyWaits) {
  for (const JobOutcome& one : simulated(random_work(4, 100, 300), 0s)) {
    EXPECT_EQ(one.waited(), 0s);
  }
}

}  // namespace
}  // namespace mohona

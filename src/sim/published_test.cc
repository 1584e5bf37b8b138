// The rule of the published figures, by hand, and the policies on small traces.
#include "sim/published.h"

#include <gtest/gtest.h>

#include "sim/simulation.h"
#include "sim/traces/readers.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp begin = Timestamp{} + std::chrono::hours(490'896);

Arrival job(Duration at, std::int64_t gpus, Duration runs, Duration overhead = 0s,
            Know know = Know::all) {
  Arrival out = trace_job("job", begin + at, runs, {know, ""});
  use_gpus(out.spec, gpus, 8);
  out.does.overhead = overhead;
  return out;
}

Fleet one_node() { return *read_cluster("1x8"); }

double ends(const std::vector<JobOutcome>& jobs, std::size_t i) {
  return static_cast<double>((*jobs[i].ended - begin).count()) / 1e6;
}

TEST(Published, EveryEventCostsWhatRunsItsOverhead) {
  // The second begins at 100 s beside the first, which so loses 10 s, and 10 s more at 150 s, where
  // the second ends: at each event at most what it has done since the last.
  const Workload work{{job(0s, 4, 200s, 10s), job(100s, 4, 50s, 10s)}};
  const auto jobs = replay_published(one_node(), work, QueueOrder::srtf);
  EXPECT_DOUBLE_EQ(ends(jobs, 1), 150);
  EXPECT_DOUBLE_EQ(ends(jobs, 0), 220);
}

TEST(Published, SmallestAreaOrShortestTimeGoesFirst) {
  const Workload work{{job(0s, 8, 100s), job(0s, 1, 200s)}};
  EXPECT_DOUBLE_EQ(ends(replay_published(one_node(), work, QueueOrder::srtf), 0), 100);
  EXPECT_DOUBLE_EQ(ends(replay_published(one_node(), work, QueueOrder::srsf), 1), 200);
}

std::vector<double> simulated(std::vector<Arrival> arrivals, QueueOrder order) {
  Fleet fleet = one_node();
  fleet.scheduling.order = order;
  fleet.scheduling.min_run = Duration{0};
  Simulation simulation({fleet, {std::move(arrivals)}, begin});
  simulation.run();
  std::vector<double> out;
  for (const JobId id : simulation.jobs()) {
    out.push_back(
        static_cast<double>((*simulation.state().find(id)->job.ended_at - begin).count()) / 1e6);
  }
  return out;
}

using Ends = std::vector<double>;

TEST(Policies, FifoLetsTheFirstEnd) {
  EXPECT_EQ(simulated({job(0s, 8, 1000s), job(10s, 8, 100s)}, QueueOrder::fifo),
            (Ends{1000, 1100}));
}

TEST(Policies, ShorterWorkIsLetInAndTheLongerGoesOnWhereItWas) {
  EXPECT_EQ(simulated({job(0s, 8, 1000s), job(10s, 8, 100s)}, QueueOrder::srtf), (Ends{1100, 110}));
}

TEST(Policies, WhoIsStartedAgainPaysItsOverheadAgain) {
  EXPECT_EQ(simulated({job(0s, 8, 1000s, 5s), job(10s, 8, 100s, 5s)}, QueueOrder::srtf),
            (Ends{1115, 115}));
}

TEST(Policies, LeastAttainedLetsNewcomersTry) {
  const auto ended =
      simulated({job(0s, 8, 10'000s, 0s, Know::nothing), job(5'000s, 8, 100s, 0s, Know::nothing)},
                QueueOrder::las);
  EXPECT_EQ(ended[1], 5'100);
}

TEST(Policies, WhatIsLearnedOfNeighboursLetsTheirLikeGoFirst) {
  // Ten of one GPU took a minute each; the next of their kind is let in before work of whose kind
  // nothing has ended in hours.
  std::vector<Arrival> arrivals;
  for (int i = 0; i < 10; ++i) arrivals.push_back(job(0s, 1, 60s, 0s, Know::nothing));
  arrivals.push_back(job(1'000s, 8, 100'000s, 0s, Know::nothing));
  arrivals.push_back(job(50'000s, 1, 60s, 0s, Know::nothing));
  EXPECT_EQ(simulated(std::move(arrivals), QueueOrder::learned).back(), 50'060);
}

TEST(Policies, StepsTellAsMuchAsKnowingTheTime) {
  auto with_steps = [](Duration at, Duration runs, std::int64_t steps) {
    Arrival one = job(at, 8, runs, 0s, Know::progress);
    one.spec.progress = ProgressSpec{steps, false};
    one.does.steps = steps;
    return one;
  };
  // A step takes a second; that is known once the first has run a minute.
  EXPECT_EQ(
      simulated({with_steps(0s, 1000s, 1000), with_steps(100s, 50s, 50)}, QueueOrder::learned),
      (Ends{1050, 150}));
}

TEST(Policies, LargerWorkIsMadeRoomForOnWholeNodes) {
  // Eight of one GPU run long; a gang of eight with little to do stops them all, and they go on.
  std::vector<Arrival> arrivals;
  for (int i = 0; i < 8; ++i) arrivals.push_back(job(0s, 1, 10'000s));
  arrivals.push_back(job(100s, 8, 10s));
  Ends expected(8, 10'010);
  expected.push_back(110);
  EXPECT_EQ(simulated(std::move(arrivals), QueueOrder::srsf), expected);
}

}  // namespace
}  // namespace mohona

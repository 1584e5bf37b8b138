// What was decided once is decided again.
#include "sim/replay.h"

#include <gtest/gtest.h>

#include "base/dice.h"
#include "sim/simulation.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp start = Timestamp{} + std::chrono::hours(490'896);

Fleet fleet() {
  Fleet fleet;
  for (const auto purchase : {Purchase::reserved, Purchase::spot}) {
    Pool pool;
    pool.name = pool.cloud = purchase == Purchase::spot ? "spot" : "firm";
    pool.purchase = purchase;
    pool.shape.cpus_milli = 8'000;
    pool.shape.gpus = 4;
    pool.shape.gpu = "gpu";
    pool.nodes = 2;
    fleet.pools.push_back(pool);
  }
  return fleet;
}

Arrival random_arrival(Dice& dice, Timestamp at) {
  Arrival arrival;
  arrival.at = at;
  JobSpec& spec = arrival.spec;
  spec.name = fmt::format("job-{}", dice.below(5));
  spec.run = "work";
  spec.num_nodes = dice.between(1, 2);
  spec.resources.choices.front().demand.gpus = dice.between(1, 4);
  spec.retries.max = dice.below(3);
  if (dice.one_in(3)) spec.checkpoint = Checkpoint{};
  if (dice.one_in(4)) spec.max_duration = dice.between(5, 30) * 1min;
  spec.priority = dice.below(3);
  arrival.does.runs = dice.between(1, 40) * 1min;
  arrival.does.overhead = dice.below(20) * 1s;
  arrival.does.steps = dice.one_in(2) ? 100 : 0;
  arrival.does.exit_code = dice.one_in(3) ? 1 : 0;
  arrival.does.stops_within = dice.below(10) * 1s;
  return arrival;
}

// A day of a small fleet in which much goes wrong; its journal.
Facts random_day(std::uint64_t seed) {
  Dice dice(seed);
  Workload workload;
  Timestamp at = start;
  for (int i = 0; i < 40; ++i) {
    if (!dice.one_in(4)) at += dice.below(600) * 1s + dice.below(1'000) * 1us;
    workload.arrivals.push_back(random_arrival(dice, at));
  }
  Simulation simulation({fleet(), workload, start, {}, true});
  for (int i = 0; i < 4; ++i) {
    const Timestamp when = start + dice.below(5 * 3'600) * 1s;
    simulation.at(when, [&] { simulation.give(ReclaimPool{"spot", 30s}); });
    simulation.at(when + 10min, [&] { simulation.give(RestorePool{"spot"}); });
  }
  simulation.at(start + 1h, [&] {
    simulation.give(ChangeNodes{"firm", {{1, 1}}, NodeState::draining, "new fans"});
  });
  simulation.at(start + 2h, [&] {
    simulation.give(ChangeNodes{"firm", {{1, 1}}, NodeState::up, ""});
  });
  simulation.at(start + 90min, [&] { simulation.restart(); });
  simulation.at(start + 100min, [&] { simulation.give(Cancel{JobId{7}, "no longer wanted"}); });
  simulation.at(start + 3h, [&] {
    Fleet other = fleet();
    other.pools[0].nodes = 3;
    simulation.give(DefineFleet{other});
  });
  simulation.run();
  return simulation.memory().facts();
}

TEST(Replay, OfRandomDaysGivesTheSameDecisions) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Facts journal = random_day(seed);
    const auto result = replay_journal(journal);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->difference, "") << "seed " << seed;
    EXPECT_EQ(result->facts, journal.size());
    EXPECT_GT(result->decisions, 30);
  }
}

TEST(Replay, OfMoreThanAControllerTakesInOneTurn) {
  Fleet large = fleet();
  large.pools[0].nodes = 500;
  Workload workload;
  Arrival& array = workload.arrivals.emplace_back();
  array.at = start;
  array.spec.name = "array";
  array.spec.kind = Kind::data;
  array.spec.run = "work";
  array.spec.shards.emplace();
  for (int i = 0; i < 3'000; ++i) array.spec.shards->items.push_back(std::to_string(i));
  array.does.runs = 1min;
  Simulation simulation({large, workload, start, {}, true});
  simulation.run();
  const auto result = replay_journal(simulation.memory().facts());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->difference, "");
  EXPECT_EQ(result->decisions, 3'000);
}

// A restored store has forgotten jobs whose numbers are not given again.
TEST(Replay, OfAJournalInWhichNumbersOfJobsAreMissing) {
  VirtualClock clock;
  clock.move_to(start);
  MemoryStore store(true);
  NoSecrets secrets;
  for (const std::uint64_t last : {0u, 41u, 7u}) {
    Controller controller(ControllerParts{store,
                                          {},
                                          clock,
                                          secrets,
                                          nullptr,
                                          [](const std::string&) {},
                                          Rhythm{},
                                          "",
                                          nullptr,
                                          JobId{last}});
    ASSERT_TRUE(controller.open());
    JobSpec spec;
    spec.run = "work";
    spec.name = fmt::format("after-{}", last);
    controller.submit(Submit{{spec}, {}, ""}, nullptr);
    controller.turn();
    clock.move_to(clock.now() + 1min);
  }
  const Facts facts = store.facts();
  std::vector<std::uint64_t> numbers;
  for (const Fact& fact : facts) {
    if (const auto* job = std::get_if<JobSubmitted>(&fact)) numbers.push_back(job->job.value);
  }
  EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, 42, 43}));
  const auto result = replay_journal(facts);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->difference, "");
  EXPECT_EQ(result->facts, facts.size());
}

TEST(Replay, SaysInWordsWhatDiffers) {
  Facts journal = random_day(1);
  for (Fact& fact : journal) {
    auto* placed = std::get_if<AttemptPlaced>(&fact);
    if (!placed) continue;
    placed->attempt.holdings.front().node = 17;
    break;
  }
  const auto result = replay_journal(journal);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->decisions, 0);
  EXPECT_NE(result->difference.find("is placed on"), std::string::npos) << result->difference;
  EXPECT_NE(result->difference.find("17\n  now:"), std::string::npos) << result->difference;
}

TEST(Replay, RefusesWhatIsNoJournal) {
  EXPECT_FALSE(replay_journal({}));
  EXPECT_FALSE(replay_journal({PoolRemoved{"here"}}));
}

}  // namespace
}  // namespace mohona

// What work still costs, and who should run: by hand, and against trying every set.
#include "core/schedule/prospects.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/schedule/choose.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp noon = Timestamp{} + std::chrono::hours(490'908);

Known job(std::int64_t gpus, Timestamp submitted = noon) {
  Known known;
  known.queue = "default";
  known.name = "train";
  known.size_milli = gpus * 1'000;
  known.submitted = submitted;
  return known;
}

std::int64_t cost(Prospects& prospects, std::uint64_t id, Timestamp now = noon) {
  prospects.begin(now);
  return prospects.key(JobId{id}, QueueOrder::learned, now).cost;
}

TEST(Prospects, CellsGrowByHalf) {
  EXPECT_EQ(cell_of(0s), 0U);
  EXPECT_EQ(cell_of(29s), 0U);
  EXPECT_EQ(cell_of(30s), 1U);
  EXPECT_EQ(cell_of(45s), 2U);
  EXPECT_EQ(cell_begin(3), 67'500'000us);
  EXPECT_EQ(cell_of(Duration::max()), prospect_cells - 1);
}

TEST(Prospects, AnEstimateIsUsedUpByRunning) {
  Prospects prospects;
  Known known = job(1);
  known.estimate = 100s;
  known.since = noon;
  prospects.add(JobId{1}, known);
  const std::int64_t begun = cost(prospects, 1);
  EXPECT_NEAR(static_cast<double>(cost(prospects, 1, noon + 50s)) / static_cast<double>(begun), 0.5,
              0.01);
  // Past it, a quarter of what it has had.
  EXPECT_NEAR(static_cast<double>(cost(prospects, 1, noon + 400s)) / static_cast<double>(begun), 1,
              0.01);
}

TEST(Prospects, StepsGoBySpeedOfTheirLikeFirst) {
  Prospects prospects;
  Known known = job(2);
  known.steps = 100;
  prospects.add(JobId{1}, known);
  EXPECT_FALSE(prospects.key(JobId{1}, QueueOrder::learned, noon).sure);
  prospects.learn_speed("other", 2'000, 50s, 10);  // 5 s a step
  const std::int64_t by_others = cost(prospects, 1);
  prospects.learn_speed("train", 8'000, 20s, 10);
  const std::int64_t by_name = cost(prospects, 1);
  prospects.learn_speed("train", 2'000, 10s, 10);
  const std::int64_t own = cost(prospects, 1);
  EXPECT_TRUE(prospects.key(JobId{1}, QueueOrder::learned, noon).sure);
  EXPECT_NEAR(static_cast<double>(by_others) / static_cast<double>(own), 5, 0.01);
  EXPECT_NEAR(static_cast<double>(by_name) / static_cast<double>(own), 2, 0.01);
}

TEST(Prospects, NeighboursThatEndedSoonMakeCheap) {
  Prospects prospects;
  for (std::uint64_t id = 1; id <= 5; ++id) prospects.add(JobId{id}, job(1));
  for (std::uint64_t id = 6; id <= 9; ++id) prospects.add(JobId{id}, job(4));
  const std::int64_t before = cost(prospects, 3);
  for (const std::uint64_t id : {1U, 2U, 4U}) prospects.end(JobId{id}, 40s, true);
  EXPECT_LT(cost(prospects, 3), before);
  // Those that run long make their like dear.
  const std::int64_t unknown = cost(prospects, 7);
  Known running = job(4);
  running.since = noon - std::chrono::hours(30);
  prospects.change(JobId{6}, running);
  EXPECT_GT(cost(prospects, 7), unknown);
}

TEST(Prospects, TheSameIsKnownInWhateverOrderItIsHeard) {
  Prospects one, two;
  one.learn_speed("a", 1'000, 10s, 10), one.learn_speed("a", 1'000, 60s, 50);
  two.learn_speed("a", 1'000, 60s, 50), two.learn_speed("a", 1'000, 10s, 10);
  Known known = job(1);
  known.name = "a";
  known.steps = 7;
  one.add(JobId{1}, known), two.add(JobId{1}, known);
  EXPECT_EQ(cost(one, 1), cost(two, 1));
}

// Σ units ÷ key, in the integers that the choice itself uses.
std::int64_t worth(const std::vector<Contender>& all, const std::vector<std::size_t>& chosen,
                   std::int64_t least) {
  std::int64_t out = 0;
  for (const std::size_t i : chosen) {
    out += (all[i].units * least << 16) / all[i].key.cost;
  }
  return out;
}

RC_GTEST_PROP(Choose, TheBestSetRunsWhereTimesAreKnown, ()) {
  std::vector<Contender> all(*rc::gen::inRange<std::size_t>(1, 9));
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].job = JobId{i + 1};
    all[i].units = *rc::gen::inRange(1, 9);
    all[i].key = {*rc::gen::inRange<std::int64_t>(1, 1'000), true};
    all[i].age = i;
  }
  const auto capacity = *rc::gen::inRange<std::int64_t>(1, 25);
  const auto chosen = choose_running(all, capacity);
  std::int64_t least = INT64_MAX, used = 0, best = 0;
  for (const Contender& one : all) least = std::min(least, one.key.cost);
  for (const std::size_t i : chosen) used += all[i].units;
  RC_ASSERT(used <= capacity);
  for (std::size_t set = 0; set < (std::size_t{1} << all.size()); ++set) {
    std::vector<std::size_t> some;
    std::int64_t units = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (set >> i & 1) some.push_back(i), units += all[i].units;
    }
    if (units <= capacity) best = std::max(best, worth(all, some, least));
  }
  // To within what rounding of its finer integers can hide.
  RC_ASSERT(worth(all, chosen, least) >= best - static_cast<std::int64_t>(all.size()));
}

TEST(Choose, PriorityGoesFirstAndASixteenthToTheEldest) {
  std::vector<Contender> all = {
      {JobId{1}, 1, 0, {1'000'000, false}, 0},  // the eldest, and the dearest
      {JobId{2}, 16, 0, {1, false}, 1},
      {JobId{3}, 8, 1, {500, false}, 2},  // of higher priority
      {JobId{4}, 7, 0, {100, false}, 3},
  };
  const auto chosen = choose_running(all, 16);
  EXPECT_EQ(std::set<std::size_t>(chosen.begin(), chosen.end()), (std::set<std::size_t>{0, 2, 3}));
}

}  // namespace
}  // namespace mohona

// The linear program on problems small enough to solve by hand.
#include "packing/prices.h"

#include <gtest/gtest.h>

#include "packing/program.h"

namespace mohona {
namespace {

Pool pool_of(const std::string& name, std::int64_t nodes, Shape shape) {
  Pool pool;
  pool.name = name;
  pool.nodes = nodes;
  pool.shape = std::move(shape);
  return pool;
}

constexpr std::int64_t gib = 1'024;

// 10 nodes of one GPU, 4 cores, 100 GiB.
Pool small_pool() { return pool_of("small", 10, {"", 4'000, 100 * gib, "t4", 1}); }

TEST(PackingProgram, PricesWhatIsShort) {
  // One kind, 0.6 of a GPU: never two on one GPU, so each place counts 0.6 and GPUs are short.
  const PackingWork big{1'000, gib, 0, 600, {}, 1};
  const auto one = solve({{small_pool()}, {{big, 20, {}}}});
  ASSERT_TRUE(one);
  EXPECT_NEAR(one->gpus, 6.0, 1e-6);
  EXPECT_NEAR(one->gain[0], 0.6, 1e-6);  // more of them would win nothing, but none is refused
  EXPECT_NEAR(one->memory_prices[0], 0, 1e-9);
  // With enough of 0.4 beside it every GPU is full.
  const PackingWork rest{1'000, gib, 0, 400, {}, 1};
  EXPECT_NEAR(solve({{small_pool()}, {{big, 20, {}}, {rest, 20, {}}}})->gpus, 10.0, 1e-6);
  // With only 5 of them, one more would save a GPU 0.4: its own price is all that it brings.
  const auto few = solve({{small_pool()}, {{big, 20, {}}, {rest, 5, {}}}});
  EXPECT_NEAR(few->gpus, 8.0, 1e-6);
  EXPECT_NEAR(few->gain[1], 0, 1e-6);
}

TEST(PackingProgram, PricesMemoryWhenThatIsShort) {
  // Eight GPUs a node, but memory for two such jobs.
  const PackingWork hungry{1'000, 50 * gib, 1, 0, {}, 1};
  Pool pool = small_pool();
  pool.shape.gpus = 8;
  const auto solution = solve({{pool}, {{hungry, 100, {}}}});
  ASSERT_TRUE(solution);
  EXPECT_NEAR(solution->gpus, 20, 1e-6);
  EXPECT_NEAR(solution->memory_prices[0] * 50 * gib, 1, 1e-6);
}

TEST(PackingProgram, WhatIsEasierIsTakenAsLong) {
  // 10 whole GPUs' gain of each kind for 10 GPUs. Alone, the program would take whole ones only;
  // but while those find room, halves do as well.
  const PackingWork whole{1'000, gib, 1, 0, {}, 1}, part{1'000, gib, 0, 600, {}, 1};
  const auto free = solve({{small_pool()}, {{whole, 10, {}}, {part, 10, {}}}});
  const auto bound = solve({{small_pool()}, {{whole, 10, {1}}, {part, 10, {}}}});
  ASSERT_TRUE(free && bound);
  EXPECT_NEAR(free->gpus, 10, 1e-6);
  EXPECT_NEAR(bound->gpus, 5 + 5 * 0.6, 1e-6);
}

TEST(Packing, PricesAreIntegersThatTheProgramGives) {
  const PackingProblem problem{{small_pool()},
                               {{1'000, gib, 0, 600, {}, 30}, {1'000, gib, 0, 400, {}, 10}}};
  const auto prices = price_packing(problem);
  ASSERT_TRUE(prices) << prices.error().message;
  ASSERT_EQ(prices->classes.size(), 1u);
  EXPECT_EQ(prices->classes[0].pool, "small");
  ASSERT_EQ(prices->types.size(), 2u);  // the most frequent first
  EXPECT_EQ(prices->types[0].gpu_milli, 600);
  EXPECT_EQ(prices->types[0].often_ppm, 750'000);
  EXPECT_EQ(prices->types[1].often_ppm, 250'000);
  EXPECT_EQ(prices->core_prices.front(), 0);
  EXPECT_EQ(prices->core_prices.back(), whole_gpu_nanos / 5 / 1'000);
  EXPECT_EQ(*prices, *price_packing(problem));
}

TEST(Packing, EqualWorkIsCountedTogetherAndOrderDoesNotMatter) {
  PackingProblem problem{{small_pool()},
                         {{1'000, gib, 0, 600, {"t4", "a10"}, 1},
                          {1'000, gib, 1, 0, {}, 1},
                          {1'000, gib, 0, 600, {"a10", "t4"}, 2}}};
  const auto prices = price_packing(problem);
  ASSERT_TRUE(prices);
  ASSERT_EQ(prices->types.size(), 2u);
  EXPECT_EQ(prices->types[0].models, (std::vector<std::string>{"a10", "t4"}));
  EXPECT_EQ(prices->types[0].often_ppm, 750'000);
  std::reverse(problem.work.begin(), problem.work.end());
  EXPECT_EQ(*price_packing(problem), *prices);
}

TEST(Packing, ParticularWorkIsWantedWhereItMayRun) {
  Pool other = small_pool();
  other.name = "other";
  other.shape.gpu = "g2";
  const auto prices = price_packing(
      {{small_pool(), other}, {{1'000, gib, 1, 0, {"t4"}, 1}, {1'000, gib, 1, 0, {}, 3}}});
  ASSERT_TRUE(prices);
  ASSERT_EQ(prices->classes.size(), 2u);
  // Equal shapes: by name. A quarter of the work is as much as 5 GPUs of 20, for 10 of that kind.
  EXPECT_EQ(prices->classes[0].pool, "other");
  EXPECT_EQ(prices->classes[0].wanted, 0);
  EXPECT_EQ(prices->classes[1].wanted, whole_gpu_nanos / 2);
}

TEST(Packing, WithoutWorkForGpusThereAreNoPrices) {
  EXPECT_EQ(price_packing({{small_pool()}, {}}).error().code, Code::unavailable);
  EXPECT_EQ(price_packing({{small_pool()}, {{1'000, gib, 0, 0, {}, 5}}}).error().code,
            Code::unavailable);
  // Nor of work that no pool takes.
  EXPECT_EQ(price_packing({{small_pool()}, {{1'000, gib, 8, 0, {}, 5}}}).error().code,
            Code::unavailable);
}

TEST(Packing, TheBoundIsWhatFits) {
  const PackingProblem problem{{small_pool()}, {{1'000, gib, 0, 600, {}, 1}}};
  EXPECT_NEAR(*packing_bound(problem, 0.5), 0.5, 1e-6);
  EXPECT_NEAR(*packing_bound(problem, 1.3), 0.6, 1e-6);
}

}  // namespace
}  // namespace mohona

// The benchmarks, small: they give the same twice, and what they count is what must hold.
#include <gtest/gtest.h>

#include "bench/placement.h"
#include "bench/preemption.h"
#include "bench/reservations.h"

namespace mohona {
namespace {

TEST(Bench, PlacementDecidesTheSameTwice) {
  const PlacementOptions options{1'024, 3, 20'000};
  const Json one = bench_placement(options), two = bench_placement(options);
  EXPECT_EQ(one["digest"], two["digest"]);
  EXPECT_GE(one["decisions"], options.decisions);
  EXPECT_GT(one["gpu_use_pct"], 85);
  EXPECT_GT(one["core_use_pct"], 85);
}

TEST(Bench, AnotherSeedIsOtherWork) {
  EXPECT_NE(bench_placement({512, 1, 2'000})["digest"], bench_placement({512, 2, 2'000})["digest"]);
}

TEST(Bench, AStormComesToRest) {
  PreemptionOptions options;
  options.nodes = 1'024;
  options.storm_nodes = 128;
  options.storm_jobs = 200;
  const Json figures = bench_preemption(options);
  EXPECT_EQ(figures["victims"], 640);
  EXPECT_GT(figures["preemptions"], 0);
  EXPECT_EQ(figures["restarted_within_min_run"], 0);
  EXPECT_EQ(figures["left_waiting"], 0);
  EXPECT_EQ(figures["digest"], bench_preemption(options)["digest"]);
}

TEST(Bench, PromisesAreKept) {
  ReservationOptions options;
  options.nodes = 256;
  options.rounds = 2;
  const Json figures = bench_reservations(options);
  EXPECT_EQ(figures["promises"], 2);
  EXPECT_EQ(figures["kept_promises"], 2);
}

}  // namespace
}  // namespace mohona

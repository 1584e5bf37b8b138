// The benchmarks, small: they give the same twice, and what they count is what must hold.
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "bench/money.h"
#include "bench/packing.h"
#include "bench/placement.h"
#include "bench/preemption.h"
#include "bench/reservations.h"

namespace mohona {
namespace {

TEST(Bench, SettlementIsTheSameTwice) {
  const SettleOptions options{.resources = 200, .hours = 30};
  const Json one = bench_settle(options), two = bench_settle(options);
  EXPECT_EQ(one["digest"], two["digest"]);
  EXPECT_EQ(one["usage_hours"], 6'000);
  EXPECT_GT(one["charges"], one["usage_hours"]);  // some are split, and fees come on top
}

TEST(Bench, APriceIsTheDifferenceOfTwoSettlements) {
  const Json prices = bench_price({.asked = 1'000, .cases = 300});
  EXPECT_EQ(prices["equal_to_settlement"], 300);
  EXPECT_GT(prices["cases_that_displace"], 10);
}

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

class PackingBench : public testing::Test {
 protected:
  std::string nodes_ = fmt::format("{}packing_nodes.{}.csv", testing::TempDir(), ::getpid());
  std::string tasks_ = fmt::format("{}packing_tasks.{}.csv", testing::TempDir(), ::getpid());
  ~PackingBench() override { ::unlink(nodes_.c_str()), ::unlink(tasks_.c_str()); }

  // Nodes with many cores and with few; parts of GPUs that fill one in pairs only, and whole ones.
  void write() {
    std::string nodes = "sn,cpu_milli,memory_mib,gpu,model\n", tasks =
                                                                   "name,cpu_milli,memory_mib,"
                                                                   "num_gpu,gpu_milli,gpu_spec\n";
    for (int i = 0; i < 30; ++i) {
      nodes += fmt::format("n{},{},262144,{},{}\n", i, i % 3 == 0 ? 96'000 : 32'000, 4,
                           i % 3 == 0 ? "T4" : "G2");
    }
    nodes += "n30,64000,262144,0,\n";  // left out
    for (int i = 0; i < 40; ++i) {
      tasks += fmt::format("a{},{},8192,1,700,\n", i, i % 2 == 0 ? 4'000 : 12'000);
      tasks += fmt::format("b{},6000,8192,1,300,\n", i);
      if (i % 2 == 0) tasks += fmt::format("c{},14000,8192,1,1000,{}\n", i, i % 4 ? "" : "T4|G2");
      if (i % 8 == 0) tasks += fmt::format("d{},30000,8192,4,1000,G2\n", i);
      if (i % 5 == 0) tasks += fmt::format("e{},8000,8192,0,0,\n", i);
      if (i % 4 == 0) tasks += fmt::format("f{},5000,8192,1,450,\n", i);
    }
    ASSERT_TRUE(write_file(nodes_, nodes, false));
    ASSERT_TRUE(write_file(tasks_, tasks, false));
  }
  PackingOptions options(PackingTypes types = PackingTypes::given) const {
    return {nodes_, tasks_, 1, 10, types, PackingPolicy::all};
  }
  std::string error() const { return bench_packing(options()).error().message; }
};

TEST_F(PackingBench, PricesFillMoreThanBestFitAndNoMoreThanPossible) {
  write();
  for (const PackingTypes types : {PackingTypes::given, PackingTypes::learned}) {
    const auto figures = bench_packing(options(types));
    ASSERT_TRUE(figures) << figures.error().message;
    const Json &learned = (*figures)["policies"][0], &best_fit = (*figures)["policies"][2];
    EXPECT_EQ(best_fit["policy"], "best-fit");
    EXPECT_GT(learned["allocated_pct_at_130"], best_fit["allocated_pct_at_130"]);
    EXPECT_LE(learned["allocated_pct_at_130"], (*figures)["bound_pct_at_130"]);
    EXPECT_EQ((*figures)["gpus"], 120);
    EXPECT_EQ((*figures)["nodes"], 30);
    const auto again = bench_packing(options(types));
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ((*figures)["policies"][i]["digest"], (*again)["policies"][i]["digest"]);
    }
  }
}

TEST_F(PackingBench, NamesFileAndLineOfWhatIsWrong) {
  EXPECT_EQ(error(), "cannot read " + nodes_ + ": No such file or directory");
  write();
  const auto with_nodes = [&](const std::string& text) {
    EXPECT_TRUE(write_file(nodes_, text, false));
    return error();
  };
  EXPECT_EQ(with_nodes(""), nodes_ + ": the file is empty");
  EXPECT_EQ(
      with_nodes("sn,cpu_milli,gpu,model\n"),
      nodes_ + ":1: no column 'memory_mib'; expected at least cpu_milli,memory_mib,gpu,model");
  const std::string heading = "sn,cpu_milli,memory_mib,gpu,model\n";
  EXPECT_EQ(with_nodes(heading + "a,1000,1024,2,T4\nb,many,1024,2,T4\n"),
            nodes_ + ":3: cpu_milli is 'many'; expected a whole number from 0 to 1000000000");
  EXPECT_EQ(with_nodes(heading + "a,1000,1024\n"), nodes_ + ":2: 3 fields; the heading has 5");
  EXPECT_EQ(with_nodes(heading + "a,1000,1024,0,\n"), nodes_ + ": no node has a GPU");
  write();
  ASSERT_TRUE(
      write_file(tasks_, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,1,1001\n", false));
  EXPECT_EQ(error(), tasks_ + ":2: gpu_milli is '1001'; expected a whole number from 0 to 1000");
}

TEST_F(PackingBench, SeedsAreARangeOrOne) {
  using Range = std::pair<std::uint64_t, std::uint64_t>;
  EXPECT_EQ(parse_seeds("42-51"), Range(42, 51));
  EXPECT_EQ(parse_seeds("7"), Range(7, 7));
  for (const char* text : {"", "-", "5-", "9-3", "a", "1-2-3", "0-5000"}) {
    EXPECT_EQ(parse_seeds(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace mohona

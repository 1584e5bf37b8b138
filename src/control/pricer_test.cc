// Prices are made when there is reason to, from what has arrived, and become facts.
#include "control/pricer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "engine/memory/memory_engine.h"
#include "store/memory/memory_store.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

JobSpec job(std::int64_t milli) {
  JobSpec spec;
  spec.name = "a";
  spec.run = "true";
  spec.resources.choices[0].demand.gpu_milli = milli;
  return spec;
}

Fleet fleet(Packing packing) {
  Pool pool;
  pool.name = pool.cloud = "here";
  pool.shape = {"", 64'000, 0, "l4", 4};
  pool.nodes = 1;
  Fleet out{{pool}, {}, {}, {}};
  out.scheduling.packing = packing;
  return out;
}

// One class for each pool, one type for each kind of work.
Result<PackingPrices> count(const PackingProblem& problem) {
  PackingPrices out;
  for (const Pool& pool : problem.pools) out.classes.push_back({pool.name, 0, 0});
  for (const PackingWork& work : problem.work) {
    out.types.push_back({0, 0, work.gpus, work.gpu_milli, {}, work.count, 0});
  }
  return out;
}

class Plane {
 public:
  Plane() {
    controller = std::make_unique<Controller>(
        ControllerParts{store, {{"local", &engine}}, clock, secrets, nullptr, [](const auto&) {}});
    EXPECT_TRUE(controller->start());
  }
  void give(Input input) {
    std::promise<bool> done;
    controller->submit(std::move(input), [&](Result<Accepted> a) { done.set_value(bool(a)); });
    EXPECT_TRUE(done.get_future().get());
  }
  PackingPrices prices() {
    std::promise<PackingPrices> out;
    controller->read([&](const State& s, Timestamp) { out.set_value(s.packing_prices()); });
    return out.get_future().get();
  }
  // Ten seconds at most.
  bool priced(std::int64_t count_of_first) {
    for (const auto until = std::chrono::steady_clock::now() + 10s;
         std::chrono::steady_clock::now() < until; std::this_thread::sleep_for(2ms)) {
      const PackingPrices now = prices();
      if (!now.types.empty() && now.types[0].gain == count_of_first) return true;
    }
    return false;
  }

  MemoryStore store;
  MemoryEngine engine;
  SystemClock clock;
  NoSecrets secrets;
  std::unique_ptr<Controller> controller;
};

TEST(Pricer, MakesPricesOfWhatHasArrivedAndAgainWhenThereIsTwiceAsMuch) {
  Plane plane;
  plane.give(DefineFleet{fleet(Packing::learned)});
  std::atomic<int> made = 0;
  Pricer pricer(
      *plane.controller, [&](const PackingProblem& problem) { return ++made, count(problem); },
      [](const std::string&) {}, {1ms, 3, 1h});
  plane.give(Submit{{job(500)}, {}, ""});
  plane.give(Submit{{job(500)}, {}, ""});
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(made, 0);
  plane.give(Submit{{job(500)}, {}, ""});
  EXPECT_TRUE(plane.priced(3));
  EXPECT_EQ(plane.prices().classes[0].pool, "here");
  EXPECT_EQ(plane.prices().types[0].gpu_milli, 500);
  plane.give(Submit{{job(500)}, {}, ""});
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(made, 1);
  plane.give(Submit{{job(500)}, {}, ""});
  plane.give(Submit{{job(500)}, {}, ""});
  EXPECT_TRUE(plane.priced(6));
}

TEST(Pricer, DoesNothingUnderBestFit) {
  Plane plane;
  plane.give(DefineFleet{fleet(Packing::best_fit)});
  std::atomic<int> made = 0;
  Pricer pricer(
      *plane.controller, [&](const PackingProblem& problem) { return ++made, count(problem); },
      [](const std::string&) {}, {1ms, 1, 1h});
  plane.give(Submit{{job(500)}, {}, ""});
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(made, 0);
  plane.give(DefineFleet{fleet(Packing::learned)});
  EXPECT_TRUE(plane.priced(1));
}

}  // namespace
}  // namespace mohona

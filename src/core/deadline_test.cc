// Jobs that are to be done by an instant: what they wait for, what they take, when they move.
#include "core/deadline.h"

#include <gtest/gtest.h>

#include <random>

#include "base/seeds.h"
#include "core/core.h"
#include "core/explain.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

const Timestamp start = *parse_timestamp("2026-12-01T00:00:00Z");

Pool pool(const std::string& name, std::int64_t dollars, Purchase purchase) {
  Pool p;
  p.name = name;
  p.cloud = "aws";
  p.shape = {"", 1'000, 0, "", 0};
  p.nodes = 1;
  p.price = {dollars * 1'000'000'000};
  p.purchase = purchase;
  return p;
}

class World {
 public:
  explicit World(std::vector<Pool> pools) {
    give(DefineFleet{Fleet{std::move(pools), {}, {}, {}}});
  }

  void give(const Input& input) {
    const auto facts = advance(state, input, now);
    ASSERT_TRUE(facts) << facts.error().message;
  }
  // As the controller does: woken whenever something is due by itself.
  void go_to(Timestamp at) {
    for (auto wake = next_wake(state, now); wake && *wake < at; wake = next_wake(state, now)) {
      now = *wake;
      give(Tick{});
      report();
    }
    now = at;
    give(Tick{});
    report();
  }
  // The engine: what was placed starts, and what was told to stop has stopped.
  void report() {
    for (bool more = true; std::exchange(more, false);) {
      for (const auto& [id, live] : std::map(state.live())) {
        if (live.attempt->stopping) {
          give(Ended{id, Outcome{End::exited, 143, true, ""}, {}});
        } else if (!live.attempt->started_at) {
          give(Started{id, 0, {}});
        } else {
          continue;
        }
        more = true;
        break;
      }
    }
  }

  void submit(Duration runs, Duration within, bool checkpoint = true) {
    JobSpec spec;
    spec.name = "work";
    spec.run = "true";
    spec.estimate = runs;
    spec.deadline = now + within;
    if (checkpoint) spec.checkpoint = Checkpoint{};
    Choice on_demand = spec.resources.choices[0], spot = on_demand;
    spot.use_spot = true;
    spec.resources.choices = {spot, on_demand};
    give(Submit{{spec}});
    report();
  }
  std::string where() const {
    return state.live().empty() ? "nowhere" : state.live().begin()->second.attempt->pool;
  }
  const JobEntry& job() const { return *state.find_by_name("work"); }
  std::string headline() const { return explain(state, job(), now).headline; }

  State state;
  Timestamp now = start;
};

std::vector<Pool> spot_and_on_demand() {
  return {pool("spot", 1, Purchase::spot), pool("sure", 3, Purchase::on_demand)};
}

TEST(JobsDeadline, SpotIsTakenWhileThereIsTime) {
  World w(spot_and_on_demand());
  w.submit(10h, 20h);
  EXPECT_EQ(w.where(), "spot");
}

TEST(JobsDeadline, WithoutTimeToSpareItGoesOnDemandAtOnce) {
  World w(spot_and_on_demand());
  w.submit(10h, 10h + 12min);
  EXPECT_EQ(w.where(), "sure");
}

TEST(JobsDeadline, WhatIsPaidAnywayGoesFirst) {
  std::vector<Pool> pools = spot_and_on_demand();
  pools.push_back(pool("own", 9, Purchase::reserved));
  World w(pools);
  w.submit(10h, 20h);
  EXPECT_EQ(w.where(), "own");
}

TEST(JobsDeadline, ItWaitsForSpotAndThenPays) {
  World w(spot_and_on_demand());
  w.give(ReclaimPool{"spot", 0s});
  w.submit(10h, 20h);
  EXPECT_EQ(w.where(), "nowhere");
  EXPECT_EQ(
      w.headline(),
      "waits for room: 1 node of 1 core; nothing ahead of it in the queue; 10h 00m of work is to "
      "be done by 2026-12-01T20:00:00Z: it waits for a machine that is paid anyway or for spot, "
      "and goes on demand by 2026-12-01T09:50:00Z");
  w.go_to(start + 8h);  // of 12 hours left 2 are to spare: a sixth
  EXPECT_EQ(w.where(), "nowhere");
  w.go_to(start + 9h);
  EXPECT_EQ(w.where(), "sure");
}

TEST(JobsDeadline, WithoutACheckpointSpotIsNoHelp) {
  World w(spot_and_on_demand());
  w.submit(10h, 20h, false);
  EXPECT_EQ(w.where(), "nowhere");
  w.go_to(start + 9h);
  EXPECT_EQ(w.where(), "sure");
}

TEST(JobsDeadline, ItLeavesSpotWhenAnotherLossWouldBeOneTooMany) {
  World w(spot_and_on_demand());
  w.submit(10h, 11h);
  EXPECT_EQ(w.where(), "spot");
  for (int i = 0; i < 4; ++i) {  // each time ten minutes of a start are gone
    w.go_to(w.now + 30min);
    w.give(ReclaimPool{"spot", 0s});
    w.report();
    w.give(RestorePool{"spot"});
    w.report();
  }
  EXPECT_EQ(w.where(), "sure");
}

TEST(JobsDeadline, AMoveIsSaid) {
  World w(spot_and_on_demand());
  w.submit(10h, 10h + 40min);
  ASSERT_EQ(w.where(), "spot");
  w.now = start + 30min;
  Progress nothing;  // half an hour is gone
  nothing.attempt = w.state.live().begin()->first;
  nothing.done = 0, nothing.total = 1'000;
  nothing.at = w.now;
  w.give(nothing);
  EXPECT_EQ(
      w.headline(),
      "leaves spot to go on demand and leaves by 2026-12-01T00:30:30Z: on spot it might not be "
      "done by 2026-12-01T10:40:00Z");
  w.report();
  EXPECT_EQ(w.where(), "sure");
}

TEST(JobsDeadline, WithoutAnEstimateItIsTheLatestStart) {
  World w(spot_and_on_demand());
  JobSpec spec;
  spec.name = "work";
  spec.run = "true";
  spec.deadline = start + 1h;
  w.give(Submit{{spec}});
  EXPECT_EQ(w.where(), "sure");  // it has not said that it may use spot
}

TEST(JobsDeadline, WhatCannotBeDoneTakesTheFirstMachine) {
  World w({pool("spot", 1, Purchase::spot)});
  w.submit(10h, 5h);
  EXPECT_EQ(w.where(), "spot");
}

// Whatever spot does: what could be done when it came is done in time. Each start costs up to ten
// minutes; on-demand always has room.
TEST(JobsDeadline, IsKeptWhateverSpotDoes) {
  const auto [first, cases] = asked_seeds(60);
  for (std::uint64_t seed = first; seed < first + cases; ++seed) {
    std::mt19937_64 dice(seed);
    World w(spot_and_on_demand());
    const Duration work = std::chrono::minutes(60 + dice() % 900);
    const Duration within = work + 20min + std::chrono::minutes(dice() % (dice() % 2 ? 60 : 600));
    const Duration overhead = std::chrono::minutes(dice() % 11);
    bool there = dice() % 2 == 0;
    if (!there) w.give(ReclaimPool{"spot", 0s});
    w.submit(work, within);
    // The work itself, which goes on only after each start's overhead.
    Duration done{0}, starting = overhead;
    AttemptId last;
    Timestamp ended;
    while (ended == Timestamp{} && w.now < start + within + 24h) {
      const auto live = w.state.live().begin();
      const bool runs = live != w.state.live().end();
      if (runs && live->first != last) last = live->first, starting = overhead;
      const Duration minute = 1min;
      if (runs) {
        const Duration lost = std::min(starting, minute);
        starting -= lost;
        done += minute - lost;
      }
      if (dice() % 20 == 0) {
        there = !there;
        there ? w.give(RestorePool{"spot"}) : w.give(ReclaimPool{"spot", 0s});
        w.report();
      }
      w.go_to(w.now + minute);
      if (done >= work) ended = w.now;
    }
    ASSERT_LE(ended, start + within) << "seed " << seed;
  }
}

}  // namespace
}  // namespace mohona

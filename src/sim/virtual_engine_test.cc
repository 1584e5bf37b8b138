// The promises of engine.h, as engine_test.cc has them, in virtual time; and the faults.
#include "sim/virtual_engine.h"

#include <gtest/gtest.h>

namespace mohona {
namespace {

using namespace std::chrono_literals;

class Virtual : public testing::Test {
 protected:
  Virtual() {
    Behaviour does;
    does.runs = 10min;
    does.steps = 10;
    does.exit_code = 3;
    engine.describe(id.job, does);
  }
  Launch launch_of() const {
    Launch launch;
    launch.spec = std::make_shared<JobSpec>();
    launch.attempt.id = id;
    launch.attempt.pool = "here";
    launch.attempt.holdings = {Holding{0, {}}};
    return launch;
  }
  void pass(Duration time) {
    clock.advance(time);
    engine.pass();
  }
  std::optional<Report> report() {
    const auto reports = engine.observe();
    if (!reports || reports->empty()) return std::nullopt;
    return reports->front();
  }

  ManualClock clock{Timestamp{500'000h}};
  VirtualEngine engine{clock};
  const AttemptId id{JobId{7}, 0, 1};
};

TEST_F(Virtual, WhatIsLaunchedRunsAndItsEndIsReportedUntilItIsForgotten) {
  ASSERT_TRUE(engine.launch(launch_of()));
  EXPECT_EQ(report()->phase, Phase::running);
  pass(10min);
  EXPECT_EQ(report()->outcome, (Outcome{End::exited, 3, false, ""}));
  EXPECT_EQ(report()->steps->done, 10);
  EXPECT_TRUE(engine.forget(id));
  EXPECT_FALSE(report());
}

TEST_F(Virtual, LaunchingAgainIsTheSameAttempt) {
  ASSERT_TRUE(engine.launch(launch_of()));
  ASSERT_TRUE(engine.launch(launch_of()));
  EXPECT_EQ(engine.observe()->size(), 1u);
  EXPECT_EQ(engine.launches(), 1);
  EXPECT_EQ(engine.doubles(), 0);
}

TEST_F(Virtual, StoppingEndsItAndSaysSo) {
  ASSERT_TRUE(engine.launch(launch_of()));
  ASSERT_TRUE(engine.stop(id, Stop{"TERM", 5s, 5s, "down"}));
  ASSERT_TRUE(engine.stop(id, Stop{"TERM", 5s, 5s, "down"}));
  EXPECT_EQ(report()->outcome, (Outcome{End::exited, 143, true, ""}));
  EXPECT_TRUE(engine.stop({JobId{99}, 0, 1}, Stop{}));
}

TEST_F(Virtual, ASilentOneNeitherAnswersNorTakes) {
  ASSERT_TRUE(engine.launch(launch_of()));
  engine.faults.silent = true;
  EXPECT_FALSE(engine.observe());
  EXPECT_FALSE(engine.stop(id, Stop{"KILL", 0s, 0s, ""}));
  engine.faults.silent = false;
  EXPECT_EQ(report()->phase, Phase::running);
}

TEST_F(Virtual, ALaunchOfUnknownOutcomeHappenedOrDidNot) {
  engine.faults.launches_unknown = true;
  EXPECT_EQ(engine.launch(launch_of()).error().retry, Retry::outcome_unknown);
  EXPECT_TRUE(report());
  EXPECT_TRUE(engine.stop(id, Stop{"KILL", 0s, 0s, ""}));
  EXPECT_TRUE(engine.forget(id));
  engine.faults = {};
  engine.faults.launches_lost = true;
  EXPECT_EQ(engine.launch(launch_of()).error().retry, Retry::outcome_unknown);
  EXPECT_FALSE(report());
}

TEST_F(Virtual, ANodeThatIsGoneTakesItsWorkAlongUntilItIsBack) {
  ASSERT_TRUE(engine.launch(launch_of()));
  engine.lose_node("here", 0);
  EXPECT_EQ(report()->outcome.end, End::lost);
  EXPECT_TRUE(engine.forget(id));
  ASSERT_TRUE(engine.launch(launch_of()));
  pass(1min);
  EXPECT_EQ(report()->outcome.end, End::lost);
  EXPECT_TRUE(engine.forget(id));
  engine.bring_back("here", 0);
  ASSERT_TRUE(engine.launch(launch_of()));
  pass(1min);
  EXPECT_EQ(report()->phase, Phase::running);
}

}  // namespace
}  // namespace mohona

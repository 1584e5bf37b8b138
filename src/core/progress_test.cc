// What the core makes of what running work says of itself.
#include "core/progress.h"

#include <gtest/gtest.h>

#include "core/core.h"
#include "core/explain.h"
#include "model/codec.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

const Timestamp start{std::chrono::hours(500'000)};

// One job that began at `start`, and what it says.
class Progressing : public testing::Test {
 protected:
  Progressing() {
    Pool pool;
    pool.name = pool.cloud = "hall";
    pool.shape.cpus_milli = 1'000;
    pool.nodes = 2;
    give(DefineFleet{{{pool}, {}, {}, {}}}, 0s);
  }

  void give(const Input& input, Duration at) {
    const auto facts = advance(state_, input, start + at);
    ASSERT_TRUE(facts) << facts.error().message;
    said_.clear();
    for (const Fact& fact : *facts) said_ += encode(fact) + "\n";
  }
  void submit(JobSpec spec = {}, Duration at = 0s) {
    spec.name = spec.name.empty() ? "a" : spec.name;
    spec.run = "true";
    give(Submit{{spec}, {}, ""}, at);
  }
  Progress steps(std::int64_t done, std::optional<std::int64_t> total = {}) {
    Progress progress{id_, {}, {}};
    progress.done = done;
    progress.total = total;
    return progress;
  }
  const Attempt& attempt() { return state_.live_attempt(id_); }
  std::string explained(std::uint64_t job, Duration at) {
    return explain(state_, *state_.find(JobId{job}), start + at).headline;
  }

  State state_;
  std::string said_;
  AttemptId id_{JobId{1}, 0, 1};
};

TEST_F(Progressing, TheEndFollowsFromTheSpeedSinceTheFirstReport) {
  submit();
  const auto guessed = attempt().ends_at;
  // A restart from a checkpoint begins far on; what lies before it says nothing about the speed.
  give(steps(500, 1'000), 60s);
  EXPECT_EQ(attempt().ends_at, guessed);
  EXPECT_EQ(*attempt().steps, (Steps{500, 1'000, start + 60s, 500, start + 60s, {}}));
  give(steps(510, 1'000), 70s);
  EXPECT_EQ(attempt().ends_at, start + 70s + 490s);
  EXPECT_EQ(said_, R"({"attempt_progressed":{"attempt":"1.0.1","ends_at":1800000560000000,"steps":)"
                   R"({"done":510,"total":1000,"at":1800000070000000,"first_done":500,)"
                   R"("first_at":1800000060000000}}})"
                   "\n");
  give(steps(1'010, 1'000), 80s);  // further than it thought that it would go
  EXPECT_EQ(attempt().ends_at, start + 80s);
}

TEST_F(Progressing, OneThatGoesBackIsMeasuredFromThere) {
  submit();
  give(steps(0, 100), 0s);
  give(steps(50), 50s);
  EXPECT_EQ(attempt().ends_at, start + 100s);
  give(steps(20), 60s);
  EXPECT_EQ(attempt().ends_at, start + 100s);  // nothing better is known yet
  give(steps(30), 80s);
  EXPECT_EQ(attempt().ends_at, start + 80s + 140s);
  EXPECT_EQ(attempt().steps->total, 100);  // said once
}

TEST_F(Progressing, WhatTheJobFileSaysIsTheTotalUntilTheWorkSaysAnother) {
  JobSpec spec;
  spec.progress = ProgressSpec{40, false};
  submit(spec);
  give(steps(10), 10s);
  EXPECT_EQ(attempt().steps->total, 40);
  give(steps(20, 50), 20s);
  EXPECT_EQ(attempt().steps->total, 50);
  EXPECT_EQ(attempt().ends_at, start + 20s + 30s);
}

TEST_F(Progressing, WhatSaysNothingNewDecidesNothing) {
  submit();
  Progress with_loss = steps(1, 10);
  with_loss.metrics = {{"loss", "2.3"}};
  give(with_loss, 1s);
  EXPECT_NE(said_, "");
  give(with_loss, 2s);
  EXPECT_EQ(said_, "");
  give(steps(1), 3s);
  EXPECT_EQ(said_, "");
  with_loss.metrics[0].second = "2.2";
  give(with_loss, 4s);
  EXPECT_EQ(attempt().steps->metrics, (Metrics{{"loss", "2.2"}}));
}

TEST_F(Progressing, NumbersThatCannotBeAreTakenForNothingSaid) {
  submit();
  std::vector<Progress> absurd = {steps(-1, 10), steps(1, -1), steps(steps_max + 1), steps(1)};
  absurd[3].metrics.resize(metrics_max + 1);
  absurd.push_back(steps(1));
  absurd[4].metrics = {{"loss", std::string(metric_bytes_max + 1, '1')}};
  for (const Progress& progress : absurd) {
    give(progress, 1s);
    EXPECT_EQ(said_, "");
  }
  Progress no_step{id_, {}, {}};
  no_step.metrics = {{"loss", "1"}};
  give(no_step, 1s);
  EXPECT_EQ(said_, "");
}

TEST_F(Progressing, AClockThatRunsAheadOrBackIsNotBelieved) {
  submit();
  Progress ahead = steps(1, 10);
  ahead.at = start + 1h;
  give(ahead, 10s);
  EXPECT_EQ(attempt().steps->at, start + 10s);
  Progress back = steps(2);
  back.at = start - 1h;
  give(back, 20s);
  EXPECT_EQ(attempt().steps->at, start + 10s);
  EXPECT_EQ(attempt().ends_at, start + 10s);  // no time has passed for a step, so far as is known
}

TEST_F(Progressing, TheSlowestWorkEndsWithinWhatIsEstimated) {
  submit();
  give(steps(0, steps_max), 0s);
  give(steps(1), 1h);
  EXPECT_EQ(attempt().ends_at, start + 1h + estimate_max);
}

TEST_F(Progressing, ItSurvivesTheAttempt) {
  submit();
  const Job& job = state_.find(JobId{1})->job;
  EXPECT_EQ(latest_steps(job), nullptr);
  give(steps(5, 10), 10s);
  give(Ended{id_, Outcome{End::lost, 0, false, "gone"}, {}}, 20s);
  id_.number = 2;
  EXPECT_FALSE(attempt().steps);
  ASSERT_NE(latest_steps(job), nullptr);
  EXPECT_EQ(latest_steps(job)->done, 5);
  give(steps(4, 10), 30s);
  EXPECT_EQ(latest_steps(job)->done, 4);
}

TEST_F(Progressing, WhoWaitsBehindItIsToldByIt) {
  JobSpec gang;
  gang.num_nodes = 2;
  submit(gang);
  give(steps(0, 100), 0s);
  give(steps(10), 10s);
  gang.name = "next";
  submit(gang, 15s);
  const std::string soon = explained(2, 15s);
  EXPECT_NE(soon.find("probably about 2027-01-15T08:01:40Z"), std::string::npos) << soon;
  give(steps(15), 35s);  // slower, after the nodes were kept
  const std::string later = explained(2, 35s);
  EXPECT_NE(later.find("probably about 2027-01-15T08:03:53Z"), std::string::npos) << later;
  EXPECT_NE(explained(1, 35s).find("; 15 of 100 steps are done, all of them probably about "
                                   "2027-01-15T08:03:53Z"),
            std::string::npos)
      << explained(1, 35s);
}

TEST_F(Progressing, AServiceHasNoEnd) {
  JobSpec spec;
  spec.kind = Kind::serve;
  spec.service = Service{};
  submit(spec);
  give(steps(0, 100), 0s);
  give(steps(10), 10s);
  EXPECT_EQ(attempt().steps->done, 10);
  EXPECT_EQ(attempt().ends_at, std::nullopt);
}

}  // namespace
}  // namespace mohona

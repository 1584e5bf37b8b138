// Each rule, broken by hand in a small history that otherwise breaks none.
#include "core/audit/auditor.h"

#include <gtest/gtest.h>

#include "core/audit/audit.h"
#include "core/core.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

const Timestamp start{500'000h};

Pool pool(const std::string& name, std::int64_t nodes) {
  Pool p;
  p.name = p.cloud = name;
  p.shape = {"four", 4'000, 8'192, "h100", 2};
  p.nodes = nodes;
  p.price = {3'600'000'000};
  return p;
}

JobSpec job(const std::string& name, std::int64_t nodes = 1) {
  JobSpec spec;
  spec.name = name;
  spec.num_nodes = nodes;
  spec.max_duration = 1h;
  spec.resources.choices[0].demand = {4'000, 0, "h100", 2, 0};
  return spec;
}

// What the core itself makes of some inputs.
struct History {
  History() {
    state.index();
    say(TakeOver{{1}});
    say(DefineFleet{{{pool("hall", 4)}, {}, {}, {}}});
  }
  void say(const Input& input) {
    auto more = advance(state, input, now);
    ASSERT_TRUE(more);
    for (Fact& fact : *more) facts.push_back(std::move(fact));
  }
  template <class F>
  F& last() {
    for (auto fact = facts.rbegin(); fact != facts.rend(); ++fact) {
      if (auto* found = std::get_if<F>(&*fact)) return *found;
    }
    throw std::logic_error("there is no such fact");
  }
  // The first rule that is broken; "": none is.
  std::string broken() const {
    Auditor auditor;
    for (const Fact& fact : facts) auditor.see(fact);
    if (auditor.violations().empty()) auditor.compare(state);
    return auditor.violations().empty() ? ""
                                        : std::string(rule_name(auditor.violations().front().rule));
  }

  State state;
  Facts facts;
  Timestamp now = start;
};

// A gang of two, and one that waits for four nodes that are kept for it.
History busy() {
  History h;
  h.say(Submit{{job("pair", 2)}, {}, "a"});
  h.now += 10s;
  h.say(Started{{{1}, 0, 1}, 0, {}});
  h.say(Submit{{job("hall", 4)}, {}, "b"});
  return h;
}

TEST(Auditor, SaysNothingOfWhatTheCoreDoes) {
  History h = busy();
  EXPECT_TRUE(h.last<NodesKept>().promised);
  EXPECT_EQ(h.broken(), "");
  h.now += 10min;
  h.say(Ended{{{1}, 0, 1}, Outcome{End::lost, 0, false, "gone"}, {}});
  EXPECT_EQ(h.broken(), "");
  EXPECT_TRUE(audit(h.state, h.now).empty());
}

TEST(Auditor, FindsANodeThatIsGivenTwice) {
  History h = busy();
  AttemptPlaced again = h.last<AttemptPlaced>();
  h.facts.push_back(JobSubmitted{{3}, job("third", 2), {}, "", "", h.now});
  again.attempt.id.job = {3};
  h.facts.push_back(again);
  EXPECT_EQ(h.broken(), "allocation");
}

TEST(Auditor, FindsAGangThatIsNotWhole) {
  History h = busy();
  h.last<AttemptPlaced>().attempt.holdings.pop_back();
  EXPECT_EQ(h.broken(), "gang");
}

TEST(Auditor, FindsASecondLiveAttempt) {
  History h = busy();
  AttemptPlaced again = h.last<AttemptPlaced>();
  ++again.attempt.id.number;
  again.attempt.holdings = {{2, {0, 1}}, {3, {0, 1}}};
  h.facts.push_back(again);
  EXPECT_EQ(h.broken(), "one_attempt");
}

TEST(Auditor, FindsAnEndAfterTheEnd) {
  History h = busy();
  h.say(Ended{{{1}, 0, 1}, {}, {}});
  ASSERT_EQ(h.broken(), "");
  h.facts.push_back(JobEnded{{1}, JobState::failed, "", h.now});
  EXPECT_EQ(h.broken(), "transition");
}

TEST(Auditor, FindsAJobThatIsNotThere) {
  History h = busy();
  h.facts.push_back(JobSubmitted{{3}, job("third"), {}, "", "", h.now});
  EXPECT_EQ(h.broken(), "findable");
}

TEST(Auditor, FindsAnAttemptThatIsBilledTwice) {
  History h = busy();
  h.now += 10min;
  h.say(Ended{{{1}, 0, 1}, {}, {}});
  Job twice = h.state.find(JobId{1})->job;
  twice.past.edit().push_back({"hall", "hall", 1, 20min, Money{1'200'000}});
  State state;
  state.restore(PoolRecord{pool("hall", 4), {}, {}, {}, {}, {}});
  state.restore(twice);
  state.restore(h.state.find(JobId{2})->job);
  state.index();
  h.state = std::move(state);
  EXPECT_EQ(h.broken(), "usage");
}

TEST(Auditor, FindsAPromiseThatIsNotKept) {
  History h = busy();
  h.facts.push_back(ControllerStarted{{2}, h.last<NodesKept>().start + 1s});
  // The pair should have left by then: nobody broke the promise but its engine.
  EXPECT_NE(h.broken(), "promise");
  h.last<NodesKept>().start = h.now + 1min;
  EXPECT_EQ(h.broken(), "promise");
}

TEST(Auditor, FindsSomebodyWhoOvertakesAHold) {
  History h = busy();
  AttemptPlaced other = h.last<AttemptPlaced>();
  JobSpec spec = job("long");
  spec.max_duration = 3h;
  h.facts.push_back(JobSubmitted{{3}, spec, {}, "", "", h.now});
  other.attempt.id.job = {3};
  other.attempt.holdings = {{3, {0, 1}}};
  other.attempt.placed_at = h.now;
  h.facts.push_back(other);
  EXPECT_EQ(h.broken(), "hold");
}

TEST(Auditor, FindsAQueueThatTakesTooMuch) {
  History h;
  Queue tight{"tight", "", 250'000, 0, {}, 1};
  h.say(DefineFleet{{{pool("hall", 4)}, {tight}, {}, {}}});
  JobSpec spec = job("wide", 2);
  spec.queue = "tight";
  h.say(Submit{{spec}, {}, ""});
  ASSERT_EQ(h.broken(), "");  // it waits
  AttemptPlaced placed{busy().last<AttemptPlaced>()};
  placed.attempt.placed_at = h.now;
  h.facts.push_back(placed);
  EXPECT_EQ(h.broken(), "share");
}

TEST(Auditor, FindsAStartWithoutMoney) {
  History h;
  JobSpec spec = job("poor", 2);
  spec.budget = Money{1};
  spec.retries.max = 3;
  h.say(Submit{{spec}, {}, ""});
  h.now += 1s;
  AttemptPlaced again = h.last<AttemptPlaced>();
  h.facts.push_back(AttemptEnded{again.attempt.id, Outcome{End::lost, 0, false, ""}, h.now});
  h.facts.push_back(TaskWaits{{1}, 0, {}, false, ""});
  ++again.attempt.id.number;
  again.attempt.placed_at = h.now;
  h.facts.push_back(again);
  EXPECT_EQ(h.broken(), "budget");
}

TEST(Auditor, FindsAStopThatIsTooEarly) {
  History h = busy();
  h.facts.push_back(AttemptStopping{{{1}, 0, 1}, StopReason::preempted, 10s, 10s, h.now, JobId{2}});
  EXPECT_EQ(h.broken(), "min_run");
}

TEST(Auditor, FindsOneTryTooMany) {
  History h = busy();
  const Outcome failed{End::exited, 1, false, ""};
  h.facts.push_back(AttemptEnded{{{1}, 0, 1}, failed, h.now});
  h.facts.push_back(TaskWaits{{1}, 0, h.now, true, ""});
  EXPECT_EQ(h.broken(), "retries");
}

TEST(Auditor, FindsALossThatIsCalledAFailure) {
  History h = busy();
  JobSpec spec = job("again");
  h.facts.push_back(AttemptEnded{{{1}, 0, 1}, Outcome{End::lost, 0, false, ""}, h.now});
  h.facts.push_back(TaskEnded{{1}, 0, JobState::succeeded, ""});
  EXPECT_EQ(h.broken(), "report");
}

TEST(Auditor, FindsNumbersThatGoBack) {
  History h = busy();
  h.facts.push_back(ControllerStarted{{0}, h.now});
  EXPECT_EQ(h.broken(), "epoch");
  h.facts.back() = JobSubmitted{{2}, job("again"), {}, "", "", h.now};
  EXPECT_EQ(h.broken(), "order");
}

TEST(Auditor, FindsNodesThatThereAreNot) {
  History h = busy();
  h.last<NodesKept>().nodes = {{2, 5}};
  EXPECT_EQ(h.broken(), "nodes");
}

}  // namespace
}  // namespace mohona

// What the core decides, told as short stories: inputs at instants, and what must follow.
#include "core/core.h"

#include <gtest/gtest.h>

#include "core/explain.h"
#include "core/ledger/usage.h"
#include "core/submit.h"
#include "model/names.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

Pool pool(const std::string& name, std::int64_t nodes, std::int64_t cpus, Purchase purchase,
          std::int64_t price_cents) {
  Pool p;
  p.name = name;
  p.cloud = name.substr(0, name.find('-'));
  p.region = "r1";
  p.shape = {"s", cpus * 1'000, 8'192, "", 0};
  p.nodes = nodes;
  p.purchase = purchase;
  p.price = Price{price_cents * 10'000'000};
  return p;
}

JobSpec job(const std::string& name) {
  JobSpec spec;
  spec.name = name;
  spec.run = "true";
  return spec;
}

Choice spot() { return Choice{.use_spot = true}; }

// Time, a state, and every fact in order.
class World {
 public:
  explicit World(std::vector<Pool> pools) { give(DefineFleet{{std::move(pools), {}, {}, {}}}); }

  World& at(Duration since_start) {
    now_ = Timestamp(std::chrono::hours(500'000)) + since_start;
    return *this;
  }

  // Not a Result: most stories do not look at what a step returns.
  tl::expected<Facts, Error> give(const Input& input) {
    inputs_.emplace_back(now_, input);
    auto facts = advance(state, input, now_);
    if (facts) log.insert(log.end(), facts->begin(), facts->end());
    return facts;
  }

  JobId submit(JobSpec spec) {
    EXPECT_TRUE(give(Submit{{std::move(spec)}, {}, ""}));
    return {state.next_job().value - 1};
  }

  // The newest attempt of a job's task.
  AttemptId attempt(JobId id, std::uint32_t task = 0) const {
    return {id, task, state.find(id)->job.tasks.at(task).attempts};
  }
  void start(JobId id, std::uint32_t task = 0) { give(Started{attempt(id, task), 8'080, {}}); }
  void end(JobId id, std::int64_t code, bool stopped = false, std::uint32_t task = 0) {
    give(Ended{attempt(id, task), Outcome{End::exited, code, stopped, ""}, {}});
  }

  std::string state_of(JobId id) const { return std::string(name(state.find(id)->job.state)); }
  std::string reason_of(JobId id) const { return state.find(id)->job.reason; }
  std::string pool_of(JobId id) const { return state.find(id)->job.attempts.back().pool; }
  std::string explanation(JobId id) const {
    const Explanation e = explain(state, *state.find(id), now_);
    std::string text = e.headline + "\n";
    for (const PoolExplanation& p : e.pools)
      text += "  " + p.pool + " " + p.why + "; " + p.lift + "\n";
    return text;
  }

  State state;
  Facts log;

  // The same inputs again, from nothing.
  Facts again() const {
    State fresh;
    Facts facts;
    for (const auto& [when, input] : inputs_) {
      if (const auto more = advance(fresh, input, when)) {
        facts.insert(facts.end(), more->begin(), more->end());
      }
    }
    return facts;
  }

 private:
  Timestamp now_{std::chrono::hours(500'000)};
  std::vector<std::pair<Timestamp, Input>> inputs_;
};

const std::vector<Pool> three_clouds() {
  return {pool("aws-spot", 2, 1, Purchase::spot, 4), pool("gcp-od", 2, 1, Purchase::on_demand, 10),
          pool("azure-res", 1, 2, Purchase::reserved, 6)};
}

TEST(Placement, GoesToTheCheapestPoolThatFits) {
  World w(three_clouds());
  EXPECT_EQ(w.pool_of(w.submit(job("small"))),
            "azure-res");  // half a node at 6 beats a whole at 10
  JobSpec either = job("either");
  either.resources.choices = {spot(), Choice{}};
  EXPECT_EQ(w.pool_of(w.submit(either)), "azure-res");  // still 3 cents an hour
  EXPECT_EQ(w.pool_of(w.submit(either)), "aws-spot");   // azure is full
  JobSpec ordered = either;
  ordered.resources.ordered = true;
  ordered.resources.choices = {Choice{.cloud = "gcp"}, spot()};
  EXPECT_EQ(w.pool_of(w.submit(ordered)), "gcp-od");  // asked for first, though dearer
}

TEST(Placement, AGangStartsWholeOrNotAtAll) {
  World w({pool("a", 2, 1, Purchase::on_demand, 10)});
  const JobId one = w.submit(job("one"));
  JobSpec two = job("two");
  two.num_nodes = 2;
  const JobId gang = w.submit(two);
  EXPECT_EQ(w.state_of(gang), "pending");
  EXPECT_TRUE(w.state.find(gang)->job.attempts.empty());
  w.end(one, 0);
  EXPECT_EQ(w.state_of(gang), "starting");
  EXPECT_EQ(w.state.find(gang)->job.attempts.front().holdings.size(), 2u);
}

TEST(Placement, FollowsPriorityThenAge) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  const JobId first = w.submit(job("first"));
  const JobId old_one = w.submit(job("old"));
  const JobId young = w.submit(job("young"));
  JobSpec urgent = job("urgent");
  urgent.priority = 5;
  const JobId now_please = w.submit(urgent);
  std::vector<JobId> order;
  for (JobId running = first; order.size() < 3;) {
    w.end(running, 0);
    for (const JobId id : {old_one, young, now_please}) {
      if (w.state_of(id) == "starting") order.push_back(running = id);
    }
  }
  EXPECT_EQ(order, (std::vector<JobId>{now_please, old_one, young}));
}

TEST(Placement, GivesOutGpusByIndex) {
  Pool p = pool("a", 1, 8, Purchase::on_demand, 10);
  p.shape.gpu = "h100";
  p.shape.gpus = 4;
  World w({p});
  JobSpec spec = job("g");
  spec.resources.choices[0].demand.gpu = "h100";
  spec.resources.choices[0].demand.gpus = 2;
  const JobId a = w.submit(spec);
  const JobId b = w.submit(spec);
  const JobId c = w.submit(spec);
  using Devices = std::vector<std::int64_t>;
  EXPECT_EQ(w.state.find(a)->job.attempts.front().holdings[0].devices, (Devices{0, 1}));
  EXPECT_EQ(w.state.find(b)->job.attempts.front().holdings[0].devices, (Devices{2, 3}));
  w.end(a, 0);
  EXPECT_EQ(w.state.find(c)->job.attempts.front().holdings[0].devices, (Devices{0, 1}));
}

TEST(Reclaim, StopsWithinTheNoticeAndGoesOnInAnotherCloud) {
  World w(three_clouds());
  JobSpec train = job("train");
  train.kind = Kind::train;
  train.num_nodes = 2;
  train.resources.choices = {spot(), Choice{}};
  train.stop = {"USR1", 60s, 0s};
  const JobId id = w.submit(train);
  w.start(id);
  EXPECT_EQ(w.pool_of(id), "aws-spot");
  ASSERT_TRUE(w.give(ReclaimPool{"aws-spot", 10s}));
  const auto& stop = std::get<AttemptStopping>(w.log.back());
  EXPECT_EQ(stop.grace, Duration(10s));
  EXPECT_EQ(stop.within, Duration(10s));
  w.end(id, 0, true);  // it saved and left with 0: interrupted all the same
  EXPECT_EQ(w.pool_of(id), "gcp-od");
  EXPECT_EQ(w.state_of(id), "starting");
  w.start(id);
  w.end(id, 0);
  EXPECT_EQ(w.state_of(id), "succeeded");
}

TEST(Reclaim, AnExitBeforeTheSignalIsTheWorksOwn) {
  World w(three_clouds());
  JobSpec spec = job("quick");
  spec.resources.choices = {spot()};
  const JobId id = w.submit(spec);
  ASSERT_TRUE(w.give(ReclaimPool{"aws-spot", 10s}));
  w.end(id, 0, false);
  EXPECT_EQ(w.state_of(id), "succeeded");
}

TEST(Reclaim, WhatHasNoOtherPoolRecoversWhenItReturns) {
  World w(three_clouds());
  JobSpec spec = job("only-spot");
  spec.resources.choices = {spot()};
  const JobId id = w.submit(spec);
  w.give(ReclaimPool{"aws-spot", 0s});
  w.end(id, 143, true);
  EXPECT_EQ(w.state_of(id), "recovering");
  w.give(RestorePool{"aws-spot"});
  EXPECT_EQ(w.state_of(id), "starting");
}

TEST(Reclaim, OnlySpotPoolsAreTakenAndMistakesAreNamed) {
  World w(three_clouds());
  EXPECT_EQ(w.give(ReclaimPool{"gcp-od", 0s}).error().message,
            "'gcp-od' is not a spot pool; clouds take only those back");
  EXPECT_EQ(w.give(ReclaimPool{"aws-sopt", 0s}).error().message,
            "there is no pool 'aws-sopt'; did you mean 'aws-spot'?");
}

TEST(Failure, IsRetriedAfterAGrowingPauseThenFinal) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  JobSpec spec = job("flaky");
  spec.retries = {2, 10s};
  const JobId id = w.at(0s).submit(spec);
  w.at(1s).end(id, 1);
  EXPECT_EQ(w.state_of(id), "recovering");
  EXPECT_EQ(w.explanation(id), "pauses 10.0s before the next attempt: exit code 1; retry 1 of 2\n");
  EXPECT_EQ(next_wake(w.state, Timestamp(std::chrono::hours(500'000)) + 1s),
            Timestamp(std::chrono::hours(500'000)) + 11s);
  w.at(10s).give(Tick{});
  EXPECT_EQ(w.state.find(id)->job.attempts.size(), 1u);
  w.at(11s).give(Tick{});
  EXPECT_EQ(w.state.find(id)->job.attempts.size(), 2u);
  w.at(12s).end(id, 1);
  w.at(32s).give(Tick{});
  w.at(33s).end(id, 137);
  EXPECT_EQ(w.state_of(id), "failed");
  EXPECT_EQ(w.reason_of(id), "exit code 137");
}

TEST(Failure, IsASignalOnlyWhenOneEndedTheWork) {
  const struct {
    Outcome outcome;
    std::string reason;
  } cases[] = {
      {{End::exited, 255, false, ""}, "exit code 255"},
      {{End::exited, 143, false, ""}, "exit code 143"},
      {{End::exited, 137, false, "", 9}, "ended by signal 9"},
      {{End::exited, 139, false, "rank 1 of 2", 11}, "ended by signal 11: rank 1 of 2"},
  };
  for (const auto& [outcome, reason] : cases) {
    World w({pool("a", 1, 1, Purchase::on_demand, 10)});
    const JobId id = w.submit(job("x"));
    w.give(Ended{w.attempt(id), outcome, {}});
    EXPECT_EQ(w.reason_of(id), reason);
  }
}

TEST(Success, SaysWhatIsToBeSaidOfIt) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  const JobId id = w.submit(job("x"));
  w.give(Ended{w.attempt(id), Outcome{End::exited, 0, false, "a process was killed"}, {}});
  EXPECT_EQ(w.state_of(id), "succeeded");
  EXPECT_EQ(w.reason_of(id), "a process was killed");
}

TEST(Failure, ALostMachineIsNotTheWorksFault) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  const JobId id = w.submit(job("x"));
  w.give(Ended{w.attempt(id), Outcome{End::lost, 0, false, "its supervisor was killed"}, {}});
  EXPECT_EQ(w.state_of(id), "starting");
  EXPECT_EQ(w.state.find(id)->job.attempts.size(), 2u);
  JobSpec never = job("never");
  never.restart_after_loss = false;
  w.end(id, 0);
  const JobId once = w.submit(never);
  w.give(Ended{w.attempt(once), Outcome{End::lost, 0, false, "gone"}, {}});
  EXPECT_EQ(w.reason_of(once), "lost: gone, and it asked not to be restarted");
}

TEST(Limits, MaxDurationEndsTheAttempt) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  JobSpec spec = job("long");
  spec.max_duration = 60s;
  const JobId id = w.at(0s).submit(spec);
  w.at(5s).start(id);
  w.at(64s).give(Tick{});
  EXPECT_FALSE(w.state.live_attempt(w.attempt(id)).stopping);
  w.at(65s).give(Tick{});
  EXPECT_EQ(w.state.live_attempt(w.attempt(id)).stopping, StopReason::time_limit);
  EXPECT_EQ(next_wake(w.state, Timestamp(std::chrono::hours(500'000)) + 65s), std::nullopt);
  w.at(66s).end(id, 143, true);
  EXPECT_EQ(w.reason_of(id), "it reached its max_duration of 1m 00s");
}

TEST(Limits, AWarningBeforeTheLimitLeavesTimeToSucceed) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  JobSpec spec = job("long");
  spec.max_duration = 60s;
  spec.stop = {"USR1", 20s, 20s};
  const JobId id = w.at(0s).submit(spec);
  w.start(id);
  w.at(40s).give(Tick{});
  EXPECT_EQ(w.state.live_attempt(w.attempt(id)).stopping, StopReason::time_limit);
  w.at(50s).end(id, 0, true);
  EXPECT_EQ(w.state_of(id), "succeeded");
}

TEST(Limits, WorkThatLeavesInTimeAfterAWarningHasItsOwnExit) {
  const struct {
    Duration at;
    std::int64_t code;
    const char* reason;
  } cases[] = {
      {50s, 7, "exit code 7"},
      {61s, 7, "it reached its max_duration of 1m 00s"},    // it did not leave in time
      {50s, 138, "it reached its max_duration of 1m 00s"},  // its shell's word for USR1
  };
  for (const auto& c : cases) {
    World w({pool("a", 1, 1, Purchase::on_demand, 10)});
    JobSpec spec = job("long");
    spec.max_duration = 60s;
    spec.stop = {"USR1", 20s, 20s};
    const JobId id = w.at(0s).submit(spec);
    w.start(id);
    w.at(40s).give(Tick{});
    w.at(c.at).end(id, c.code, true);
    EXPECT_EQ(w.reason_of(id), c.reason);
  }
}

TEST(Limits, ABudgetIsNeverOverspent) {
  World w({pool("a", 2, 1, Purchase::on_demand, 3'600'00)});  // $3600 an hour: a dollar a second
  JobSpec spec = job("costly");
  spec.kind = Kind::data;
  spec.shards = Shards{.items = {"x", "y", "z"}};  // the third must not even start
  spec.budget = Money{10'000'000};
  const JobId id = w.at(0s).submit(spec);
  EXPECT_EQ(next_wake(w.state, Timestamp(std::chrono::hours(500'000))),
            Timestamp(std::chrono::hours(500'000)) + 5s);  // two shards at a dollar a second each
  w.at(5s).give(Tick{});
  w.end(id, 143, true, 0);
  w.end(id, 143, true, 1);
  EXPECT_EQ(w.state_of(id), "failed");
  EXPECT_EQ(w.reason_of(id), "it used up its budget of $10.00");
  EXPECT_EQ(cost_of(w.state.find(id)->job, {}), Money{10'000'000});
}

// Whoever reads the state later must know that nodes are no longer kept for it.
TEST(Limits, NothingIsKeptForWhatItsBudgetNoLongerLetsStart) {
  const Pool two = pool("a", 2, 1, Purchase::on_demand, 3'600'00);  // a dollar a second and node
  World w({two});
  Fleet fleet{{two}, {}, {}, {}};
  fleet.scheduling.preempt = Preempt::lower_priority;
  fleet.scheduling.min_run = Duration{0};
  w.at(0s).give(DefineFleet{fleet});
  JobSpec low = job("low");
  low.stop.edit().grace = 1h;
  const JobId victim = w.submit(low);
  JobSpec serve = job("chat");
  serve.kind = Kind::serve;
  serve.service = Service{.replicas = 2};
  serve.priority = 1;
  serve.budget = Money{5'000'000};
  const JobId id = w.at(1s).submit(serve);
  ASSERT_TRUE(w.state.find(id)->job.kept);  // for the second replica, when low has left
  w.at(6s).give(Tick{});                    // the first has used it up
  w.at(7s).end(victim, 143, true);
  EXPECT_FALSE(w.state.find(id)->job.kept);
  EXPECT_EQ(std::count(w.log.begin(), w.log.end(), Fact{NodesReleased{id, "its budget is spent"}}),
            1);
  EXPECT_EQ(w.state.find(victim)->job.attempts_made(), 2);
}

// A limit and a budget that are reached at one instant stop it once, for what comes first.
TEST(Limits, ReachedTogetherStopOnce) {
  World w({pool("a", 1, 1, Purchase::on_demand, 3'600'00)});  // a dollar a second
  JobSpec spec = job("both");
  spec.max_duration = 10s;
  spec.budget = Money{10'000'000};
  const JobId id = w.at(0s).submit(spec);
  w.start(id);
  w.at(10s).give(Tick{});
  EXPECT_EQ(std::count_if(w.log.begin(), w.log.end(),
                          [](const Fact& f) { return std::holds_alternative<AttemptStopping>(f); }),
            1);
  EXPECT_EQ(w.state.live_attempt({id, 0, 1}).stopping, StopReason::time_limit);
}

TEST(Limits, ADeadlineThatPassesWhileWaitingFailsTheJob) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  w.at(0s).submit(job("first"));
  JobSpec late = job("late");
  late.deadline = Timestamp(std::chrono::hours(500'000)) + 10s;
  const JobId id = w.submit(late);
  w.at(10s).give(Tick{});
  EXPECT_EQ(w.reason_of(id), "its deadline, 2027-01-15T08:00:10Z, passed before it could start");
}

TEST(Needs, WaitAndFailWithWhatTheyNeed) {
  World w({pool("a", 4, 1, Purchase::on_demand, 10)});
  JobSpec second = job("second");
  second.needs = {"first"};
  JobSpec third = job("third");
  third.needs = {"second"};
  // In any order within the file.
  ASSERT_TRUE(w.give(Submit{{third, second, job("first")}, {}, ""}));
  const JobId c{1}, b{2}, a{3};
  EXPECT_EQ(w.explanation(b), "waits for first (job 3, starting)\n");
  w.end(a, 0);
  EXPECT_EQ(w.state_of(b), "starting");
  EXPECT_EQ(w.state_of(c), "pending");
  w.end(b, 7);
  EXPECT_EQ(w.state_of(b), "failed");
  EXPECT_EQ(w.state_of(c), "cancelled");
  EXPECT_EQ(w.reason_of(c), "it needs second (job 2), which failed");
}

TEST(Needs, AServiceIsThereWhenItAnswers) {
  World w({pool("a", 4, 1, Purchase::on_demand, 10)});
  JobSpec serve = job("chat");
  serve.kind = Kind::serve;
  serve.service = Service{};
  JobSpec ask = job("ask");
  ask.needs = {"chat"};
  ASSERT_TRUE(w.give(Submit{{serve, ask}, {}, ""}));
  w.start(JobId{1});
  EXPECT_EQ(w.state_of(JobId{1}), "starting");
  EXPECT_EQ(w.state_of(JobId{2}), "pending");
  w.give(Readiness{w.attempt(JobId{1}), true, false});
  EXPECT_EQ(w.state_of(JobId{1}), "running");
  EXPECT_EQ(w.state_of(JobId{2}), "starting");
}

TEST(Serve, AReplicaThatDiesIsReplacedAtOnce) {
  World w({pool("a", 4, 1, Purchase::on_demand, 10)});
  JobSpec serve = job("chat");
  serve.kind = Kind::serve;
  serve.service = Service{};
  const JobId id = w.submit(serve);
  w.start(id);
  w.give(Readiness{w.attempt(id), true, false});
  w.end(id, 0);
  EXPECT_EQ(w.state_of(id), "starting");
  EXPECT_EQ(w.attempt(id).number, 2u);
}

TEST(Serve, AReplicaThatNeverAnswersFailsTheServiceInTheEnd) {
  World w({pool("a", 4, 1, Purchase::on_demand, 10)});
  JobSpec serve = job("chat");
  serve.kind = Kind::serve;
  serve.service = Service{};
  const JobId id = w.at(0s).submit(serve);
  Duration at = 0s;
  for (int i = 0; i < 10 && !is_terminal(w.state.find(id)->job.state); ++i) {
    w.end(id, 1);
    w.at(at += std::chrono::minutes(10)).give(Tick{});
  }
  EXPECT_EQ(w.state_of(id), "failed");
  EXPECT_EQ(w.reason_of(id),
            "6 replicas in a row ended before they were ready; the last: exit code 1");
}

TEST(Data, ShardsAreTriedAloneAndCountedTogether) {
  World w({pool("a", 2, 1, Purchase::on_demand, 10)});
  JobSpec spec = job("tokenise");
  spec.kind = Kind::data;
  spec.shards = Shards{.globs = {"*.txt"}};
  const JobId id = w.submit(spec);
  EXPECT_EQ(w.state.unexpanded(), std::set<JobId>{id});
  EXPECT_EQ(w.explanation(id), "waits until its shards are listed\n");
  w.give(Listed{id, std::vector<std::string>{"a.txt", "b.txt", "c.txt"}});
  EXPECT_EQ(w.state.find(id)->live, 2u);
  w.end(id, 0, false, 0);
  w.end(id, 3, false, 1);
  EXPECT_EQ(w.state_of(id), "starting");
  w.end(id, 0, false, 2);
  EXPECT_EQ(w.reason_of(id), "1 of 3 shards failed; the first, 1: exit code 3");
}

TEST(Data, NoMatchIsAnError) {
  World w({pool("a", 2, 1, Purchase::on_demand, 10)});
  JobSpec spec = job("tokenise");
  spec.kind = Kind::data;
  spec.shards = Shards{.globs = {"*.txt", "*.md"}};
  const JobId id = w.submit(spec);
  w.give(Listed{id, std::vector<std::string>{}});
  EXPECT_EQ(w.reason_of(id), "no file matches its shards.inputs: *.txt, *.md");
}

TEST(Data, AnArrayKeepsToItsLimit) {
  World w({pool("a", 8, 1, Purchase::on_demand, 10)});
  JobSpec spec = job("array");
  spec.kind = Kind::data;
  spec.shards = Shards{.items = {"0", "1", "2", "3"}, .array = true, .at_once_max = 2};
  const JobId id = w.submit(spec);
  EXPECT_EQ(w.state.find(id)->live, 2u);
  w.end(id, 0, false, 1);
  EXPECT_EQ(w.state.find(id)->live, 2u);
  EXPECT_EQ(w.attempt(id, 2).number, 1u);
}

TEST(Cancel, StopsWhatRunsAndEndsWhenNothingDoes) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  const JobId running = w.submit(job("running"));
  const JobId waiting = w.submit(job("waiting"));
  w.give(Cancel{waiting, "by request"});
  EXPECT_EQ(w.state_of(waiting), "cancelled");
  w.give(Cancel{running, "by request"});
  EXPECT_EQ(w.state_of(running), "starting");
  EXPECT_TRUE(std::holds_alternative<AttemptStopping>(w.log.back()));
  w.end(running, 0, true);
  EXPECT_EQ(w.state_of(running), "cancelled");
  EXPECT_TRUE(w.give(Cancel{running, "again"})->empty());
}

TEST(Submit, TheSameKeyGivesTheSameJobsAndNoOthers) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  ASSERT_TRUE(w.give(Submit{{job("a"), job("b")}, {}, "k"}));
  EXPECT_TRUE(w.give(Submit{{job("a"), job("b")}, {}, "k"})->empty());
  EXPECT_EQ(submitted_before(w.state, "k"), (std::vector<JobId>{JobId{1}, JobId{2}}));
  const auto other = w.give(Submit{{job("a"), job("c")}, {}, "k"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::conflict);
  EXPECT_EQ(
      other.error().message,
      "the idempotency key 'k' was used for another job (job 1): nothing was submitted; use a "
      "new key for new work");
}

TEST(Submit, NeedsThatCannotBeMetAreRefused) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  JobSpec a = job("a"), b = job("b");
  a.needs = {"nothing"};
  EXPECT_EQ(
      w.give(Submit{{a}, {}, ""}).error().message,
      "job 'a' needs 'nothing', but there is no job of that name or number, neither in the file "
      "nor accepted earlier");
  a.needs = {"b"};
  b.needs = {"a"};
  EXPECT_EQ(w.give(Submit{{a, b}, {}, ""}).error().message,
            "the jobs need each other in a circle: none of them could ever start");
  EXPECT_TRUE(w.state.jobs().empty());
}

TEST(Submit, AChainOfAsManyJobsAsThereMayBeIsNoRecursion) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  constexpr int jobs = 50'000;
  Submit chain;
  for (int i = 0; i < jobs; ++i) {
    chain.jobs.push_back(job(fmt::format("j{}", i)));
    if (i + 1 < jobs) chain.jobs.back().needs = {fmt::format("j{}", i + 1)};
  }
  Submit circle = chain;
  circle.jobs.back().needs = {"j0"};
  EXPECT_EQ(w.give(circle).error().message,
            "the jobs need each other in a circle: none of them could ever start");
  EXPECT_TRUE(w.give(chain));
  EXPECT_EQ(w.state.jobs().size(), jobs);
}

TEST(Submit, TwoNeededJobsOfOneVariableAreRefused) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  ASSERT_TRUE(w.give(Submit{{job("a-b")}, {}, ""}));
  JobSpec both = job("both");
  both.needs = {"1", "A_b"};
  EXPECT_EQ(w.give(Submit{{job("A_b"), both}, {}, ""}).error().message,
            "job 'both' needs two jobs, 1 and 2, whose outputs would be in one variable, "
            "MOHONA_INPUT_A_B; rename one of them");
  both.needs = {"1", "a-b"};
  EXPECT_TRUE(w.give(Submit{{both}, {}, ""}));
}

TEST(Explain, APoolThatGivesOnlyWholeCoresAndGpusTakesNoPartOfOne) {
  Pool lab = pool("lab", 1, 4, Purchase::on_demand, 1);
  lab.shape.gpu = "h100";
  lab.shape.gpus = 2;
  lab.whole_only = true;
  World w({lab});
  JobSpec spec = job("half");
  spec.resources.choices[0].demand.cpus_milli = 1'500;
  const JobId half = w.at(0s).submit(spec);
  spec.resources.choices[0].demand = {.cpus_milli = 1'000, .gpu_milli = 500};
  const JobId part = w.submit(spec);
  for (const JobId id : {half, part}) {
    EXPECT_EQ(w.state_of(id), "pending");
    EXPECT_NE(w.explanation(id).find("lab gives whole cores and whole GPUs only"),
              std::string::npos)
        << w.explanation(id);
  }
  spec.resources.choices[0].demand = {.cpus_milli = 2'000, .gpus = 1};
  EXPECT_EQ(w.state_of(w.submit(spec)), "starting");
}

TEST(Explain, NamesTheNearestBarrierOfEachPool) {
  auto pools = three_clouds();
  pools.push_back(pool("oci-small", 1, 1, Purchase::on_demand, 1));
  World w(pools);
  JobSpec two = job("holder");
  two.num_nodes = 2;
  w.submit(two);
  JobSpec gang = job("gang");
  gang.num_nodes = 2;
  gang.resources.choices = {Choice{.demand = {.cpus_milli = 1'000, .memory_mib = 1'024}}};
  const JobId id = w.submit(gang);
  EXPECT_EQ(
      w.explanation(id),
      "waits for room: 2 nodes of 1 core, 1 GiB; nothing ahead of it in the queue; "
      "2 nodes of gcp-od are kept for it: when it starts cannot be told, "
      "because some of what runs there has no max_duration\n"
      "  gcp-od has room for 0 of the 2 nodes that the job needs; starts when holder (job 1) ends\n"
      "  azure-res has 1 node, the job needs 2; ask for fewer nodes, or add nodes to the "
      "pool\n"
      "  oci-small has 1 node, the job needs 2; ask for fewer nodes, or add nodes to the "
      "pool\n"
      "  aws-spot is spot, which the job does not accept; add {use_spot: true} to "
      "resources.any_of\n");
}

TEST(Reports, RepeatedOrLateOnesChangeNothing) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  const JobId id = w.submit(job("x"));
  const AttemptId attempt = w.attempt(id);
  w.start(id);
  EXPECT_TRUE(w.give(Started{attempt, 0, {}})->empty());
  w.end(id, 0);
  EXPECT_TRUE(w.give(Ended{attempt, Outcome{}, {}})->empty());
  EXPECT_TRUE(w.give(Started{attempt, 0, {}})->empty());
  EXPECT_TRUE(w.give(Readiness{attempt, true, false})->empty());
}

TEST(Determinism, TheSameInputsGiveTheSameFacts) {
  World w(three_clouds());
  for (int i = 0; i < 5; ++i) {
    JobSpec spec = job("j" + std::to_string(i));
    spec.resources.choices = {spot(), Choice{}};
    spec.retries.max = 1;
    w.at(i * 1s).submit(spec);
  }
  w.at(10s).end(JobId{1}, 1);
  w.give(ReclaimPool{"aws-spot", 5s});
  w.at(20s).give(Tick{});
  EXPECT_EQ(w.again(), w.log);
  State replayed;
  for (const Fact& fact : w.log) replayed.apply(fact);
  EXPECT_EQ(replayed.digest(), w.state.digest());
}

TEST(Fleet, APoolThatIsInUseStaysUntilItIsEmpty) {
  World w({pool("a", 1, 1, Purchase::on_demand, 10)});
  const JobId id = w.submit(job("x"));
  w.give(DefineFleet{{{pool("b", 1, 1, Purchase::on_demand, 10)}, {}, {}, {}}});
  ASSERT_TRUE(w.state.find_pool("a"));
  EXPECT_EQ(w.state.find_pool("a")->pool.nodes, 0);
  w.end(id, 0);
  EXPECT_EQ(w.pool_of(w.submit(job("y"))), "b");
  w.give(DefineFleet{{{pool("b", 1, 1, Purchase::on_demand, 10)}, {}, {}, {}}});
  EXPECT_FALSE(w.state.find_pool("a"));
}

}  // namespace
}  // namespace mohona

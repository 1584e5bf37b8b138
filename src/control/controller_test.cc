// The live loop over an in-memory store and engine.
#include "control/controller.h"

#include <gtest/gtest.h>

#include <future>

#include "core/explain.h"
#include "engine/memory/memory_engine.h"
#include "model/names.h"
#include "model/node_ranges.h"
#include "store/memory/memory_store.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

JobSpec job(const std::string& name) {
  JobSpec spec;
  spec.name = name;
  spec.run = "true";
  return spec;
}

// A control plane that can be killed and started again on the same store and engine.
class Plane {
 public:
  Plane() { start(); }

  void start() {
    controller.reset();
    controller = std::make_unique<Controller>(ControllerParts{
        store,
        {{"local", &engine}},
        clock,
        secrets,
        [this](const std::string&, std::int64_t, const ReadinessProbe&, Duration,
               std::function<void(bool)> answered) { answered(answers.load()); },
        [this](const std::string& line) { said.push_back(line); },
        Rhythm{},
        name_,
        [this]() -> Result<void> {
          const Code code = lease;
          return code == Code::invalid ? Result<void>() : fail(code, "the lease is gone");
        },
        last_job_});
    ASSERT_TRUE(controller->start());
    Pool pool;
    pool.name = pool.cloud = "here";
    pool.shape.cpus_milli = 4'000;
    pool.nodes = 1;
    pool.controller = name_;
    (void)give(DefineFleet{{{pool}, {}, {}, {}}});
  }

  Result<JobId> submit(JobSpec spec) {
    std::promise<Result<JobId>> promise;
    controller->submit(Submit{{std::move(spec)}, {}, ""}, [&](Result<Accepted> accepted) {
      promise.set_value(accepted ? Result<JobId>(std::get<JobSubmitted>(accepted->facts[0]).job)
                                 : Result<JobId>(fail(accepted.error())));
    });
    return promise.get_future().get();
  }

  Result<void> give(Input input) {
    std::promise<Result<void>> promise;
    controller->submit(std::move(input), [&](Result<Accepted> accepted) {
      promise.set_value(accepted ? Result<void>() : Result<void>(fail(accepted.error())));
    });
    return promise.get_future().get();
  }

  template <class F>
  auto read(F f) {
    std::promise<decltype(f(std::declval<const State&>()))> promise;
    controller->read([&](const State& state, Timestamp) { promise.set_value(f(state)); });
    return promise.get_future().get();
  }

  std::string state_of(JobId id) {
    return read([&](const State& s) { return std::string(name(s.find(id)->job.state)); });
  }

  // Ten seconds at most.
  bool becomes(JobId id, const std::string& state) {
    for (const auto until = std::chrono::steady_clock::now() + 10s;
         std::chrono::steady_clock::now() < until;) {
      if (state_of(id) == state) return true;
      std::this_thread::sleep_for(2ms);
    }
    return false;
  }

  MemoryStore store;
  MemoryEngine engine;
  SystemClock clock;
  NoSecrets secrets;
  std::atomic<bool> answers = false;
  std::string name_;
  JobId last_job_;
  std::atomic<Code> lease = Code::invalid;  // that it holds
  std::vector<std::string> said;
  std::unique_ptr<Controller> controller;
};

TEST(Controller, RunsAJobFromSubmitToItsEnd) {
  Plane plane;
  const JobId id = *plane.submit(job("a"));
  ASSERT_TRUE(plane.becomes(id, "running"));
  plane.engine.end({id, 0, 1}, 0);
  EXPECT_TRUE(plane.becomes(id, "succeeded"));
}

TEST(Controller, KeepsWhatWorkSaysOfItsStepsAndRepeatsNothing) {
  Plane plane;
  const JobId id = *plane.submit(job("a"));
  ASSERT_TRUE(plane.becomes(id, "running"));
  plane.engine.progress({id, 0, 1}, {3, 10, {{"loss", "2.5"}}, {}});
  plane.engine.end({id, 0, 1}, 0);
  ASSERT_TRUE(plane.becomes(id, "succeeded"));
  plane.controller->stop();
  std::vector<Steps> said;
  for (const Fact& fact : plane.store.facts()) {
    if (const auto* progressed = std::get_if<AttemptProgressed>(&fact)) {
      said.push_back(*progressed->steps);
    }
  }
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].done, 3);
  EXPECT_EQ(said[0].total, 10);
  EXPECT_EQ(said[0].metrics, (Metrics{{"loss", "2.5"}}));
}

TEST(Controller, IntentIsInTheStoreBeforeTheEngineHearsOfIt) {
  Plane plane;
  const JobId id = *plane.submit(job("a"));
  ASSERT_TRUE(plane.becomes(id, "running"));
  plane.controller->stop();
  std::vector<std::string> order;
  for (const Fact& fact : plane.store.facts()) {
    if (std::holds_alternative<AttemptPlaced>(fact)) order.push_back("placed");
    if (std::holds_alternative<AttemptStarted>(fact)) order.push_back("started");
  }
  EXPECT_EQ(order, (std::vector<std::string>{"placed", "started"}));
}

// A reclaim and a look at everything in one batch: the look does not stop what is not durable yet.
TEST(Controller, ALookAtTheEnginesDoesNotRunAheadOfTheStore) {
  struct Watching : MemoryEngine {
    explicit Watching(MemoryStore& s) : store(s) {}
    Result<void> stop(const AttemptId& attempt, const Stop& stop) override {
      const auto& facts = store.facts();
      early += std::none_of(facts.begin(), facts.end(), [](const Fact& fact) {
        return std::holds_alternative<AttemptStopping>(fact);
      });
      ++stops;
      return MemoryEngine::stop(attempt, stop);
    }
    MemoryStore& store;
    int early = 0, stops = 0;
  };
  MemoryStore store;
  Watching engine(store);
  ManualClock clock(Timestamp{} + 500'000h);
  NoSecrets secrets;
  Controller controller({store, {{"local", &engine}}, clock, secrets, nullptr, [](auto&) {}});
  ASSERT_TRUE(controller.open());
  Pool pool;
  pool.name = pool.cloud = "spot";
  pool.shape.cpus_milli = 4'000;
  pool.nodes = 1;
  pool.purchase = Purchase::spot;
  controller.submit(DefineFleet{{{pool}, {}, {}, {}}}, nullptr);
  JobSpec spec = job("a");
  spec.resources.choices[0].use_spot = true;
  controller.submit(Submit{{spec}, {}, ""}, nullptr);
  while (controller.due() <= clock.now()) controller.turn();
  ASSERT_EQ(engine.running().size(), 1u);
  clock.advance(10s);  // a look is due
  controller.submit(ReclaimPool{"spot", 30s}, nullptr);
  while (controller.due() <= clock.now()) controller.turn();
  EXPECT_GE(engine.stops, 1);
  EXPECT_EQ(engine.early, 0);
}

TEST(Controller, AnotherOneAdoptsWhatRunsAndLaunchesNothingTwice) {
  Plane plane;
  const JobId id = *plane.submit(job("a"));
  ASSERT_TRUE(plane.becomes(id, "running"));
  plane.start();
  EXPECT_TRUE(plane.becomes(id, "running"));
  EXPECT_EQ(plane.engine.launches(), 1u);
  plane.engine.end({id, 0, 1}, 0);
  EXPECT_TRUE(plane.becomes(id, "succeeded"));
}

TEST(Controller, AnIntentThatWasNotCarriedOutIsCarriedOutByTheNext) {
  Plane plane;
  const JobId id = *plane.submit(job("a"));
  ASSERT_TRUE(plane.becomes(id, "running"));
  plane.controller->stop();
  (void)plane.engine.forget({id, 0, 1});  // as if the controller had died before its launch
  plane.start();
  ASSERT_TRUE(plane.becomes(id, "running"));
  for (const auto until = std::chrono::steady_clock::now() + 5s;
       plane.engine.launches() < 2 && std::chrono::steady_clock::now() < until;) {
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_EQ(plane.engine.launches(), 2u);
  EXPECT_EQ(plane.engine.running(), (std::vector<AttemptId>{{id, 0, 1}}));
}

TEST(Controller, WithoutRoomNothingIsAcceptedOrStartedAndThenWorkResumes) {
  Plane plane;
  const JobId running = *plane.submit(job("running"));
  ASSERT_TRUE(plane.becomes(running, "running"));
  plane.store.set_full(true);
  const auto refused = plane.submit(job("refused"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_EQ(refused.error().message, "the store has no room left");
  plane.engine.end({running, 0, 1}, 0);  // work goes on, and nobody can write down that it ended
  EXPECT_FALSE(plane.submit(job("refused too")));
  EXPECT_EQ(plane.read([](const State& s) { return s.jobs().size(); }), 1u);
  EXPECT_EQ(plane.state_of(running), "running");
  plane.store.set_full(false);
  EXPECT_TRUE(plane.becomes(running, "succeeded"));
  EXPECT_TRUE(plane.submit(job("accepted")));
}

TEST(Controller, ASupersededOneStopsByItself) {
  Plane plane;
  ASSERT_TRUE(plane.store.lead());  // another took the lead
  EXPECT_FALSE(plane.submit(job("late")));
  plane.controller->wait();
  ASSERT_TRUE(plane.controller->failure());
  EXPECT_EQ(plane.controller->failure()->code, Code::superseded);
}

TEST(Controller, ALaunchThatFailsIsTriedAgainLater) {
  Plane plane;
  plane.engine.refuse_launches(true);
  const JobId id = *plane.submit(job("a"));
  ASSERT_TRUE(plane.becomes(id, "recovering"));
  const std::string reason =
      plane.read([&](const State& s) { return s.find(id)->job.tasks.note(0).reason; });
  EXPECT_EQ(reason, "could not be launched: the machine has no room");
}

TEST(Controller, AReplicaIsReadyWhenItAnswersAndReplacedWhenItNoLongerDoes) {
  Plane plane;
  JobSpec serve = job("chat");
  serve.kind = Kind::serve;
  serve.service = Service{};
  serve.service->probe.interval = 10ms;
  serve.service->probe.failures_max = 2;
  const JobId id = *plane.submit(serve);
  ASSERT_TRUE(plane.becomes(id, "starting"));
  plane.answers = true;
  ASSERT_TRUE(plane.becomes(id, "running"));
  plane.answers = false;
  ASSERT_TRUE(plane.becomes(id, "starting"));
  plane.answers = true;
  ASSERT_TRUE(plane.becomes(id, "running"));
  EXPECT_EQ(plane.engine.launches(), 2u);
}

TEST(Controller, WithoutItsLeaseNothingIsAcceptedOrDoneUntilItHoldsAgain) {
  Plane plane;
  plane.lease = Code::unavailable;
  EXPECT_EQ(plane.submit(job("a")).error(), (Error{Code::unavailable, "the lease is gone"}));
  EXPECT_EQ(plane.engine.launches(), 0u);
  plane.lease = Code::invalid;
  Result<JobId> id = fail(Code::unavailable, "");
  for (const auto until = std::chrono::steady_clock::now() + 10s;
       !id && std::chrono::steady_clock::now() < until;) {
    id = plane.submit(job("b"));
  }
  ASSERT_TRUE(id);
  EXPECT_TRUE(plane.becomes(*id, "running"));
}

TEST(Controller, EndsWhenAnotherHasItsLease) {
  Plane plane;
  plane.lease = Code::superseded;
  EXPECT_FALSE(plane.submit(job("a")));
  plane.controller->wait();
  EXPECT_EQ(plane.controller->failure(), (Error{Code::superseded, "the lease is gone"}));
  EXPECT_EQ(plane.engine.launches(), 0u);
}

// The same store, led from another machine: its engine knows nothing of what runs here.
TEST(Controller, APoolOfAnotherMachineIsOutOfReachUntilThatLeadsAgain) {
  Plane a;
  a.name_ = "a";
  a.start();
  const JobId id = *a.submit(job("stays"));
  ASSERT_TRUE(a.becomes(id, "running"));
  a.controller->stop();

  MemoryEngine elsewhere;
  Controller b(ControllerParts{a.store,
                               {{"local", &elsewhere}},
                               a.clock,
                               a.secrets,
                               nullptr,
                               [](const std::string&) {},
                               Rhythm{},
                               "b"});
  ASSERT_TRUE(b.start());
  std::promise<Result<void>> accepted;
  b.submit(Submit{{job("waits")}, {}, ""}, [&](Result<Accepted> done) {
    accepted.set_value(done ? Result<void>() : Result<void>(fail(done.error())));
  });
  ASSERT_TRUE(accepted.get_future().get());
  std::promise<void> looked;
  b.read([&](const State& state, Timestamp) {
    EXPECT_EQ(state.find(id)->job.state, JobState::running);
    EXPECT_EQ(state.find_by_name("waits")->job.state, JobState::pending);
    const auto& nodes = state.find_pool("here")->nodes;
    ASSERT_EQ(nodes.size(), 1u);
    EXPECT_EQ(nodes[0].by, by_lead);
    EXPECT_EQ(nodes[0].reason, "Away: a, which has it, does not lead");
    const std::string said = explain(state, *state.find(id), {}).headline;
    EXPECT_TRUE(
        said.ends_with("; here is out of reach (Away: a, which has it, does not lead), "
                       "and what it does there is not known"))
        << said;
    looked.set_value();
  });
  looked.get_future().wait();
  b.stop();
  EXPECT_EQ(elsewhere.launches(), 0u);

  a.start();
  a.engine.end({id, 0, 1}, 0);
  EXPECT_TRUE(a.becomes(id, "succeeded"));
  EXPECT_EQ(a.engine.launches(), 2u);  // and what waited
}

TEST(Controller, NumbersOfJobsThatTheStoreHasForgottenAreNotGivenAgain) {
  Plane a;
  a.last_job_ = JobId{41};
  a.start();
  EXPECT_EQ(a.submit(job("new"))->value, 42u);
}

// What an engine says of a pool's nodes, and what becomes of it.
TEST(Nodes, AnEngineChangesOnlyWhatItSaidItself) {
  PoolRecord record;
  record.pool.name = "lab";
  record.pool.nodes = 8;
  record.nodes = {{"lab", {{0, 0}}, NodeState::cordoned, "fans", {}, ""},
                  {"lab", {{1, 1}}, NodeState::down, "Slurm: drained, disk", {}, "slurm"},
                  {"lab", {{2, 2}}, NodeState::down, "Slurm: down", {}, "slurm"},
                  {"lab", {{3, 3}}, NodeState::cordoned, "", {}, ""}};
  record.loads = {{"lab", 4, {1'000, 0, {}}}, {"lab", 5, {2'000, 0, {0}}}};
  const std::vector<NodeReport> reports = {{0, NodeState::down, "Slurm: down", {}},
                                           {1, NodeState::draining, "Slurm: drained, disk", {}},
                                           {5, NodeState::up, "", {2'000, 0, {0}}},
                                           {6, NodeState::down, "Slurm: down", {}},
                                           {7, NodeState::down, "Slurm: down", {500, 0, {}}}};
  std::vector<Input> inputs;
  compare_nodes(record, "slurm", reports, inputs);
  std::vector<std::string> said;
  for (const Input& input : inputs) {
    if (const auto* load = std::get_if<LoadNode>(&input)) {
      said.push_back(fmt::format("{} loaded {}", load->node, load->load.cpus_milli));
    } else if (const auto* change = std::get_if<ChangeNodes>(&input)) {
      said.push_back(fmt::format("{} {} '{}'", format_node_ranges(change->nodes),
                                 name(change->state), change->reason));
    }
  }
  // 0 and 3 people have taken out; 1 is as it was; nobody complains about 2 any more.
  EXPECT_EQ(said, (std::vector<std::string>{"7 loaded 500", "4 loaded 0", "2 up ''",
                                            "6-7 down 'Slurm: down'"}));
}

TEST(Controller, ASnapshotAndTheFactsAfterItGiveTheSameState) {
  Plane plane;
  Fleet fleet{{plane.read([](const State& s) { return s.find_pool("here")->pool; })}, {}, {}, {}};
  fleet.queues = {Queue{.name = "default", .guarantee_ppm = 300'000}};
  fleet.scheduling.ageing = 2h;
  fleet.reservations = {AdvanceReservation{.name = "r", .pool = "here", .where = {{0, 0}}}};
  ASSERT_TRUE(plane.give(DefineFleet{fleet}));
  ASSERT_TRUE(plane.give(ChangeNodes{"here", {}, NodeState::cordoned, "fans"}));
  ASSERT_TRUE(plane.give(LoadNode{"here", 0, {.cpus_milli = 1}}));
  for (int i = 0; i < 1'500; ++i) {  // enough facts for a snapshot, and some more
    const JobId id = *plane.submit(job("j" + std::to_string(i)));
    ASSERT_TRUE(plane.give(Cancel{id, "enough"}));
  }
  plane.controller->stop();
  State replayed;
  for (const Fact& fact : plane.store.facts()) replayed.apply(fact);
  const auto loaded = load_state(plane.store);
  ASSERT_TRUE(loaded);
  EXPECT_LT(loaded->facts, plane.store.facts().size());
  EXPECT_EQ(loaded->state.digest(), replayed.digest());
  EXPECT_EQ(loaded->state.queues(), fleet.queues);
  EXPECT_EQ(loaded->state.scheduling(), fleet.scheduling);
}

}  // namespace
}  // namespace mohona

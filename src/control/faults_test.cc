// What engines, secrets and probes may do wrong, one call at a time: it throws, it does not return,
// it says nonsense. Whatever it is, questions are answered, other work runs, and the end is an end.
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

#include "control/controller.h"
#include "engine/memory/memory_engine.h"
#include "model/names.h"
#include "store/memory/memory_store.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

enum class Call { none, launch, stop, observe, changes, forget, list, nodes, secrets, probe };
enum class Fault { throws, hangs, garbage, refuses };

// Where a call waits until the test lets it go.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    wake_.wait(lock, [this] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    wake_.notify_all();
  }
  bool anybody() {
    const std::lock_guard lock(mutex_);
    return waiting_ > 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool open_ = false;
  int waiting_ = 0;
};

struct Plan {
  std::atomic<Call> call = Call::none;
  std::atomic<Fault> fault = Fault::throws;
  Gate gate;

  // Nothing: the call goes on as usual.
  std::optional<Error> meet(Call at) {
    if (call != at) return std::nullopt;
    if (fault == Fault::throws) throw std::out_of_range("planted");
    if (fault == Fault::hangs) gate.wait();
    if (fault == Fault::refuses) return Error{Code::invalid, "it is \x1b[31mnot to be had\xff"};
    return std::nullopt;
  }
  bool lies(Call at) const { return call == at && fault == Fault::garbage; }
};

class FaultyEngine : public MemoryEngine {
 public:
  explicit FaultyEngine(Plan& plan) : plan_(plan) {}

  Result<void> launch(const Launch& launch) override {
    if (auto e = plan_.meet(Call::launch)) return fail(*e);
    return MemoryEngine::launch(launch);
  }
  Result<void> stop(const AttemptId& attempt, const Stop& stop) override {
    if (auto e = plan_.meet(Call::stop)) return fail(*e);
    return MemoryEngine::stop(attempt, stop);
  }
  Result<std::vector<Report>> observe() override {
    if (auto e = plan_.meet(Call::observe)) return fail(*e);
    return plan_.lies(Call::observe) ? nonsense(MemoryEngine::observe()) : MemoryEngine::observe();
  }
  Result<std::vector<Report>> changes() override {
    if (auto e = plan_.meet(Call::changes)) return fail(*e);
    return plan_.lies(Call::changes) ? nonsense(MemoryEngine::observe()) : MemoryEngine::observe();
  }
  Result<void> forget(const AttemptId& attempt) override {
    if (auto e = plan_.meet(Call::forget)) return fail(*e);
    return MemoryEngine::forget(attempt);
  }
  Result<std::vector<std::string>> list_shards(const Job& job,
                                               const std::vector<NeededJob>& needs) override {
    if (auto e = plan_.meet(Call::list)) return fail(*e);
    if (plan_.lies(Call::list)) return std::vector<std::string>{"fine", "\xff\xfe"};
    return MemoryEngine::list_shards(job, needs);
  }
  std::optional<std::vector<NodeReport>> nodes(const Pool&) override {
    if (plan_.meet(Call::nodes)) return std::nullopt;
    if (!plan_.lies(Call::nodes)) return std::nullopt;
    return std::vector<NodeReport>{
        {-1, NodeState::down, "before the first", {}},
        {1'000'000'000, NodeState::down, "\xff", {}},
        {0, NodeState::up, std::string(100'000, '\x1b'), {-5, -5, {-1}}}};
  }

 private:
  // What is true, and around it what nobody can have meant.
  static Result<std::vector<Report>> nonsense(Result<std::vector<Report>> reports) {
    for (Report& report : *reports) {
      report.port = -1;
      report.started_at = Timestamp::max();
      StepsReport steps;
      steps.done = -7;
      steps.total = INT64_MIN;
      steps.metrics.assign(1'000, {"\xff", "\x1b[2J"});
      report.steps = Box<StepsReport>(steps);
      report.outcome.detail = std::string(1'000'000, '\xff');
    }
    Report odd;
    odd.phase = static_cast<Phase>(77);
    reports->push_back(odd);
    odd.attempt = {JobId{UINT64_MAX}, UINT32_MAX, UINT32_MAX};
    odd.phase = Phase::ended;
    odd.outcome = Outcome{static_cast<End>(99), INT64_MIN, true, "\xff"};
    reports->push_back(odd);
    odd.phase = Phase::running;
    reports->push_back(odd);
    reports->push_back(odd);
    return reports;
  }

  Plan& plan_;
};

class FaultySecrets : public NoSecrets {
 public:
  explicit FaultySecrets(Plan& plan) : plan_(plan) {}
  Result<Variables> read(const std::string&) override {
    if (auto e = plan_.meet(Call::secrets)) return fail(*e);
    if (plan_.lies(Call::secrets)) return Variables{{"\xff", std::string(1'000'000, '\0')}};
    return Variables{{"KEY", "value"}};
  }

 private:
  Plan& plan_;
};

JobSpec job(const std::string& name, const std::string& pool) {
  JobSpec spec;
  spec.name = name;
  spec.run = "true";
  spec.resources.choices.front().cloud = pool;
  return spec;
}

// Two engines: the one that fails, and one beside it.
class Faults : public testing::TestWithParam<std::tuple<Call, Fault>> {
 protected:
  void SetUp() override {
    controller_ = std::make_unique<Controller>(
        ControllerParts{store_,
                        {{"faulty", &faulty_}, {"sound", &sound_}},
                        clock_,
                        secrets_,
                        [this](const std::string&, std::int64_t, const ReadinessProbe&, Duration,
                               std::function<void(bool)> answered) {
                          if (plan_.call == Call::probe && plan_.fault == Fault::throws) {
                            throw std::runtime_error("planted");
                          }
                          if (plan_.call == Call::probe && plan_.fault == Fault::hangs)
                            return;  // says nothing
                          answered(true);
                          if (plan_.lies(Call::probe)) answered(false), answered(true);
                        },
                        [this](const std::string& line) {
                          const std::lock_guard lock(said_mutex_);
                          said_.push_back(line);
                        },
                        Rhythm{100ms, 4'096}});
    ASSERT_TRUE(controller_->start());
    Fleet fleet;
    for (const char* name : {"faulty", "sound"}) {
      Pool pool;
      pool.name = pool.cloud = pool.engine = name;
      pool.shape.cpus_milli = 8'000;
      pool.nodes = 1;
      pool.share_nodes = true;
      fleet.pools.push_back(pool);
    }
    std::promise<void> defined;
    controller_->submit(DefineFleet{fleet}, [&](Result<Accepted> accepted) {
      EXPECT_TRUE(accepted);
      defined.set_value();
    });
    defined.get_future().get();
  }
  void TearDown() override {
    plan_.gate.open();
    controller_.reset();
  }

  JobId submit(JobSpec spec, const std::string& secrets = "") {
    std::promise<JobId> id;
    controller_->submit(Submit{{std::move(spec)}, {secrets}, ""}, [&](Result<Accepted> accepted) {
      EXPECT_TRUE(accepted) << accepted.error().message;
      id.set_value(accepted ? std::get<JobSubmitted>(accepted->facts[0]).job : JobId{});
    });
    return id.get_future().get();
  }

  // A question, as `mohona ls` asks it, and how long its answer takes at most.
  std::string state_of(JobId id) {
    const auto begin = std::chrono::steady_clock::now();
    auto answer = std::make_shared<std::promise<std::string>>();
    auto future = answer->get_future();
    controller_->read([id, answer](const State& state, Timestamp) {
      const Job& found = state.find(id)->job;
      answer->set_value(std::string(name(found.state)) + ": " + *found.reason);
    });
    if (future.wait_for(5s) != std::future_status::ready) return "no answer";
    slowest_ = std::max(slowest_, std::chrono::steady_clock::now() - begin);
    return future.get();
  }
  bool becomes(JobId id, const std::string& state, std::chrono::seconds within = 10s) {
    for (const auto until = std::chrono::steady_clock::now() + within;
         std::chrono::steady_clock::now() < until;) {
      if (state_of(id).starts_with(state)) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }

  Plan plan_;
  FaultyEngine faulty_{plan_};
  MemoryEngine sound_;
  MemoryStore store_;
  SystemClock clock_;
  FaultySecrets secrets_{plan_};
  std::mutex said_mutex_;
  std::vector<std::string> said_;
  std::chrono::steady_clock::duration slowest_{0};
  std::unique_ptr<Controller> controller_;
};

TEST_P(Faults, QuestionsAreAnsweredAndOtherWorkRunsAndTheEndIsAnEnd) {
  const auto [call, fault] = GetParam();
  plan_.fault = fault;
  const bool at_once = call != Call::stop && call != Call::forget;
  if (at_once) plan_.call = call;

  JobSpec spec = job("hit", "faulty");
  if (call == Call::list) {
    spec.kind = Kind::data;
    Shards shards;
    shards.globs = {"*.txt"};
    spec.shards = Box<Shards>(shards);
  }
  if (call == Call::probe) {
    spec.kind = Kind::serve;
    spec.service = Box<Service>(Service{});
  }
  const JobId hit = submit(spec, call == Call::secrets ? "file" : "");
  std::this_thread::sleep_for(300ms);
  plan_.call = call;
  if (call == Call::stop || call == Call::forget) {
    controller_->submit(Cancel{hit, "asked"}, nullptr);
  }
  std::this_thread::sleep_for(300ms);

  const JobId other = submit(job("other", "sound"));
  EXPECT_TRUE(becomes(other, "running")) << state_of(other);
  sound_.end({other, 0, 1}, 0);
  EXPECT_TRUE(becomes(other, "succeeded")) << state_of(other);
  EXPECT_NE(state_of(hit), "no answer");
  EXPECT_LT(slowest_, 1s);

  if (fault != Fault::hangs) {
    // What can never work has an end, with the reason; the rest goes on once the fault is gone.
    if (call == Call::launch || call == Call::list || call == Call::secrets) {
      if (fault == Fault::throws) {
        EXPECT_TRUE(becomes(hit, "failed")) << state_of(hit);
        EXPECT_NE(state_of(hit).find("planted"), std::string::npos) << state_of(hit);
      }
      if (fault == Fault::refuses) {
        EXPECT_TRUE(becomes(hit, "failed")) << state_of(hit);
        EXPECT_NE(state_of(hit).find("it is ?[31mnot to be had?"), std::string::npos)
            << state_of(hit);
      }
    }
    plan_.call = Call::none;
    const JobId later = submit(job("later", "faulty"));
    EXPECT_TRUE(becomes(later, "running")) << state_of(later);
    faulty_.end({later, 0, 1}, 0);
    EXPECT_TRUE(becomes(later, "succeeded")) << state_of(later);
  }
  const auto begin = std::chrono::steady_clock::now();
  controller_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_FALSE(controller_->failure()) << controller_->failure()->message;
}

std::string case_name(const testing::TestParamInfo<std::tuple<Call, Fault>>& info) {
  constexpr std::array calls = {"none",   "launch", "stop",  "observe", "changes",
                                "forget", "list",   "nodes", "secrets", "probe"};
  constexpr std::array faults = {"Throws", "Hangs", "SaysNonsense", "Refuses"};
  return std::string(calls[static_cast<std::size_t>(std::get<0>(info.param))]) +
         faults[static_cast<std::size_t>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(Every, Faults,
                         testing::Combine(testing::Values(Call::launch, Call::stop, Call::observe,
                                                          Call::changes, Call::forget, Call::list,
                                                          Call::nodes, Call::secrets, Call::probe),
                                          testing::Values(Fault::throws, Fault::hangs,
                                                          Fault::garbage, Fault::refuses)),
                         case_name);

// --- inputs that the core cannot take
// -----------------------------------------------------------------------------

// Nothing that the core accepts makes it fail today, so a store plants the exception where a bug in
// the core would throw: before anything is durable.
class PoisonedStore : public MemoryStore {
 public:
  std::atomic<bool> no_placements = false;

  Result<void> append(const Facts& facts, Epoch epoch) override {
    for (const Fact& fact : facts) {
      if (no_placements && std::holds_alternative<AttemptPlaced>(fact)) {
        throw std::logic_error("planted");
      }
    }
    for (const Fact& fact : facts) {
      const auto* submitted = std::get_if<JobSubmitted>(&fact);
      if (submitted && submitted->spec.name == "poison") throw std::logic_error("planted");
    }
    return MemoryStore::append(facts, epoch);
  }
};

TEST(Isolation, OnlyTheInputThatMakesTheCoreFailIsRefused) {
  PoisonedStore store;
  MemoryEngine engine;
  SystemClock clock;
  NoSecrets secrets;
  std::vector<std::string> said;
  Controller controller(
      {store, {{"local", &engine}}, clock, secrets, nullptr, [&](const std::string& line) {
         said.push_back(line);
       }});
  ASSERT_TRUE(controller.start());
  std::mutex mutex;
  std::map<std::string, std::string> answers;
  std::atomic<int> answered = 0;
  // One batch or several, as it comes: the others of a batch must not suffer.
  for (const char* name : {"a", "poison", "b", "poison", "c"}) {
    JobSpec spec;
    spec.name = name;
    spec.run = "true";
    controller.submit(Submit{{spec}, {}, ""}, [&, name](Result<Accepted> accepted) {
      const std::lock_guard lock(mutex);
      answers[name] = accepted ? "accepted" : accepted.error().message;
      ++answered;
    });
  }
  for (int i = 0; i < 1'000 && answered < 5; ++i) std::this_thread::sleep_for(5ms);
  const std::string refused =
      "this request made the controller fail; nothing has changed. Please report it: planted";
  EXPECT_EQ(answers,
            (std::map<std::string, std::string>{
                {"a", "accepted"}, {"b", "accepted"}, {"c", "accepted"}, {"poison", refused}}));
  std::promise<std::vector<std::string>> names;
  controller.read([&](const State& state, Timestamp) {
    std::vector<std::string> out;
    for (const auto& [id, entry] : state.jobs()) out.push_back(entry.job.spec->name);
    names.set_value(out);
  });
  EXPECT_EQ(names.get_future().get(), (std::vector<std::string>{"a", "b", "c"}));
  controller.stop();
  EXPECT_FALSE(controller.failure());
}

TEST(Isolation, AStateThatMakesTheCoreFailSuspendsAndEndsNothing) {
  PoisonedStore store;
  MemoryEngine engine;
  SystemClock clock;
  NoSecrets secrets;
  Controller controller(
      {store, {{"local", &engine}}, clock, secrets, nullptr, [](const std::string&) {}});
  ASSERT_TRUE(controller.start());
  const auto give = [&](Input input) {
    std::promise<Result<void>> done;
    controller.submit(std::move(input), [&](Result<Accepted> accepted) {
      done.set_value(accepted ? Result<void>() : Result<void>(fail(accepted.error())));
    });
    return done.get_future().get();
  };
  JobSpec spec;
  spec.name = "waits";
  spec.run = "true";
  ASSERT_TRUE(give(Submit{{spec}, {}, ""}));
  store.no_placements = true;
  Pool pool;
  pool.name = pool.cloud = "here";
  pool.shape.cpus_milli = 4'000;
  pool.nodes = 1;
  const auto refused = give(DefineFleet{{{pool}, {}, {}, {}}});  // the job would be placed now
  ASSERT_FALSE(refused);
  // That input was the cause, so others are taken.
  EXPECT_TRUE(give(Submit{{spec}, {}, ""}));
  EXPECT_FALSE(controller.failure());
  store.no_placements = false;
  EXPECT_TRUE(give(DefineFleet{{{pool}, {}, {}, {}}}));
  for (int i = 0; i < 1'000 && engine.running().size() < 2; ++i) {
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(engine.running().size(), 2u);
  // Now nothing that is asked is the cause: an end that frees room leads to a placement.
  ASSERT_TRUE(give(Submit{{spec, spec, spec, spec}, {}, ""}));
  store.no_placements = true;
  engine.end(engine.running().front(), 0);
  std::this_thread::sleep_for(100ms);
  std::promise<std::size_t> jobs;
  controller.read([&](const State& state, Timestamp) { jobs.set_value(state.jobs().size()); });
  EXPECT_EQ(jobs.get_future().get(), 6u);
  EXPECT_FALSE(controller.failure());
  controller.stop();
}

}  // namespace
}  // namespace mohona

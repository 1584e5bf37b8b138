// The promise of engine.h, kept by every implementation.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <signal.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "engine/local/local_engine.h"
#include "engine/memory/memory_engine.h"
#include "engine/slurm/slurm_engine.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

// An engine, and how a test makes work end by itself there.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Engine& engine() = 0;
  virtual void restart() {}  // the controller's process ends and another takes over
  virtual void end(const AttemptId& attempt, int code) = 0;
  virtual void progress(const AttemptId& attempt, std::int64_t done, std::int64_t total) = 0;
  virtual std::string script() const { return ""; }
  virtual const Pool* pool() { return nullptr; }
};

class MemorySubject : public Subject {
 public:
  Engine& engine() override { return engine_; }
  void end(const AttemptId& attempt, int code) override { engine_.end(attempt, code); }
  void progress(const AttemptId& attempt, std::int64_t done, std::int64_t total) override {
    engine_.progress(attempt, {done, total, {{"loss", "2.5"}}, {}});
  }

 private:
  MemoryEngine engine_;
};

// Work that ends with the code that it finds in a file, and passes on what it finds in another.
class FilesSubject : public Subject {
 public:
  FilesSubject() {
    home_ = testing::TempDir() + "mohona-engine-" + std::to_string(getpid());
    std::filesystem::remove_all(home_);
    std::filesystem::create_directories(home_);
  }
  ~FilesSubject() override { std::filesystem::remove_all(home_); }
  Engine& engine() override { return *engine_; }
  void end(const AttemptId& attempt, int code) override {
    say(to_string(attempt), std::to_string(code));
  }
  void progress(const AttemptId& attempt, std::int64_t done, std::int64_t total) override {
    say(to_string(attempt) + ".steps", fmt::format("{}/{} loss=2.5\n", done, total));
  }
  std::string script() const override {
    const std::string steps = home_ + "/$MOHONA_ATTEMPT.steps";
    return "pass_on() { [ -e " + steps + " ] && mv " + steps + " $MOHONA_PROGRESS; }\n" +
           "while ! [ -e " + home_ + "/$MOHONA_ATTEMPT ]; do pass_on; sleep 0.02; done\n" +
           "pass_on\nexit $(cat " + home_ + "/$MOHONA_ATTEMPT)\n";
  }

 protected:
  void say(const std::string& name, const std::string& text) {
    std::ofstream(home_ + "/" + name + ".tmp") << text;
    std::filesystem::rename(home_ + "/" + name + ".tmp", home_ + "/" + name);
  }

  std::string home_;
  std::unique_ptr<Engine> engine_;
};

class LocalSubject : public FilesSubject {
 public:
  LocalSubject() { restart(); }
  ~LocalSubject() override { engine_.reset(); }
  void restart() override {
    engine_.reset();
    engine_ = std::move(*make_local_engine({home_, MOHONA_BINARY_DIR "/bin/mohona-supervisor"}));
  }
};

// The same work as jobs of the Slurm cluster that MOHONA_SLURM names.
class SlurmSubject : public FilesSubject {
 public:
  SlurmSubject() { restart(); }
  ~SlurmSubject() override { engine_.reset(); }
  void restart() override {
    engine_.reset();
    engine_ = std::move(*make_slurm_engine({home_, MOHONA_BINARY_DIR "/bin/mohona-supervisor"}));
  }
  const Pool* pool() override { return &pool_; }

 private:
  static Pool make_pool() {
    Pool pool;
    pool.name = "here";
    pool.engine = "slurm";
    pool.engine_options = {{"partition", "batch"},
                           {"conf", std::string(getenv("MOHONA_SLURM")) + "/slurm.conf"}};
    pool.shape.cpus_milli = 16'000;
    pool.shape.memory_mib = 16'000;
    pool.hosts = {"node1", "node2"};
    pool.nodes = 2;
    return pool;
  }
  Pool pool_ = make_pool();
};

bool slurm_is_there() {
  const char* cluster = getenv("MOHONA_SLURM");
  return cluster && std::filesystem::exists(std::string(cluster) + "/slurm.conf");
}

class EngineContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "memory") {
      subject_ = std::make_unique<MemorySubject>();
    } else if (GetParam() == "local") {
      subject_ = std::make_unique<LocalSubject>();
    } else if (slurm_is_there()) {
      subject_ = std::make_unique<SlurmSubject>();
    } else {
      GTEST_SKIP() << "there is no Slurm cluster for tests here";
    }
    listen();
  }
  void TearDown() override {
    if (!subject_) return;
    // Whatever a failed test left running.
    for (const Report& report : reports()) {
      (void)subject_->engine().stop(report.attempt, Stop{"KILL", 0s, 0s, ""});
      wait_for(report.attempt, Phase::ended);
    }
  }

  void listen() {
    subject_->engine().on_change([this] {
      const std::lock_guard lock(mutex_);
      changed_ = true;
      wake_.notify_all();
    });
  }

  Launch launch_of(const AttemptId& id) const {
    auto spec = std::make_shared<JobSpec>();
    spec->name = "work";
    spec->run = subject_->script();
    Launch launch;
    launch.spec = spec;
    launch.attempt.id = id;
    launch.attempt.pool = "here";
    launch.attempt.holdings = {Holding{0, {}}};
    if (const Pool* pool = subject_->pool()) launch.pool = std::make_shared<const Pool>(*pool);
    return launch;
  }

  std::vector<Report> reports() {
    auto reports = subject_->engine().observe();
    EXPECT_TRUE(reports);
    return reports.value_or(std::vector<Report>{});
  }

  std::optional<Report> report_of(const AttemptId& id) {
    for (const Report& report : reports()) {
      if (report.attempt == id) return report;
    }
    return std::nullopt;
  }

  Report wait_for(const AttemptId& id, Phase phase) {
    return wait_for(id, [=](const Report& report) { return report.phase >= phase; });
  }

  // Looks again whenever the engine says that something changed, for twenty seconds at most.
  template <class Holds>
  Report wait_for(const AttemptId& id, Holds holds) {
    for (const auto until = std::chrono::steady_clock::now() + 20s;
         std::chrono::steady_clock::now() < until;) {
      const auto report = report_of(id);
      if (report && holds(*report)) return *report;
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, 500ms, [this] { return changed_; });
      changed_ = false;
    }
    ADD_FAILURE() << "attempt " << to_string(id) << " did not get so far";
    return {};
  }

  std::unique_ptr<Subject> subject_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool changed_ = false;
  const AttemptId id_{JobId{7}, 0, 1};
};

TEST_P(EngineContract, WhatIsLaunchedRunsAndItsEndIsReportedUntilItIsForgotten) {
  ASSERT_TRUE(subject_->engine().launch(launch_of(id_)));
  wait_for(id_, Phase::running);
  subject_->end(id_, 3);
  const Report report = wait_for(id_, Phase::ended);
  EXPECT_EQ(report.outcome, (Outcome{End::exited, 3, false, ""})) << report.outcome.detail;
  EXPECT_TRUE(report_of(id_));
  EXPECT_TRUE(subject_->engine().forget(id_));
  EXPECT_FALSE(report_of(id_));
}

TEST_P(EngineContract, LaunchingAgainIsTheSameAttempt) {
  ASSERT_TRUE(subject_->engine().launch(launch_of(id_)));
  ASSERT_TRUE(subject_->engine().launch(launch_of(id_)));
  wait_for(id_, Phase::running);
  ASSERT_TRUE(subject_->engine().launch(launch_of(id_)));
  EXPECT_EQ(subject_->engine().observe()->size(), 1u);
  subject_->end(id_, 0);
  EXPECT_EQ(wait_for(id_, Phase::ended).outcome.exit_code, 0);
}

TEST_P(EngineContract, StoppingEndsItAndSaysSo) {
  ASSERT_TRUE(subject_->engine().launch(launch_of(id_)));
  wait_for(id_, Phase::running);
  ASSERT_TRUE(subject_->engine().stop(id_, Stop{"TERM", 5s, 5s, "down"}));
  ASSERT_TRUE(subject_->engine().stop(id_, Stop{"TERM", 5s, 5s, "down"}));
  const Report report = wait_for(id_, Phase::ended);
  const int signal = GetParam() == "memory" ? 0 : SIGTERM;
  EXPECT_EQ(report.outcome, (Outcome{End::exited, 143, true, "", signal})) << report.outcome.detail;
}

TEST_P(EngineContract, StoppingWhatIsGoneOrWasNeverThereSucceeds) {
  EXPECT_TRUE(subject_->engine().stop({JobId{99}, 0, 1}, Stop{}));
  ASSERT_TRUE(subject_->engine().launch(launch_of(id_)));
  subject_->end(id_, 0);
  wait_for(id_, Phase::ended);
  EXPECT_TRUE(subject_->engine().stop(id_, Stop{}));
  EXPECT_EQ(report_of(id_)->outcome, Outcome{});
}

TEST_P(EngineContract, AnotherControllerAdoptsWhatRuns) {
  ASSERT_TRUE(subject_->engine().launch(launch_of(id_)));
  wait_for(id_, Phase::running);
  subject_->restart();
  listen();
  EXPECT_EQ(wait_for(id_, Phase::running).phase, Phase::running);
  subject_->end(id_, 5);
  EXPECT_EQ(wait_for(id_, Phase::ended).outcome.exit_code, 5);
}

TEST_P(EngineContract, AnotherControllerLearnsWhatEndedMeanwhile) {
  ASSERT_TRUE(subject_->engine().launch(launch_of(id_)));
  wait_for(id_, Phase::running);
  subject_->end(id_, 5);
  wait_for(id_, Phase::ended);
  subject_->restart();
  EXPECT_EQ(report_of(id_)->outcome.exit_code, 5);
}

// Granted two nodes of four: ranks, sizes, lists and logs are those of two.
TEST_P(EngineContract, AnElasticGangRunsOnTheNodesThatItWasGranted) {
  Launch launch = launch_of(id_);
  auto spec = std::make_shared<JobSpec>(*launch.spec);
  spec->num_nodes = 4;
  spec->min_nodes = 1;
  spec->run =
      "ips=$(echo \"$SKYPILOT_NODE_IPS\" | wc -l)\n"
      "echo $RANK/$WORLD_SIZE $SKYPILOT_NODE_RANK/$SKYPILOT_NUM_NODES/$ips $SLURM_NNODES\n";
  launch.spec = spec;
  launch.attempt.holdings = {Holding{0, {}}, Holding{1, {}}};
  const auto launched = subject_->engine().launch(launch);
  ASSERT_TRUE(launched) << launched.error().message;
  if (GetParam() == "memory") return;  // it runs nothing
  EXPECT_EQ(wait_for(id_, Phase::ended).outcome, Outcome{});
  EXPECT_EQ(subject_->engine().read_log(id_, 0, 0, 1'000)->text, "0/2 0/2/2 2\n");
  EXPECT_EQ(subject_->engine().read_log(id_, 1, 0, 1'000)->text, "1/2 1/2/2 2\n");
  EXPECT_EQ(subject_->engine().read_log(id_, 2, 0, 1'000)->text, "");
}

// Who looks often is told what has changed, not all that runs.
TEST_P(EngineContract, ChangesAreOfWhatHasChanged) {
  if (GetParam() == "memory") GTEST_SKIP() << "it repeats what it knows";
  const AttemptId other{JobId{8}, 0, 1};
  ASSERT_TRUE(subject_->engine().launch(launch_of(id_)));
  ASSERT_TRUE(subject_->engine().launch(launch_of(other)));
  wait_for(id_, Phase::running);
  wait_for(other, Phase::running);
  do {  // what `observe` has told already may come once more
    std::this_thread::sleep_for(200ms);
  } while (!subject_->engine().changes()->empty());
  subject_->end(id_, 4);
  std::vector<Report> seen;
  for (int i = 0; i < 400 && (seen.empty() || seen.back().phase != Phase::ended); ++i) {
    std::this_thread::sleep_for(50ms);
    const auto changed = subject_->engine().changes();
    ASSERT_TRUE(changed);
    seen.insert(seen.end(), changed->begin(), changed->end());
  }
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().outcome.exit_code, 4);
  for (const Report& report : seen) EXPECT_EQ(report.attempt, id_);
  EXPECT_TRUE(subject_->engine().changes()->empty());
  subject_->end(other, 0);
  wait_for(other, Phase::ended);
}

TEST_P(EngineContract, WhatWorkSaysOfItsStepsIsReportedAndTheLastWithItsEnd) {
  ASSERT_TRUE(subject_->engine().launch(launch_of(id_)));
  EXPECT_FALSE(wait_for(id_, Phase::running).steps);
  subject_->progress(id_, 3, 10);
  const auto has_steps = [](const Report& r) { return r.steps.has_value(); };
  const Report report = wait_for(id_, has_steps);
  EXPECT_EQ(report.steps->done, 3);
  EXPECT_EQ(report.steps->total, 10);
  EXPECT_EQ(report.steps->metrics, (Metrics{{"loss", "2.5"}}));
  subject_->restart();
  listen();
  if (GetParam() != "memory") {  // another controller reads it anew
    EXPECT_EQ(wait_for(id_, has_steps).steps->done, 3);
  }
  subject_->progress(id_, 10, 10);
  subject_->end(id_, 0);
  EXPECT_EQ(wait_for(id_, Phase::ended).steps->done, 10);
}

INSTANTIATE_TEST_SUITE_P(Every, EngineContract, testing::Values("memory", "local", "slurm"),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace mohona

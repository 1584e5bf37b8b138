// Random job files through the real controller over the virtual engine: it never fails, every file
// is accepted or refused with a reason, and every job that was accepted ends, runs as a service
// does, or has an explanation that is true: what it lacks, once it is there, makes it run.
// MOHONA_CASES says how many files (2,000 if not said).
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/audit/audit.h"
#include "core/explain.h"
#include "sim/checker.h"
#include "sim/simulation.h"
#include "spec/fleet_file.h"
#include "spec/job_file.h"
#include "spec/random_job_file.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t files_a_world = 100;
const Timestamp begin = *parse_timestamp("2026-12-01T00:00:00Z");

// What the generator chooses from, and not all of it: some jobs fit nowhere.
constexpr const char* fleet_text = R"(
pools:
- {name: hall, cloud: local, region: here, shape: {name: big, cpus: 64, memory: 256GB, accelerators: H100:8}, nodes: 8, purchase: reserved, features: [ib], topology: {leaf: 4}}
- {name: spot, cloud: aws, region: us-east-1, shape: {cpus: 16, memory: 64GB, accelerators: A100:4}, nodes: 4, purchase: spot, price: 1.10}
- {name: cores, cloud: gcp, region: us-central1, shape: {cpus: 32, memory: 128GB}, nodes: 4, price: 0.90}
- {name: shared, cloud: local, region: here, shape: {cpus: 64, memory: 128GB}, nodes: 1, share_nodes: true, purchase: reserved}
queues:
- {name: default, weight: 1}
- {name: research, weight: 2}
- {name: prod, weight: 3}
- {name: prod.a, parent: prod, weight: 1}
)";

std::uint64_t cases() {
  const char* said = std::getenv("MOHONA_CASES");
  return said ? std::strtoull(said, nullptr, 10) : 2'000;
}

class World {
 public:
  explicit World(std::uint64_t seed) : seed_(seed) {
    SimulationSetup setup;
    const auto fleet = parse_fleet_file({"fleet.yaml", fleet_text, "/"});
    if (!fleet) throw std::runtime_error(fleet.error().message);
    setup.fleet = fleet_ = *fleet;
    setup.begin = begin;
    setup.rhythm = {24h, 512};
    setup.keep_journal = true;
    simulation_ = std::make_unique<Simulation>(std::move(setup));
    checker_.attach(*simulation_);
  }

  void run() {
    const RandomJobFileOptions options{.small = true, .may_be_damaged = true};
    for (std::uint64_t i = 0; i < files_a_world; ++i) {
      const RandomJobFile file = random_job_file(seed_ * files_a_world + i, options);
      const auto jobs = parse_job_file({file.name, file.text, "/nowhere", false});
      if (jobs) submit(file, *jobs, begin + i * 7min);
    }
    simulation_->run(begin + 24h);
    simulation_->restart();
    simulation_->run(begin + 60 * 24h);
    for (const auto& [id, file] : submitted_) expect_end_or_reason(id, file);
    give_what_is_lacking();
    simulation_->run(begin + 120 * 24h);
    for (const auto& [id, file] : submitted_) expect_true_reason(id, file);
    simulation_->give(CancelAll{"the end"});
    simulation_->run(begin + 121 * 24h);
    for (const auto& [id, file] : submitted_) {
      const Job& job = simulation_->state().find(id)->job;
      EXPECT_TRUE(is_terminal(job.state)) << file;
    }
    checker_.at_end();
    for (const Violation& v : checker_.auditor().violations()) {
      // That one is about the arrivals of a workload; these jobs are given from outside.
      if (v.rule != Rule::findable) ADD_FAILURE() << to_string(v);
    }
  }

  std::size_t accepted() const { return submitted_.size(); }
  std::size_t stuck() const { return stuck_.size(); }

 private:
  void submit(const RandomJobFile& file, const std::vector<Submission>& jobs, Timestamp at) {
    Submit input;
    input.key = file.name;
    for (const Submission& job : jobs) {
      input.jobs.push_back(job.spec);
      input.secrets.emplace_back();
    }
    simulation_->at(at, [this, input, text = file.text, key = file.name] {
      simulation_->give(input, [this, text, key](Result<Accepted> accepted) {
        if (!accepted) {
          EXPECT_EQ(accepted.error().code, Code::invalid) << accepted.error().message << text;
          EXPECT_NE(accepted.error().message, "");
          return;
        }
        for (const Fact& fact : accepted->facts) {
          const auto* one = std::get_if<JobSubmitted>(&fact);
          if (!one) continue;
          submitted_[one->job] = text;
          Behaviour does;
          does.runs = (one->job.value % 7) * 11min;
          does.exit_code = one->job.value % 5 == 0 ? 3 : 0;
          does.keeps_on_stop = true;
          simulation_->engine().describe(one->job, does);
        }
      });
    });
  }

  std::string explanation(JobId id) {
    const auto why =
        explain(simulation_->state(), *simulation_->state().find(id), simulation_->now());
    std::string text = why.headline;
    for (const PoolExplanation& pool : why.pools) {
      text += fmt::format("\n  {} {}", pool.pool, pool.why);
    }
    return text;
  }

  void expect_end_or_reason(JobId id, const std::string& file) {
    const Job& job = simulation_->state().find(id)->job;
    if (is_terminal(job.state)) {
      if (job.state != JobState::succeeded) {
        EXPECT_FALSE(job.reason->empty()) << file;
      }
      return;
    }
    if (job.spec->kind == Kind::serve) return;  // it ends when it is cancelled
    stuck_.insert(id);
    EXPECT_EQ(simulation_->state().find(id)->live, 0u) << file;  // work ends within the time
    EXPECT_NE(explanation(id), "") << file;
  }

  // For each job that waits, machines as its first choice wants them.
  void give_what_is_lacking() {
    Fleet fleet = fleet_;
    fleet.queues.clear();
    for (Queue queue : fleet_.queues) fleet.queues.push_back(queue);
    for (const JobId id : stuck_) {
      const JobSpec& spec = *simulation_->state().find(id)->job.spec;
      const Choice& choice = spec.resources.choices.front();
      Pool pool;
      pool.name = "for-" + to_string(id);
      pool.cloud = choice.cloud->empty() ? "any" : *choice.cloud;
      pool.region = *choice.region;
      pool.zone = *choice.zone;
      pool.shape = {choice.instance_type->empty() ? "any" : *choice.instance_type, 1'000'000,
                    1 << 30, choice.demand.gpu, 64};
      if (choice.demand.gpu.empty() && choice.demand.gpus == 0) pool.shape.gpus = 0;
      pool.nodes = std::max<std::int64_t>(spec.num_nodes, 64);
      pool.purchase = choice.use_spot ? Purchase::spot : Purchase::on_demand;
      pool.topology = {64, 64, 64};
      for (const std::string& feature : spec.features) pool.features.push_back({feature, {}});
      fleet.pools.push_back(pool);
    }
    simulation_->give(DefineFleet{fleet}, [](Result<Accepted> accepted) {
      EXPECT_TRUE(accepted) << accepted.error().message;
    });
  }

  void expect_true_reason(JobId id, const std::string& file) {
    if (!stuck_.contains(id)) return;
    const JobEntry& entry = *simulation_->state().find(id);
    if (is_terminal(entry.job.state)) return;
    // Others than machines may be what it waits for, and then the explanation says so.
    const std::string why = explanation(id);
    const bool waits_for_others = !entry.job.needs.empty();
    const bool waits_for_reservation = !entry.job.spec->reservation->empty();
    EXPECT_TRUE(waits_for_others || waits_for_reservation)
        << "has all that it asks for and does not run\n"
        << file << "\n"
        << why;
  }

  std::uint64_t seed_;
  Fleet fleet_;
  Checker checker_;
  std::unique_ptr<Simulation> simulation_;
  std::map<JobId, std::string> submitted_;
  std::set<JobId> stuck_;
};

TEST(RandomFiles, EveryJobEndsOrSaysTrulyWhyNot) {
  std::size_t accepted = 0, stuck = 0;
  for (std::uint64_t world = 0; world * files_a_world < cases(); ++world) {
    SCOPED_TRACE(fmt::format("world {}", world));
    World one(world);
    one.run();
    accepted += one.accepted();
    stuck += one.stuck();
    if (HasFailure()) break;
  }
  EXPECT_GT(accepted, cases() / 3);
  EXPECT_GT(stuck, 0u);  // else nothing was asked of `explain`
}

}  // namespace
}  // namespace mohona

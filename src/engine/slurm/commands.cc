// A cluster by Slurm's own commands: sbatch, squeue, scontrol, scancel, sacct.
#include <algorithm>

#include "base/text.h"
#include "engine/slurm/cluster.h"
#include "engine/slurm/command.h"
#include "engine/slurm/words.h"

namespace mohona::slurm {
namespace {

using namespace std::chrono_literals;

// Slurm's own patience with its controller (MessageTimeout) is 10 seconds where nobody changes it.
constexpr auto answer_within = 30s;

// Words of refusals that pass: nothing is wrong with what was asked.
constexpr std::array<std::string_view, 6> passing = {
    "Unable to contact slurm controller", "Socket timed out",   "temporarily unable to accept job",
    "Zero Bytes were transmitted",        "Connection refused", "in standby mode"};

class CommandCluster : public Cluster {
 public:
  explicit CommandCluster(std::string conf) : conf_(std::move(conf)) {}

  Result<std::string> submit(const JobRequest& request) override;
  Result<std::vector<JobInfo>> jobs(const std::string& prefix) override;
  Result<std::string> past_state(const std::string& id) override;
  Result<std::vector<NodeInfo>> nodes() override;
  Result<void> cancel(const std::string& id) override { return end({"scancel", id}); }
  Result<void> signal(const std::string& id, const std::string& signal) override {
    return end({"scancel", "--batch", "--signal=" + signal, id});
  }

 private:
  Variables environment() const;
  Result<std::string> ask(const std::vector<std::string>& words, const std::string& input = "");
  Result<void> end(const std::vector<std::string>& words);

  std::string conf_;
};

// No more than the commands need: what sbatch sees, its job sees too. It is to see no more than
// that, and yet not to be told so: then Slurm starts a login shell for each job to find out the
// rest.
Variables CommandCluster::environment() const {
  Variables out = {{"LC_ALL", "C"}};
  for (const char* name : {"PATH", "HOME", "USER", "LOGNAME", "SLURM_CONF", "SLURM_JWT"}) {
    const char* value = ::getenv(name);
    const bool conf = !conf_.empty() && std::string_view(name) == "SLURM_CONF";
    if (conf) {
      out.emplace_back(name, conf_);
    } else if (value) {
      out.emplace_back(name, value);
    }
  }
  return out;
}

Result<std::string> CommandCluster::ask(const std::vector<std::string>& words,
                                        const std::string& input) {
  auto printed = run(words, environment(), input, answer_within);
  if (!printed) return fail(printed.error());
  if (printed->status == 0) return std::move(printed->out);
  const std::string said = complaint(printed->err);
  const bool passes = std::any_of(passing.begin(), passing.end(), [&](std::string_view word) {
    return printed->err.find(word) != std::string::npos;
  });
  if (!passes) return fail(Code::invalid, said.empty() ? words[0] + " failed" : said);
  // Whether a message that got no answer was read, nobody knows.
  return fail(Code::unavailable, "slurmctld does not answer: " + said, Retry::outcome_unknown);
}

Result<void> CommandCluster::end(const std::vector<std::string>& words) {
  const auto done = ask(words);
  if (done || done.error().code != Code::invalid) {
    return done ? Result<void>() : fail(done.error());
  }
  // It has ended, or is gone: as it should.
  const std::string& said = done.error().message;
  for (const std::string_view gone :
       {"Invalid job id", "already completing or completed", "Job/step already"}) {
    if (said.find(gone) != std::string::npos) return {};
  }
  return fail(done.error());
}

Result<std::string> CommandCluster::submit(const JobRequest& s) {
  std::vector<std::string> words = {
      "sbatch",
      "--parsable",
      "--no-requeue",  // what is to be started again, we decide
      "--export=ALL",
      "--job-name=" + s.name,
      "--comment=" + s.comment,
      "--output=" + s.output,
      "--open-mode=append",
      "--chdir=/",
      "--nodelist=" + join(s.nodes, ","),
      fmt::format("--nodes={}", s.nodes.size()),
      fmt::format("--ntasks-per-node={}", s.tasks_per_node),
      fmt::format("--cpus-per-task={}",
                  std::max<std::int64_t>(1, s.cpus_per_node / s.tasks_per_node)),
  };
  const auto add = [&](bool said, std::string word) {
    if (said) words.push_back(std::move(word));
  };
  add(!s.partition.empty(), "--partition=" + s.partition);
  add(!s.account.empty(), "--account=" + s.account);
  add(!s.qos.empty(), "--qos=" + s.qos);
  add(!s.reservation.empty(), "--reservation=" + s.reservation);
  add(s.tasks > 1, fmt::format("--array=0-{}", s.tasks - 1));
  add(s.memory_mib_per_node > 0, fmt::format("--mem={}M", s.memory_mib_per_node));
  add(s.gpus_per_node > 0,
      fmt::format("--gres=gpu:{}{}{}", s.gpu, s.gpu.empty() ? "" : ":", s.gpus_per_node));
  add(s.minutes_max > 0, fmt::format("--time={}", s.minutes_max));
  const auto printed = ask(words, s.script);
  if (!printed) return fail(printed.error());
  const std::string id(trim(printed->substr(0, printed->find(';'))));  // "17;cluster"
  if (id.empty()) {
    return fail(Code::unavailable, "sbatch did not say the job's number", Retry::outcome_unknown);
  }
  return id;
}

Result<std::vector<JobInfo>> CommandCluster::jobs(const std::string& prefix) {
  std::vector<std::string> words = {"squeue", "--me", "--noheader", "--array", "--states=all"};
  words.push_back(fmt::format("--format={}", queue_format));
  const auto printed = ask(words);
  if (!printed) return fail(printed.error());
  std::vector<JobInfo> jobs;
  for (const std::string_view line : split(*printed, '\n')) {
    auto job = parse_queue_line(line);
    if (job && job->comment.starts_with(prefix)) jobs.push_back(std::move(*job));
  }
  return jobs;
}

Result<std::string> CommandCluster::past_state(const std::string& id) {
  const auto printed = ask(
      {"sacct", "--allocations", "--noheader", "--parsable2", "--format=State", "--jobs=" + id});
  if (!printed) {
    // Many clusters keep no accounts.
    return printed.error().code == Code::invalid ? Result<std::string>("") : fail(printed.error());
  }
  return std::string(trim(printed->substr(0, printed->find('\n'))));
}

Result<std::vector<NodeInfo>> CommandCluster::nodes() {
  const auto printed = ask({"scontrol", "--oneliner", "--detail", "show", "node"});
  if (!printed) return fail(printed.error());
  std::vector<NodeInfo> nodes;
  for (const std::string_view line : split(*printed, '\n')) {
    if (auto node = parse_node_line(line)) nodes.push_back(std::move(*node));
  }
  return nodes;
}

}  // namespace

std::unique_ptr<Cluster> make_command_cluster(std::string conf) {
  return std::make_unique<CommandCluster>(std::move(conf));
}

std::unique_ptr<Cluster> make_cluster(const Site& site) {
  return site.rest.empty() ? make_command_cluster(site.conf) : make_rest_cluster(site);
}

}  // namespace mohona::slurm

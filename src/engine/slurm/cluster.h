// A Slurm cluster as a client sees it: what it has, what runs there for us, and asking it for more.
//
// Errors: Code::unavailable when it does not answer, with Retry::outcome_unknown when it may have
// acted all the same; Code::invalid when it refuses, in its own words.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace mohona::slurm {

// What we ask for: one job, or an array of `tasks` alike.
struct JobRequest {
  std::string name;     // for those who look at the queue
  std::string comment;  // ours: by it the job is found again
  std::string script;   // with its #! line; $SLURM_ARRAY_TASK_ID tells tasks of an array apart
  std::string output;   // what the script itself prints
  std::string partition, account, qos, reservation;  // empty: the cluster's default
  std::vector<std::string> nodes;                    // exactly these
  std::int64_t tasks = 1;
  std::int64_t tasks_per_node = 1;
  std::int64_t cpus_per_node = 1;
  std::int64_t memory_mib_per_node = 0;  // 0: none is asked for, and the cluster's default holds
  std::string gpu;                       // its type as the cluster calls it; empty: any
  std::int64_t gpus_per_node = 0;
  std::int64_t minutes_max = 0;  // 0: the partition's limit
  friend bool operator==(const JobRequest&, const JobRequest&) = default;
};

enum class JobPhase { pending, running, ended };

// A job, or one task of an array, that was ours to begin with.
struct JobInfo {
  std::string id;          // as scancel takes it: "17", "17_3"
  std::int64_t index = 0;  // in its array
  JobPhase phase = JobPhase::pending;
  std::string state, reason;  // Slurm's words: "PENDING", "Resources"
  std::string comment;
  std::int64_t cpus = 0;  // on all its nodes
  friend bool operator==(const JobInfo&, const JobInfo&) = default;
};

struct NodeInfo {
  std::string name, address;
  std::vector<std::string> partitions, features;
  std::int64_t cpus = 0, cpus_used = 0;
  std::int64_t memory_mib = 0, memory_mib_used = 0;
  std::string gpu;  // as its gres.conf calls it; "gpu" when that gives no type
  std::int64_t gpus = 0, gpus_used = 0;
  std::vector<std::string> states;  // "IDLE", "DOWN", "DRAIN", …, without Slurm's signs
  std::string reason;
  friend bool operator==(const NodeInfo&, const NodeInfo&) = default;
};

class Cluster {
 public:
  virtual ~Cluster() = default;

  // The job's number.
  virtual Result<std::string> submit(const JobRequest& request) = 0;

  // Every job whose comment begins with `prefix`, ended ones as long as Slurm remembers them.
  virtual Result<std::vector<JobInfo>> jobs(const std::string& prefix) = 0;

  // How a job ended that is no longer among `jobs`, from accounting: Slurm's word for its state,
  // or "" where nobody knows.
  virtual Result<std::string> past_state(const std::string& id) = 0;

  virtual Result<std::vector<NodeInfo>> nodes() = 0;

  // Ends it: TERM, and KILL after the cluster's KillWait. What has ended already is no error.
  virtual Result<void> cancel(const std::string& id) = 0;

  // A signal to the script alone, which passes on what it means.
  virtual Result<void> signal(const std::string& id, const std::string& signal) = 0;
};

// Where a cluster is: its configuration, for the commands, or slurmrestd.
struct Site {
  std::string conf;   // slurm.conf; empty: what the commands find by themselves
  std::string rest;   // "unix:/run/slurmrestd.sock" or "http://host:port"; empty: by commands
  std::string token;  // the file that holds the JWT, for http
  friend bool operator==(const Site&, const Site&) = default;
  friend auto operator<=>(const Site&, const Site&) = default;
};

std::unique_ptr<Cluster> make_command_cluster(std::string conf);
std::unique_ptr<Cluster> make_rest_cluster(const Site& site);
std::unique_ptr<Cluster> make_cluster(const Site& site);

}  // namespace mohona::slurm

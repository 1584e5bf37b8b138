// What the control plane knows of a job: its spec, its tasks, and every attempt at them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/attempts.h"
#include "model/fact.h"
#include "model/tasks.h"

namespace mohona {

struct Job {
  JobId id;
  std::shared_ptr<const JobSpec> spec;  // shared with answers being written, never changed
  Seldom<std::vector<JobId>> needs;
  Seldom<std::vector<std::string>> shards;  // of data jobs, one a task, unless they are a range
  JobState state = JobState::pending;
  bool expanded = true;  // false: its globs are still to be listed
  bool cancelling = false;
  Seldom<std::string> key, secrets;
  Seldom<std::string> reason;
  Timestamp submitted_at;
  std::optional<Timestamp> started_at, ended_at;
  Tasks tasks;
  Attempts attempts;
  Seldom<std::vector<PastAttempts>> past;  // the sums of those no longer in `attempts`
  Seldom<std::vector<PastRuns>> past_runs;
  Box<NodesKept> kept;  // the nodes kept for its next gang

  // The part that is the work of this task of a data job.
  std::string shard(std::uint32_t task) const;
  // Every attempt ever made.
  std::int64_t attempts_made() const;

  friend bool operator==(const Job& a, const Job& b);
};

// How far the job's work is: what the newest of its attempts that has said so said last; nullptr
// when none has. An attempt that has just begun has not, so this outlives attempts.
const Steps* latest_steps(const Job& job);

// A pool as the control plane sees it now.
struct PoolRecord {
  Pool pool;
  std::optional<Timestamp> reclaimed_at, gone_at;  // set while the cloud has taken it
  std::vector<NodesChanged> nodes;                 // those that are not up, in order
  std::vector<NodeLoaded> loads;                   // what others hold, by node
  std::vector<AdvanceReservation> reservations;    // by name
  std::vector<Timestamp> reclaims;                 // when the cloud took it, of late
  friend bool operator==(const PoolRecord&, const PoolRecord&) = default;
};

// What attempts of a queue's work that have ended cost on each UTC day that had any, in order. Of
// months that are over only the first day remains, and stands for all: nothing looks at them but
// budgets of the year.
struct QueueSpent {
  std::string queue;
  std::vector<std::pair<Timestamp, Money>> days;
  friend bool operator==(const QueueSpent&, const QueueSpent&) = default;
};
struct QueuesSpent {
  std::vector<QueueSpent> queues;  // by name
  friend bool operator==(const QueuesSpent&, const QueuesSpent&) = default;
};

}  // namespace mohona

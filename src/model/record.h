// What the control plane knows of a job: its spec, its tasks, and every attempt at them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/fact.h"

namespace mohona {

struct Task {
  JobState state = JobState::pending;
  std::uint32_t attempts = 0;     // made so far: the newest one's number
  std::uint32_t failures = 0;     // that count against the job's retries
  std::uint32_t losses = 0;       // of machines; not the work's fault
  std::uint32_t never_ready = 0;  // replicas in a row that ended before they were ready
  Timestamp not_before;           // the epoch: at once
  std::string reason;             // why it waits again, or how it ended
  friend bool operator==(const Task&, const Task&) = default;
};

struct Job {
  JobId id;
  std::shared_ptr<const JobSpec> spec;  // shared with answers being written, never changed
  std::vector<JobId> needs;
  std::vector<std::string> shards;  // a data job's parts, one a task
  bool expanded = true;             // false: its globs are still to be listed
  std::string key, secrets;
  JobState state = JobState::pending;
  bool cancelling = false;
  std::string reason;
  Timestamp submitted_at;
  std::optional<Timestamp> started_at, ended_at;
  std::vector<Task> tasks;
  std::vector<Attempt> attempts;  // in the order of placement
  std::optional<NodesKept> kept;  // the nodes kept for its next gang

  friend bool operator==(const Job& a, const Job& b);
};

// A pool as the control plane sees it now.
struct PoolRecord {
  Pool pool;
  std::optional<Timestamp> reclaimed_at, gone_at;  // set while the cloud has taken it
  std::vector<NodesChanged> nodes;                 // those that are not up, in order
  std::vector<NodeLoaded> loads;                   // what others hold, by node
  std::vector<AdvanceReservation> reservations;    // by name
  friend bool operator==(const PoolRecord&, const PoolRecord&) = default;
};

}  // namespace mohona

// Facts: what happened, in order. The state of the control plane is their fold and nothing else.
//
// A fact says what changed, never why it was decided, so that replaying an old journal with a newer
// scheduler gives the same state. Fields may be added; an absent one has its default.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "model/attempt.h"
#include "model/job.h"
#include "model/packing.h"
#include "model/scheduling.h"

namespace mohona {

// A controller took over the journal.
struct ControllerStarted {
  Epoch epoch;
  Timestamp at;
  friend bool operator==(const ControllerStarted&, const ControllerStarted&) = default;
};

// A pool exists, or exists with other numbers than before.
struct PoolDefined {
  Pool pool;
  friend bool operator==(const PoolDefined&, const PoolDefined&) = default;
};

struct PoolRemoved {
  std::string pool;
  friend bool operator==(const PoolRemoved&, const PoolRemoved&) = default;
};

// A cloud gave notice: the pool takes no new work and is gone at `gone_at`.
struct PoolReclaimed {
  std::string pool;
  Timestamp at;
  Timestamp gone_at;
  friend bool operator==(const PoolReclaimed&, const PoolReclaimed&) = default;
};

struct PoolRestored {
  std::string pool;
  Timestamp at;
  friend bool operator==(const PoolRestored&, const PoolRestored&) = default;
};

// The queues and the policy are these, and no others.
struct QueuesDefined {
  std::vector<Queue> queues;
  SchedulingPolicy scheduling;
  friend bool operator==(const QueuesDefined&, const QueuesDefined&) = default;
};

// An advance reservation exists, on exactly these nodes.
struct ReservationDefined {
  AdvanceReservation reservation;  // `where` filled in
  friend bool operator==(const ReservationDefined&, const ReservationDefined&) = default;
};

struct ReservationRemoved {
  std::string pool, name;
  friend bool operator==(const ReservationRemoved&, const ReservationRemoved&) = default;
};

// Who takes nodes out of work's way because their controller does not lead.
constexpr const char* by_lead = "lead";

struct NodesChanged {
  std::string pool;
  NodeRanges nodes;
  NodeState state = NodeState::up;
  std::string reason;
  Timestamp at;
  std::string by;  // an engine, or by_lead; empty: people
  friend bool operator==(const NodesChanged&, const NodesChanged&) = default;
};

// Others hold so much on a node, all in all.
struct NodeLoaded {
  std::string pool;
  std::int64_t node = 0;
  ForeignLoad load;
  friend bool operator==(const NodeLoaded&, const NodeLoaded&) = default;
};

struct JobSubmitted {
  JobId job;
  JobSpec spec;
  std::vector<JobId> needs;  // spec.needs, resolved
  std::string key;           // idempotency key; empty: none
  std::string secrets;       // name of the file that holds its secrets; empty: none
  Timestamp at;
  friend bool operator==(const JobSubmitted&, const JobSubmitted&) = default;
};

// A data job's globs were listed: one task for each shard.
struct JobExpanded {
  JobId job;
  std::vector<std::string> shards;
  Timestamp at;
  friend bool operator==(const JobExpanded&, const JobExpanded&) = default;
};

// Nodes are kept for the job's next gang: nothing starts on them that could last beyond `start`.
// `promised`: it starts no later than that. Replaces what was kept for the job before.
struct NodesKept {
  JobId job;
  std::string pool;
  NodeRanges nodes;
  Timestamp start;
  Timestamp expected;  // when it will probably start
  bool promised = false;
  bool preempting = false;  // attempts were stopped to make this room
  Timestamp at;
  friend bool operator==(const NodesKept&, const NodesKept&) = default;
};

struct NodesReleased {
  JobId job;
  std::string reason;
  friend bool operator==(const NodesReleased&, const NodesReleased&) = default;
};

// What running work says of itself.
struct AttemptProgressed {
  AttemptId attempt;
  std::optional<Timestamp> ends_at;        // when it expects to end
  std::optional<Timestamp> checkpoint_at;  // its newest checkpoint
  Box<Steps> steps = {};                   // how far it is, all of it
  friend bool operator==(const AttemptProgressed&, const AttemptProgressed&) = default;
};

// Intent: from here on the attempt holds its allocation and may be launched.
struct AttemptPlaced {
  Attempt attempt;
  friend bool operator==(const AttemptPlaced&, const AttemptPlaced&) = default;
};

struct AttemptStarted {
  AttemptId attempt;
  std::int64_t port = 0;
  Timestamp at;
  friend bool operator==(const AttemptStarted&, const AttemptStarted&) = default;
};

// A replica answers its readiness probe, or no longer does.
struct ReplicaReady {
  AttemptId attempt;
  bool ready = false;
  Timestamp at;
  friend bool operator==(const ReplicaReady&, const ReplicaReady&) = default;
};

// Intent: the attempt is to be stopped: hooks, signal, `grace`, KILL, all of it `within` this time.
struct AttemptStopping {
  AttemptId attempt;
  StopReason reason = StopReason::cancelled;
  Duration grace{0};
  Duration within{0};
  Timestamp at;
  JobId for_job;  // the job that preempts it; 0: none
  friend bool operator==(const AttemptStopping&, const AttemptStopping&) = default;
};

// Nothing of the attempt runs any more; its allocation is free.
struct AttemptEnded {
  AttemptId attempt;
  Outcome outcome;
  Timestamp at;
  friend bool operator==(const AttemptEnded&, const AttemptEnded&) = default;
};

// The task will be tried again, not before `not_before`.
struct TaskWaits {
  JobId job;
  std::uint32_t task = 0;
  Timestamp not_before;
  bool after_failure = false;  // counts against the job's retries
  std::string reason;
  friend bool operator==(const TaskWaits&, const TaskWaits&) = default;
};

struct TaskEnded {
  JobId job;
  std::uint32_t task = 0;
  JobState state = JobState::succeeded;
  std::string reason;
  friend bool operator==(const TaskEnded&, const TaskEnded&) = default;
};

// Someone asked for the job's end; it has ended when JobEnded says so.
struct JobCancelling {
  JobId job;
  std::string reason;
  Timestamp at;
  friend bool operator==(const JobCancelling&, const JobCancelling&) = default;
};

struct JobEnded {
  JobId job;
  JobState state = JobState::succeeded;
  std::string reason;
  Timestamp at;
  friend bool operator==(const JobEnded&, const JobEnded&) = default;
};

// Places on nodes are worth so much from here on.
struct PackingPriced {
  PackingPrices prices;
  friend bool operator==(const PackingPriced&, const PackingPriced&) = default;
};

// All that was promised to clouds, and what things cost there.
struct ContractsDefined {
  Contracts contracts;
  friend bool operator==(const ContractsDefined&, const ContractsDefined&) = default;
};

// What spending toward minimums is worth from here on; all of them.
struct ReliefPriced {
  Reliefs reliefs;
  friend bool operator==(const ReliefPriced&, const ReliefPriced&) = default;
};

using Fact = std::variant<ControllerStarted, PoolDefined, PoolRemoved, PoolReclaimed, PoolRestored,
                          JobSubmitted, JobExpanded, AttemptPlaced, AttemptStarted, ReplicaReady,
                          AttemptStopping, AttemptEnded, TaskWaits, TaskEnded, JobCancelling,
                          JobEnded, QueuesDefined, ReservationDefined, ReservationRemoved,
                          NodesChanged, NodeLoaded, NodesKept, NodesReleased, AttemptProgressed,
                          PackingPriced, ContractsDefined, ReliefPriced>;
using Facts = std::vector<Fact>;

}  // namespace mohona

// What reaches the core from outside: requests of people, reports of engines, and the time.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/fact.h"

namespace mohona {

// Jobs to accept together or not at all. `needs` are looked up among them first, then among the
// jobs accepted earlier.
struct Submit {
  std::vector<JobSpec> jobs;
  std::vector<std::string> secrets;  // one a job: the name of its file of secrets, or empty
  std::string key;                   // the same key and jobs: the jobs of the first time
};

struct Cancel {
  JobId job;
  std::string reason;
};

// Every job that has not ended, in one decision: what one of them frees starts none of the others.
struct CancelAll {
  std::string reason;
};

// What a data job's globs matched, or why they could not be listed.
struct Listed {
  JobId job;
  Result<std::vector<std::string>> shards;
};

// Reports of engines. Those about attempts that are not live have no effect.
// `at`: when it happened, where the engine knows; it may be long ago when nobody was listening.
struct Started {
  AttemptId attempt;
  std::int64_t port = 0;
  std::optional<Timestamp> at;
};
struct Ended {
  AttemptId attempt;
  Outcome outcome;
  std::optional<Timestamp> at;
};
struct Readiness {
  AttemptId attempt;
  bool ready = false;
  bool dead = false;  // failed its probe too often: to be replaced
};

// The whole fleet file. Pools, queues and reservations that it does not name are removed.
struct DefineFleet {
  Fleet fleet;
};
// Nodes that take no work, or take it again.
struct ChangeNodes {
  std::string pool;
  NodeRanges nodes;  // none: all of the pool's
  NodeState state = NodeState::up;
  std::string reason;
  std::string by = {};  // as in NodesChanged
};
// What others hold on a node, all in all.
struct LoadNode {
  std::string pool;
  std::int64_t node = 0;
  ForeignLoad load;
};
// What running work says of itself. What is not said stays as it was.
struct Progress {
  AttemptId attempt;
  std::optional<Timestamp> ends_at, checkpoint_at;
  std::optional<std::int64_t> done = {}, total = {};  // steps
  Metrics metrics = {};                               // instead of those before, if any
  std::optional<Timestamp> at = {};                   // when it was so far, if the engine knows
};
struct ReclaimPool {
  std::string pool;
  Duration notice{0};
};
struct RestorePool {
  std::string pool;
};
// What places on nodes are worth, computed from what has arrived.
struct PricePacking {
  PackingPrices prices;
};
// What spending toward minimums is worth now.
struct PriceRelief {
  Reliefs reliefs;
};
struct TakeOver {
  Epoch epoch;
};

// Time has passed.
struct Tick {};

using Input = std::variant<Submit, Cancel, CancelAll, Listed, Started, Ended, Readiness, DefineFleet,
                           ReclaimPool, RestorePool, TakeOver, Tick, ChangeNodes, LoadNode,
                           Progress, PricePacking, PriceRelief>;

}  // namespace mohona

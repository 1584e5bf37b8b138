// One incarnation of a task: where it ran, what it held, how it ended.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/money.h"
#include "base/time.h"
#include "model/resources.h"

namespace mohona {

// What a gang holds on one node of its pool.
struct Holding {
  std::int64_t node = 0;              // index in the pool
  std::vector<std::int64_t> devices;  // GPU indices there
  friend bool operator==(const Holding&, const Holding&) = default;
};

// Why an attempt was told to stop.
enum class StopReason { cancelled, reclaimed, time_limit, budget, unready, preempted };

// How an attempt ended. `lost`: its machine or its supervisor vanished. `not_launched`: the engine
// could not start it. Anything else is an exit of the work itself.
enum class End { exited, lost, not_launched };

struct Outcome {
  End end = End::exited;
  std::int64_t exit_code = 0;  // of the first rank that failed; 128 + n for signal n
  bool stopped = false;        // our signal reached it before it ended
  std::string detail;          // for people
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

struct Attempt {
  AttemptId id;
  std::string pool;
  std::string cloud;              // of the pool, kept for the bill
  Demand demand;                  // per node
  std::vector<Holding> holdings;  // one per node of the gang
  Price price;                    // of a node-hour, pinned when it was placed
  Fraction part;                  // of a node that it holds
  Timestamp placed_at;
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> ended_at;
  std::optional<StopReason> stopping;
  bool ready = false;                      // a replica that answers its probe
  std::int64_t port = 0;                   // where a replica listens, on its node
  std::optional<Timestamp> ends_at;        // when it will probably end: predicted, then reported
  std::optional<Timestamp> checkpoint_at;  // its newest checkpoint, as it reported
  std::optional<Timestamp> gone_by;        // when it will have left at the latest: it is stopping
  JobId for_job;                           // the job that preempts it; 0: none
  Outcome outcome;
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

}  // namespace mohona

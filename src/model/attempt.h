// One incarnation of a task: where it ran, what it held, how it ended.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/box.h"
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
enum class StopReason { cancelled, reclaimed, time_limit, budget, unready, preempted, deadline };

// How an attempt ended. `lost`: its machine or its supervisor vanished. `not_launched`: the engine
// could not start it now. `refused`: it cannot start it at all. Anything else is an exit of the work
// itself.
enum class End { exited, lost, not_launched, refused };

struct Outcome {
  End end = End::exited;
  std::int64_t exit_code = 0;  // of the first rank that failed; 128 + n for signal n
  bool stopped = false;        // our signal reached it before it ended
  std::string detail;          // for people
  std::int64_t signal = 0;     // the signal that ended that rank; 0: it exited by itself
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// The measures that work gives with its steps, in its own words: {"loss", "2.31"}.
using Metrics = std::vector<std::pair<std::string, std::string>>;

// No count of steps is above this, so that sums and products of two need no more than 128 bits.
constexpr std::int64_t steps_max = 1'000'000'000'000'000;
// A report has so many metrics, and a name or a value so many bytes.
constexpr std::size_t metrics_max = 16, metric_bytes_max = 64;

// How far an attempt is, as it said last. Its speed is (done - first_done) / (at - first_at):
// first_* is the attempt's first report, or the newest one at which it had gone back.
struct Steps {
  std::int64_t done = 0, total = 0;  // total 0: not known
  Timestamp at;
  std::int64_t first_done = 0;
  Timestamp first_at;
  Metrics metrics;
  friend bool operator==(const Steps&, const Steps&) = default;
};

// What an hour of all that an attempt holds cost when it was placed: how much more the bill is with
// it than without it, as a sum.
struct PriceSum {
  Price rate;       // what the hour itself is charged
  Price displaced;  // what others cost that it pushes out of what is paid already
  Price relief;     // 0 or less: what spending toward minimums that would be missed is worth
  Price egress;     // what its data costs to leave its place, spread over the time that it may run
  Price risk;       // of what is lost when the machine is taken away, what an hour is to expect
  // What the ledger can charge for the hour; the rest is what speaks for and against the place.
  constexpr Price charged() const { return {rate.nanos + displaced.nanos}; }
  constexpr Price total() const {
    return {rate.nanos + displaced.nanos + relief.nanos + egress.nanos + risk.nanos};
  }
  friend bool operator==(const PriceSum&, const PriceSum&) = default;
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
  Box<Steps> steps;      // none: it has said nothing
  Box<PriceSum> priced;  // none: there were no contracts
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

}  // namespace mohona

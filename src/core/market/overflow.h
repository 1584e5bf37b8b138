// Machines that one owns, and a cloud beside them that takes anything at once, for money: which
// waiting jobs are sent there, which are kept waiting for which node, and since when.
//
//   plan_overflow(nodes, jobs, tally, wait_limit, now)
//
// The bill is to be small while the mean wait of all jobs stays within a limit. Run times are those
// that are believed; arrivals to come are not known. Nothing is remembered from one plan to the
// next: it is made anew whenever a job arrives, starts or ends, from what runs and what waits.
#pragma once

#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace mohona {

// So many GPUs of a node are taken between two instants.
struct Booking {
  std::int64_t gpus = 0;
  Timestamp from, until;
};

struct OwnedNode {
  std::int64_t gpus = 0;
  std::vector<Booking> booked;
  std::uint32_t kind = 0;
};

struct OverflowJob {
  JobId id;
  std::int64_t gpus = 1;  // on one node
  Duration runs{0};
  bool may_leave = true;             // to the cloud
  bool may_wait = true;              // for a node of one's own
  std::vector<std::uint32_t> kinds;  // of nodes that it may use; empty: any
};

// How long jobs have waited: those that have started, and those that wait, until now.
struct WaitTally {
  std::int64_t jobs = 0;
  Duration waited{0};
};

// What is best for a job now: the cloud, at once, or a node of one's own, from `start` on.
struct OverflowChoice {
  JobId job;
  std::optional<std::size_t> node;  // none: the cloud
  Timestamp start;
  friend bool operator==(const OverflowChoice&, const OverflowChoice&) = default;
};

constexpr std::size_t planned_jobs_max = 64;  // the first so many; the others wait unplanned

// One choice for each of the first `planned_jobs_max` jobs, in the order in which nodes were given;
// none for a job that neither fits on a node nor may leave. `jobs`: in the order of arrival.
std::vector<OverflowChoice> plan_overflow(const std::vector<OwnedNode>& nodes,
                                          const std::vector<OverflowJob>& jobs,
                                          const WaitTally& tally, Duration wait_limit,
                                          Timestamp now);

// What an hour of waiting is worth, in thousandths of a GPU-hour of the cloud: it grows with the
// cube of what the mean wait is of the limit, and so finds by itself what the load asks for.
std::int64_t worth_of_waiting_milli(const WaitTally& tally, Duration wait_limit);

}  // namespace mohona

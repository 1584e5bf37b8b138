// What a fleet's owner says about order: queues, advance reservations, the state of nodes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/contract.h"
#include "model/resources.h"

namespace mohona {

// How often a budget begins anew, in UTC: at midnight, on Monday, on the first of a month, in
// January.
enum class BudgetPeriod { day, week, month, year };

// Before a start of the queue's work, or of queues below it, what has been spent in the period and
// what runs may still spend are counted together with what the start may cost. It comes out of
// the budget of the period, or it waits.
struct QueueBudget {
  Money amount;
  BudgetPeriod per = BudgetPeriod::month;
  friend bool operator==(const QueueBudget&, const QueueBudget&) = default;
};

// A team's place in line. Queues form a tree; jobs wait in its leaves. What a queue holds is
// measured in what it costs an hour (see docs/scheduling.md), so that one figure covers GPUs, cores
// and memory of every shape.
struct Queue {
  std::string name;
  std::string parent;                      // empty: under the root
  std::int64_t guarantee_ppm = 0;          // of the fleet's worth: may be had at any time
  std::optional<std::int64_t> borrow_ppm;  // beyond the guarantee at most so much; none: no bound
  std::optional<std::int64_t> lend_ppm;    // of an idle guarantee at most so much; none: all
  std::int64_t weight = 1;                 // of what is left, beside its siblings
  std::optional<QueueBudget> budget;       // none: no bound
  friend bool operator==(const Queue&, const Queue&) = default;
};

// Who may be stopped for whom. `reclaim`: what a queue borrowed goes back to a queue that is below
// its guarantee. `lower_priority`: that, and any work of lower priority.
enum class Preempt { never, reclaim, lower_priority };

// Which of those that wait in a queue goes first, among equal priorities.
//
//   learned  what is done soonest for what it holds, by what history and progress tell
//   age      who has waited longest
//   fifo     likewise, and nothing is stopped for others
//   las      what has had the least so far: least attained service
//   srtf     the shortest remaining time first, by what is known of it
//   srsf     the smallest remaining time × GPUs first
//
// Under learned, las, srtf and srsf, work that has a checkpoint may be stopped for work that goes
// before it.
enum class QueueOrder { learned, age, fifo, las, srtf, srsf };

// Where parts of nodes go. `best_fit`: where the least is left over. `learned`: by prices, once
// there are some, among machines that cost the same.
enum class Packing { best_fit, learned };

// What a place is taken to cost when several would do. Beside the first, what other systems do, to
// compare with.
//
//   marginal                what the bill is more, by all contracts (core/market/market.h)
//   sticker                 the pool's price
//   reservation_is_free     the pool's price; nothing where it is reserved
//   reservation_near_free   likewise; a ten-millionth of it where it is reserved
enum class PriceRule { marginal, sticker, reservation_is_free, reservation_near_free };

struct SchedulingPolicy {
  Duration ageing = std::chrono::hours(1);       // waiting so long is worth one step of priority
  std::int64_t reservations_max = 8;             // blocked gangs that have nodes kept for them
  Duration patience = std::chrono::minutes(30);  // after which a single node is kept as well
  Preempt preempt = Preempt::reclaim;
  Duration min_run = std::chrono::minutes(10);  // before which no attempt is preempted
  QueueOrder order = QueueOrder::age;
  Packing packing = Packing::best_fit;
  // Work of one node waits for machines that are paid anyway for so long on average, over a week,
  // rather than go to others that cost money (core/overflow.h); none: it never waits for that.
  std::optional<Duration> overflow_wait;
  PriceRule price = PriceRule::marginal;
  friend bool operator==(const SchedulingPolicy&, const SchedulingPolicy&) = default;
};

// Nodes kept for some queues between two instants.
struct AdvanceReservation {
  std::string name;
  std::string pool;
  std::int64_t nodes = 0;  // how many, where `where` is empty
  NodeRanges where;        // or which
  Timestamp from, to;
  std::vector<std::string> queues;  // that may use it; empty: any job that names it
  bool maintenance = false;         // nobody may: the nodes are to be worked on
  friend bool operator==(const AdvanceReservation&, const AdvanceReservation&) = default;
};

struct Fleet {
  std::vector<Pool> pools;
  std::vector<Queue> queues;
  std::vector<AdvanceReservation> reservations;
  SchedulingPolicy scheduling;
  Contracts contracts;
  friend bool operator==(const Fleet&, const Fleet&) = default;
};

// up: takes work. cordoned: takes no new work. draining: likewise, and goes down when it is empty.
enum class NodeState { up, cordoned, draining, down };

// What others than Mohona hold on a node that it shares with them.
struct ForeignLoad {
  std::int64_t cpus_milli = 0, memory_mib = 0;
  std::vector<std::int64_t> devices;
  friend bool operator==(const ForeignLoad&, const ForeignLoad&) = default;
};

}  // namespace mohona

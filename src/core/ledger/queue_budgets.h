// What queues have spent of their budgets, and what they may still start.
//
// A start is counted before it happens: until its work must have left, by max_duration, or, of work
// that names none, for an hour ahead at any time. What was counted and not used comes back when the
// attempt ends. It counts whole in the period in which it begins, and what is left of it in the
// next again. So a queue whose jobs all name a max_duration, and leave by it, never spends more
// than its budget. What costs nothing always may start. Work that runs is not stopped.
//
// Costs are those of attempts (usage.h): the pool's price, pinned at placement. Work that runs
// across midnight is charged to each day.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/money.h"
#include "model/record.h"
#include "model/scheduling.h"

namespace mohona {

// The period of `per` that `at` is in: [from, to).
struct PeriodBounds {
  Timestamp from, to;
};
PeriodBounds bounds_of(BudgetPeriod per, Timestamp at);

// How far ahead work without max_duration is counted.
constexpr Duration counted_ahead = std::chrono::hours(1);

// So many nodes, or parts of nodes, at a price, for a time.
struct Spending {
  Price price;
  std::int64_t nodes = 0;
  Fraction part;
  Timestamp from, to;
  // What falls between two instants. Over times that follow each other the parts sum exactly.
  Money between(Timestamp begin, Timestamp end) const;
};

// Of an attempt: what it holds, until `to`.
inline Spending spending_of(const Attempt& attempt, Timestamp to) {
  return {attempt.price, std::ssize(attempt.holdings), attempt.part, attempt.placed_at, to};
}

class QueueBudgets {
 public:
  struct Standing {
    std::string queue;
    QueueBudget budget;
    PeriodBounds period;
    Money spent;  // by now, by work that runs too
    Money ahead;  // what runs, and gangs that nodes are kept for, may still cost
    Money left() const { return budget.amount - spent - ahead; }
  };

  // The queues' tree. What is known of days stays for queues that still have a budget.
  void define(const std::vector<Queue>& queues);
  bool empty() const { return budgets_.empty(); }
  // Whether the queue or one above it has a budget.
  bool bind(const std::string& queue) const { return above_.contains(queue); }

  // An attempt of the queue's work has ended.
  void charge(const std::string& queue, const Spending& all);
  QueuesSpent spent() const;
  void restore(const QueuesSpent& spent);

  // Looks anew, as of `now`, with nothing running; then everything that runs or has nodes kept.
  void look(Timestamp now);
  // `sign` −1: what was counted at the same look does not count any more.
  void count(const std::string& queue, const Spending& running, std::int64_t sign = 1);
  Timestamp looked_at() const { return now_; }

  // The budget that does not allow this start; nullptr: it may start.
  const Standing* refuses(const std::string& queue, const Spending& start) const;
  // By queue, in the order of the fleet file.
  const std::vector<Standing>& standings() const { return budgets_; }
  // When the first of the periods ends; max without budgets.
  Timestamp next_period() const;

 private:
  std::vector<Standing> budgets_;
  std::map<std::string, std::vector<std::size_t>> above_;  // of each queue that is bound
  std::map<std::string, std::map<Timestamp, Money>> days_;
  Timestamp now_;
};

}  // namespace mohona

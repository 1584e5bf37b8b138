// What queues' budgets are told of what runs, and how the scheduler asks them.
#include <algorithm>

#include "core/place.h"
#include "core/state.h"

namespace mohona {
namespace {

// By when work is taken to have left that holds its nodes so long at most.
Timestamp counted_until(Timestamp from, Duration limit) {
  return from + (limit == Duration::max() ? counted_ahead : limit);
}

// Of the ways in which the job could run there, the one that holds most of a node.
Fraction largest_part(const Pool& pool, const JobSpec& spec) {
  Fraction most{0, 1};
  for (const Choice& choice : spec.resources.choices) {
    const Fraction part = part_of(pool.shape, choice.demand);
    if (Wide{part.held} * most.whole > Wide{most.held} * part.whole) most = part;
  }
  return most;
}

}  // namespace

// Queues that have none any more are forgotten; for those that have one now, what has been spent
// is found from what is remembered of attempts. (Of jobs of very many attempts only sums are: they
// count on the day on which the job started.)
void State::define_budgets() {
  queue_budgets_->define(queues_);
  if (queue_budgets_->empty()) return;
  std::set<std::string> known;
  for (const QueueSpent& one : queue_budgets_->spent().queues) known.insert(one.queue);
  for (const auto& [id, e] : jobs_) {
    const std::string& queue = e.job.spec->queue;
    if (known.contains(queue) || !queue_budgets_->bind(queue)) continue;
    for (const PastAttempts& past : e.job.past) {
      // As an hour of one thing that costs so much.
      const Timestamp day = std::chrono::floor<std::chrono::days>(*e.job.started_at);
      queue_budgets_->charge(
          queue, {Price{past.cost.micros * 1'000}, 1, {1, 1}, day, day + std::chrono::hours(1)});
    }
    for (const Attempt& attempt : e.job.attempts) {
      if (attempt.ended_at) queue_budgets_->charge(queue, spending_of(attempt, *attempt.ended_at));
    }
  }
}

void State::set_purse() {
  if (queue_budgets_->empty()) return scheduler_.set_purse(nullptr);
  scheduler_.set_purse([budgets = queue_budgets_.get()](const Needs& needs, const Pool& pool,
                                                        Fraction part, std::int64_t nodes) {
    const Timestamp now = budgets->looked_at();
    const Spending start{pool.price, nodes, part, now, counted_until(now, needs.limit)};
    return budgets->refuses(needs.queue, start) == nullptr;
  });
}

void State::count_running(QueueBudgets& budgets, const JobEntry& e, const LiveAttempt& live) const {
  if (!budgets.bind(e.job.spec->queue)) return;
  const Timestamp now = budgets.looked_at(), end = scheduler_.running(live.who).end;
  const Timestamp until = end == Timestamp::max() ? now + counted_ahead : std::max(end, now);
  budgets.count(e.job.spec->queue, spending_of(*live.attempt, until));
}

void State::count_kept(QueueBudgets& budgets, const JobEntry& e, std::int64_t sign) const {
  if (!e.job.kept || !budgets.bind(e.job.spec->queue)) return;
  const PoolRecord* record = find_pool(e.job.kept->pool);
  if (!record) return;
  const JobSpec& spec = *e.job.spec;
  const Timestamp from = std::max(e.job.kept->start, budgets.looked_at());
  budgets.count(spec.queue,
                {record->pool.price, spec.num_nodes, largest_part(record->pool, spec), from,
                 counted_until(from, needs_of(spec).limit)},
                sign);
}

// What was put aside for it may be spent by others of its queue.
void State::give_back_kept(const JobEntry& e) {
  count_kept(*queue_budgets_, e, -1);
  if (e.job.kept && queue_budgets_->bind(e.job.spec->queue)) scheduler_.money_came();
}

void State::count_all(QueueBudgets& budgets, Timestamp now) const {
  budgets.look(now);
  for (const auto& [id, live] : live_) count_running(budgets, *find(id.job), live);
  for (const JobId id : keep_nodes_) count_kept(budgets, *find(id), 1);
}

void State::look_at_budgets(Timestamp now) {
  if (queue_budgets_->empty() || waiting_.empty()) return;
  const std::vector<QueueBudgets::Standing> before = queue_budgets_->standings();
  count_all(*queue_budgets_, now);
  const auto& after = queue_budgets_->standings();
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (after[i].left() <= before[i].left()) continue;
    scheduler_.money_came();
    overflow_pass_.news = true;
    return;
  }
}

std::vector<QueueBudgets::Standing> State::budget_standings(Timestamp now) const {
  QueueBudgets anew = *queue_budgets_;
  count_all(anew, now);
  return anew.standings();
}

}  // namespace mohona

#include "core/ledger/queue_budgets.h"

#include <algorithm>

namespace mohona {
namespace {

using namespace std::chrono;

Timestamp month_of(Timestamp at) {
  const year_month_day date(floor<days>(at));
  return sys_days(date.year() / date.month() / 1);
}

}  // namespace

PeriodBounds bounds_of(BudgetPeriod per, Timestamp at) {
  const sys_days day = floor<days>(at);
  const year_month_day date(day);
  switch (per) {
    case BudgetPeriod::day:
      return {day, day + days(1)};
    case BudgetPeriod::week: {
      const sys_days monday = day - (weekday(day) - Monday);
      return {monday, monday + days(7)};
    }
    case BudgetPeriod::month: {
      const year_month month = date.year() / date.month();
      return {sys_days(month / 1), sys_days((month + months(1)) / 1)};
    }
    case BudgetPeriod::year:
      return {sys_days(date.year() / January / 1),
              sys_days((date.year() + years(1)) / January / 1)};
  }
  return {};
}

Money Spending::between(Timestamp begin, Timestamp end) const {
  const auto until = [&](Timestamp at) {
    return charge(price, std::max(Duration{0}, std::min(at, to) - from), nodes, part);
  };
  return until(std::max(begin, end)) - until(begin);
}

void QueueBudgets::define(const std::vector<Queue>& queues) {
  budgets_.clear();
  above_.clear();
  std::map<std::string, const Queue*> by_name;
  std::map<std::string, std::size_t> budget_of;
  for (const Queue& queue : queues) {
    by_name[queue.name] = &queue;
    if (!queue.budget) continue;
    budget_of[queue.name] = budgets_.size();
    budgets_.push_back({queue.name, *queue.budget, {}, {}, {}});
  }
  for (const Queue& queue : queues) {
    const Queue* at = &queue;
    for (std::size_t n = 0; at && n < queues.size(); ++n) {  // bounded: queues form a tree
      const auto found = budget_of.find(at->name);
      if (found != budget_of.end()) above_[queue.name].push_back(found->second);
      const auto parent = by_name.find(at->parent);
      at = parent == by_name.end() ? nullptr : parent->second;
    }
  }
  std::erase_if(days_, [&](const auto& one) { return !above_.contains(one.first); });
}

void QueueBudgets::charge(const std::string& queue, const Spending& all) {
  if (!bind(queue) || all.price.nanos == 0) return;
  std::map<Timestamp, Money>& sums = days_[queue];
  for (Timestamp day = floor<days>(all.from); day < all.to; day += days(1)) {
    sums[day] += all.between(day, day + days(1));
  }
  const Timestamp month = month_of(all.to);
  // A week may begin in the month before.
  const Timestamp whole = std::min(month, bounds_of(BudgetPeriod::week, month).from);
  while (!sums.empty() && sums.begin()->first < bounds_of(BudgetPeriod::year, whole).from) {
    sums.erase(sums.begin());
  }
  std::map<Timestamp, Money> folded;
  while (!sums.empty() && sums.begin()->first < month_of(whole)) {
    folded[month_of(sums.begin()->first)] += sums.begin()->second;
    sums.erase(sums.begin());
  }
  sums.merge(folded);
}

QueuesSpent QueueBudgets::spent() const {
  QueuesSpent out;
  for (const auto& [queue, days] : days_) out.queues.push_back({queue, {days.begin(), days.end()}});
  return out;
}

void QueueBudgets::restore(const QueuesSpent& spent) {
  days_.clear();
  for (const QueueSpent& one : spent.queues) {
    days_[one.queue] = {one.days.begin(), one.days.end()};
  }
}

void QueueBudgets::look(Timestamp now) {
  now_ = now;
  for (Standing& one : budgets_) {
    one.period = bounds_of(one.budget.per, now);
    one.spent = one.ahead = Money{};
  }
  for (const auto& [queue, sums] : days_) {
    for (const std::size_t i : above_.at(queue)) {
      const PeriodBounds& period = budgets_[i].period;
      for (auto day = sums.lower_bound(period.from); day != sums.lower_bound(period.to); ++day) {
        budgets_[i].spent += day->second;
      }
    }
  }
}

void QueueBudgets::count(const std::string& queue, const Spending& running, std::int64_t sign) {
  const auto found = above_.find(queue);
  if (found == above_.end() || running.price.nanos == 0) return;
  for (const std::size_t i : found->second) {
    Standing& one = budgets_[i];
    one.spent += Money{sign * running.between(one.period.from, now_).micros};
    one.ahead += Money{sign * running.between(now_, running.to).micros};
  }
}

const QueueBudgets::Standing* QueueBudgets::refuses(const std::string& queue,
                                                    const Spending& start) const {
  const auto found = above_.find(queue);
  if (found == above_.end() || start.price.nanos == 0) return nullptr;
  for (const std::size_t i : found->second) {
    const Standing& one = budgets_[i];
    if (start.between(start.from, start.to) > one.left()) return &one;
  }
  return nullptr;
}

Timestamp QueueBudgets::next_period() const {
  Timestamp out = Timestamp::max();
  for (const Standing& one : budgets_) out = std::min(out, one.period.to);
  return out;
}

}  // namespace mohona

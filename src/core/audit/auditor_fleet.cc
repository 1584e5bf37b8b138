// The auditor's look at the fleet, at what is kept there, and at the state at rest.
#include <algorithm>

#include "core/audit/auditor.h"
#include "core/ledger/queue_budgets.h"
#include "core/ledger/usage.h"
#include "core/schedule/needs.h"
#include "model/names.h"
#include "model/node_ranges.h"

namespace mohona {

// --- pools, queues, nodes
// -------------------------------------------------------------------------

void Auditor::fleet_changed() {
  Worth total = 0;
  for (const auto& [name, pool] : pools_) total += pool.pool().nodes * node_worth(pool.pool());
  queues_.set_total(total);
  excuse_promises();
}

void Auditor::on(const PoolDefined& f) {
  pools_[f.pool.name].define(f.pool);
  fleet_changed();
}

void Auditor::on(const PoolRemoved& f) {
  for (const auto& [id, live] : live_) {
    if (live.attempt.pool != f.pool) continue;
    report(Rule::nodes, fmt::format("{} is removed while {} stands there", f.pool, to_string(id)));
    break;
  }
  pools_.erase(f.pool);
  std::erase_if(reservations_, [&](const auto& r) { return r.second.pool == f.pool; });
  fleet_changed();
}

void Auditor::on(const PoolReclaimed& f) {
  pass(f.at);
  pools_[f.pool].reclaimed = true;
  excuse(f.pool);
}

void Auditor::on(const PoolRestored& f) {
  pass(f.at);
  pools_[f.pool].reclaimed = false;
}

void Auditor::on(const QueuesDefined& f) {
  policy_ = f.scheduling;
  fleet_queues_ = f.queues;
  queues_.define(f.queues);
  fleet_changed();
}

bool Auditor::is_below(const std::string& queue, const std::string& other) const {
  std::string at = queue;
  for (std::size_t n = 0; n <= fleet_queues_.size() && at != other; ++n) {
    const auto found = std::find_if(fleet_queues_.begin(), fleet_queues_.end(),
                                    [&](const Queue& q) { return q.name == at; });
    if (found == fleet_queues_.end()) return false;
    at = found->parent;
  }
  return at == other;
}

// The attempt is one of those that live: with it, what its queue spends in the period must be at
// most the budget, if all that runs leaves at its latest.
void Auditor::check_money(const JobBook& job, const Attempt& attempt) {
  for (const Queue& queue : fleet_queues_) {
    if (!queue.budget || !is_below(job.spec.queue, queue.name)) continue;
    const PeriodBounds period = bounds_of(queue.budget->per, now_);
    const auto cost = [&](const Attempt& a, Timestamp end) {
      return bill(a, std::max(a.placed_at, end)) -
             bill(a, std::max(a.placed_at, std::min(end, period.from)));
    };
    std::int64_t sum = 0;
    for (const auto& [name, paid] : paid_) {
      if (is_below(name, queue.name)) sum += cost(paid, *paid.ended_at);
    }
    const auto ahead = [&](const JobSpec& spec, const Attempt& a, Timestamp ends) {
      if (!is_below(spec.queue, queue.name)) return;
      sum += cost(a, ends == Timestamp::max() ? now_ + counted_ahead : std::max(ends, now_));
    };
    for (const auto& [id, live] : live_) ahead(jobs_.at(id.job).spec, live.attempt, live.ends);
    if (sum > queue.budget->amount.micros) {
      report(Rule::budget,
             fmt::format("{} is placed, with which {} may spend {} in the {} of {}, of {}",
                         to_string(attempt.id), queue.name, format_money(Money{sum}),
                         name(queue.budget->per), format_timestamp(period.from),
                         format_money(queue.budget->amount)));
    }
  }
}

void Auditor::on(const ReservationDefined& f) {
  reservations_[f.reservation.name] = f.reservation;
  excuse(f.reservation.pool);
}

void Auditor::on(const ReservationRemoved& f) { reservations_.erase(f.name); }

void Auditor::on(const NodesChanged& f) {
  pass(f.at);
  pools_[f.pool].change(f.nodes, f.state);
  if (f.state != NodeState::up) excuse(f.pool);
}

void Auditor::on(const NodeLoaded& f) {
  pools_[f.pool].load(f.node, f.load);
  excuse(f.pool);
}

// --- what is kept
// ---------------------------------------------------------------------------------

void Auditor::excuse(const std::string& pool) {
  for (auto& [job, kept] : kept_) kept.excused |= kept.fact.pool == pool;
}

void Auditor::excuse_promises() {
  for (auto& [job, kept] : kept_) kept.excused = true;
}

void Auditor::on(const NodesKept& f) {
  pass(f.at);
  const JobBook* job = job_of(f.job, "what is kept");
  if (!job) return;
  const std::string name = fmt::format("job {}", f.job.value);
  if (is_terminal(job->state) || job->cancelling) {
    report(Rule::transition, fmt::format("nodes are kept for {}, which has ended", name));
  }
  const auto pool = pools_.find(f.pool);
  if (pool == pools_.end()) {
    report(Rule::nodes,
           fmt::format("nodes are kept for {} in {}, which there is not", name, f.pool));
  } else {
    for (const NodeRange& range : f.nodes) {
      for (std::int64_t i = range.first; i <= range.last; ++i) {
        if (pool->second.takes_work(i)) continue;
        report(Rule::nodes,
               fmt::format("node {} of {} is kept for {} and takes no work", i, f.pool, name));
        break;
      }
    }
  }
  const auto before = kept_.find(f.job);
  const bool later = before != kept_.end() && before->second.fact.promised &&
                     !before->second.excused && f.start > before->second.fact.start;
  if (later) {
    report(Rule::promise,
           fmt::format("{} was promised a start by {} and now {}", name,
                       format_timestamp(before->second.fact.start), format_timestamp(f.start)));
  }
  forget_kept(f.job);
  Worth worth = 0;
  for (const Choice& choice : job->spec.resources.choices) {
    if (pool == pools_.end() || !shape_takes(pool->second.pool().shape, choice.demand)) continue;
    worth = std::max(worth, worth_of(pool->second.pool(), choice.demand) * count_nodes(f.nodes));
  }
  kept_[f.job] = {f, worth, false};
  if (f.promised) promised_.insert({f.start, f.job});
}

void Auditor::on(const NodesReleased& f) {
  const auto kept = kept_.find(f.job);
  if (kept == kept_.end()) return;
  if (kept->second.fact.promised && !kept->second.excused) {
    report(Rule::promise, fmt::format("job {} was promised a start by {} and loses what was kept",
                                      f.job.value, format_timestamp(kept->second.fact.start)));
  }
  forget_kept(f.job);
}

void Auditor::forget_kept(JobId job) {
  const auto kept = kept_.find(job);
  if (kept == kept_.end()) return;
  promised_.erase({kept->second.fact.start, job});
  kept_.erase(kept);
}

// A promised start has passed, and the job has not been placed.
void Auditor::check_late(JobId id, const KeptBook& kept) {
  const NodesKept& f = kept.fact;
  const JobBook& job = jobs_.at(id);
  if (kept.excused) return;
  const bool may_start = std::all_of(job.needs.begin(), job.needs.end(),
                                     [&](JobId need) { return job.begun || is_there(need); });
  if (!may_start) return;
  if (job.spec.budget && spent(id, job, now_) >= job.spec.budget->micros) return;
  for (const auto& [other, live] : live_) {
    const Attempt& a = live.attempt;
    if (a.pool != f.pool || live.ends > f.start) continue;
    // It should have left: its engine is late.
    for (const Holding& holding : a.holdings) {
      for (const NodeRange& range : f.nodes) {
        if (range.first <= holding.node && holding.node <= range.last) return;
      }
    }
  }
  report(Rule::promise, fmt::format("job {} was promised a start in {} by {} and has not started",
                                    id.value, f.pool, format_timestamp(f.start)));
}

// --- at rest
// --------------------------------------------------------------------------------------

void Auditor::compare(const State& state) {
  if (state.jobs().size() != jobs_.size()) {
    report(Rule::findable, fmt::format("{} jobs were accepted and {} are there", jobs_.size(),
                                       state.jobs().size()));
  }
  for (const auto& [id, book] : jobs_) {
    const JobEntry* entry = state.find(id);
    if (!entry) {
      report(Rule::findable, fmt::format("job {} was accepted and is not there", id.value));
      continue;
    }
    const Job& job = entry->job;
    if (job.tasks.size() != book.tasks.size() ||
        is_terminal(job.state) != is_terminal(book.state) ||
        (is_terminal(book.state) && job.state != book.state)) {
      report(Rule::transition,
             fmt::format("job {} is in another state than its facts say", id.value));
      continue;
    }
    for (std::size_t i = 0; i < book.tasks.size(); ++i) {
      const Task& task = job.tasks[i];
      const TaskBook& own = book.tasks[i];
      if (task.state == own.state && task.attempts == own.attempts &&
          task.failures == own.failures) {
        continue;
      }
      report(Rule::transition,
             fmt::format("task {} of job {} is in another state than its facts say", i, id.value));
      break;
    }
    const Money cost = cost_of(job, now_);
    const std::int64_t own = spent(id, book, now_);
    if (cost.micros != own) {
      report(Rule::usage, fmt::format("job {} is billed {} and used {}", id.value,
                                      format_money_exact(cost), format_money_exact({own})));
    }
  }
  const bool same_live =
      std::equal(live_.begin(), live_.end(), state.live().begin(), state.live().end(),
                 [](const auto& a, const auto& b) { return a.first == b.first; });
  if (!same_live) {
    report(Rule::transition, fmt::format("{} attempts live by their facts, {} by the state",
                                         live_.size(), state.live().size()));
  }
}

}  // namespace mohona

// What facts mean for the scheduler: who waits, what runs, what is kept.
#include <algorithm>

#include "core/ledger/past.h"
#include "core/place.h"
#include "core/state.h"
#include "core/stop.h"

namespace mohona {

// Makes placeable what may be placed.
void State::enqueue(JobEntry& e) {
  const Job& job = e.job;
  if (is_terminal(job.state) || job.cancelling || !e.unmet.empty()) return;
  if (!job.expanded) {
    unexpanded_.insert(job.id);
    return;
  }
  const auto at_once = job.spec->shards ? job.spec->shards->at_once_max : 0;
  if (e.ready.empty() || (at_once > 0 && e.live >= at_once) || e.waiting) return;
  e.waiting = scheduler_.wait(job.id, needs_of(*job.spec), rank_of_job(job));
  if (job.kept) keep_nodes(e);
}

void State::leave_queue(JobEntry& e) {
  if (!e.waiting) return;
  scheduler_.leave(*e.waiting);
  e.waiting.reset();
}

void State::park(JobId id) { leave_queue(entry(id)); }

Rank State::rank_of_job(const Job& job) const {
  return rank_of(job.spec->priority, job.submitted_at, job.id, scheduling_.ageing);
}

// Tasks whose pause is over may be placed again.
void State::release_due(Timestamp now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const auto [job, task] = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    JobEntry& e = entry(job);
    e.ready.insert(task);
    enqueue(e);
  }
}

// The attempt takes what it holds; known from here on by its number among what runs.
void State::occupy(const JobEntry& e, const Attempt& attempt, LiveAttempt& live) {
  live.who = scheduler_.start(to_running(*this, e.job, attempt));
}

void State::vacate(const LiveAttempt& live) { scheduler_.end(live.who); }

void State::reckon_end(const JobEntry& e, const Attempt& attempt) {
  const Running run = to_running(*this, e.job, attempt);
  scheduler_.set_end(live_.at(attempt.id).who, run.end, run.expected);
}

// --- kept nodes
// -----------------------------------------------------------------------------------

void State::keep_nodes(JobEntry& e) {
  const NodesKept& f = *e.job.kept;
  const auto pool = scheduler_.find_pool(f.pool);
  if (!pool || !e.waiting) return;
  Keep keep;
  keep.job = f.job;
  keep.pool = *pool;
  keep.nodes = to_set(f.nodes, scheduler_.space(*pool).leaf_size());
  keep.start = f.start;
  keep.expected = f.expected;
  keep.promised = f.promised;
  keep.preempting = f.preempting;
  e.waiting = scheduler_.keep(*e.waiting, keep);
}

// Whatever was kept for it is used, or of no use any more.
void State::forget_kept(JobEntry& e) {
  if (!e.job.kept) return;
  e.job.kept.reset();
  if (e.waiting) e.waiting = scheduler_.release(*e.waiting);
}

void State::on(const NodesKept& f) {
  JobEntry& e = entry(f.job);
  e.job.kept = f;
  keep_nodes(e);
}

void State::on(const NodesReleased& f) { forget_kept(entry(f.job)); }

void State::on(const AttemptProgressed& f) {
  Attempt& a = attempt(f.attempt);
  if (f.ends_at) a.ends_at = f.ends_at;
  if (f.steps) a.steps = f.steps;
  if (f.checkpoint_at) {
    a.checkpoint_at = f.checkpoint_at;
    scheduler_.set_checkpoint(live_.at(f.attempt).who, *f.checkpoint_at);
  }
  reckon_end(entry(f.attempt.job), a);
}

// --- what a snapshot or a new fleet makes anew
// ----------------------------------------------------

void State::learn(const JobEntry& e, const Attempt& attempt) {
  const auto ran = teaching_time(attempt);
  if (!ran) return;
  history_.add(e.job.spec->queue, e.job.spec->name, std::ssize(attempt.holdings),
               History::step_of(*ran));
}

void State::define_in_scheduler(const PoolRecord& record) {
  scheduler_.define_pool(record.pool);
  const std::string& pool = record.pool.name;
  if (record.reclaimed_at) scheduler_.set_reclaimed(pool, true);
  for (const NodesChanged& entry : record.nodes) {
    scheduler_.set_nodes(pool, entry.nodes, entry.state);
  }
  for (const NodeLoaded& load : record.loads) scheduler_.set_foreign(pool, load.node, load.load);
  for (const AdvanceReservation& r : record.reservations) {
    if (!r.where.empty()) scheduler_.reserve(r);
  }
}

// Everything waits and runs again as the records say: after a change that moves ground, such as a
// pool's topology or the policy.
void State::rebuild_scheduler() {
  scheduler_ = Scheduler();
  scheduler_.set_prices(packing_prices_);
  scheduler_.define_queues(queues_, scheduling_);
  for (const auto& [name, record] : pools_) define_in_scheduler(record);
  for (auto& [id, live] : live_) occupy(entry(id.job), live_attempt(id), live);
  for (auto& [id, e] : jobs_) {
    if (!e.waiting) continue;
    e.waiting.reset();
    enqueue(e);
  }
}

}  // namespace mohona

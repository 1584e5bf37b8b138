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
  if (has_planned_deadline(job)) deadline_pass_.jobs.insert(job.id);
  if (!job.expanded) {
    unexpanded_.insert(job.id);
    return;
  }
  const auto at_once = job.spec->shards ? job.spec->shards->at_once_max : 0;
  if (e.ready.empty() || (at_once > 0 && e.live >= at_once) || e.waiting) return;
  Needs needs = needs_of(*job.spec);
  needs.planned = has_planned_deadline(job) || (scheduling_.overflow_wait && may_be_planned(job));
  overflow_pass_.news = true;
  e.waiting = scheduler_.wait(job.id, std::move(needs), rank_of_job(job));
  waiting_.insert(job.id);
  unranked_.insert(job.id);
  if (job.kept) keep_nodes(e);
}

void State::leave_queue(JobEntry& e) {
  if (!e.waiting) return;
  scheduler_.leave(*e.waiting);
  e.waiting.reset();
  const JobId id = e.job.id;
  waiting_.erase(id);
  unrank(e);
  unranked_.insert(id);
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
  if (e.ranked != 0 && e.ranked_running) scheduler_.set_key(live.who, e.ranked);
}

void State::vacate(const LiveAttempt& live) {
  scheduler_.end(live.who);
  overflow_pass_.news = true;
}

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
  give_back_kept(e);
  keep_nodes_.erase(e.job.id);
  e.job.kept.reset();
  if (e.waiting) e.waiting = scheduler_.release(*e.waiting);
}

void State::on(const NodesKept& f) {
  overflow_pass_.news = true;
  JobEntry& e = entry(f.job);
  give_back_kept(e);
  e.job.kept = f;
  keep_nodes_.insert(f.job);
  count_kept(*queue_budgets_, e, 1);
  keep_nodes(e);
}

void State::on(const NodesReleased& f) {
  overflow_pass_.news = true;
  forget_kept(entry(f.job));
}

void State::on(const AttemptProgressed& f) {
  Attempt& a = attempt(f.attempt);
  if (f.ends_at && f.ends_at != a.ends_at) a.ends_at = f.ends_at, overflow_pass_.news = true;
  if (f.steps) a.steps = f.steps;
  if (f.checkpoint_at) {
    a.checkpoint_at = f.checkpoint_at;
    scheduler_.set_checkpoint(live_.at(f.attempt).who, *f.checkpoint_at);
  }
  const JobEntry& e = entry(f.attempt.job);
  reckon_end(e, a);
  look_ahead(e);
}

// --- how much longer
// --------------------------------------------------------------------------------

namespace {

// A GPU counts as much as so many cores.
constexpr std::int64_t cores_a_gpu = 16;

std::int64_t size_milli_of(const JobSpec& spec) {
  const Demand& demand = spec.resources.choices.front().demand;
  const std::int64_t gpus = demand.gpus * 1'000 + demand.gpu_milli;
  return std::max<std::int64_t>(
      1, spec.num_nodes * (gpus > 0 ? gpus : demand.cpus_milli / cores_a_gpu));
}

// One task, which has an end.
bool is_single(const Job& job) { return job.spec->kind != Kind::serve && job.tasks.size() == 1; }

Duration time_of(const Attempt& attempt) {
  if (!attempt.started_at || !attempt.ended_at) return Duration{0};
  return std::max(Duration{0}, *attempt.ended_at - *attempt.started_at);
}

// What the attempts that are over have got done, as far as time tells: without a checkpoint,
// nothing.
Duration kept_time(const Job& job) {
  Duration out{0};
  for (const PastAttempts& past : job.past) {
    out += past.node_time / std::max<std::int64_t>(1, job.spec->num_nodes);
  }
  for (const Attempt& attempt : job.attempts) out += time_of(attempt);
  return out;
}

Known known_of(const Job& job) {
  Known known;
  known.queue = job.spec->queue;
  known.name = job.spec->name;
  known.size_milli = size_milli_of(*job.spec);
  known.submitted = job.submitted_at;
  known.estimate = job.spec->estimate;
  if (job.spec->checkpoint) known.ran = kept_time(job);
  const Attempt* last = job.attempts.empty() ? nullptr : &job.attempts.back();
  if (last && !last->ended_at) known.since = last->started_at.value_or(last->placed_at);
  if (job.spec->progress) known.steps = job.spec->progress->steps;
  if (const Steps* steps = latest_steps(job)) {
    if (steps->total > 0) known.steps = steps->total;
    const bool now = last && last->steps && !last->ended_at;
    if (now || job.spec->checkpoint) known.done = steps->done;
    if (now) known.done_at = steps->at;
  }
  return known;
}

}  // namespace

// What is known of the job, after a change of its record.
void State::look_ahead(const JobEntry& e) {
  const Job& job = e.job;
  if (!is_single(job)) return;
  const std::int64_t size = size_milli_of(*job.spec);
  for (const Attempt& attempt : job.attempts) {
    if (!attempt.steps) continue;
    const Steps& s = *attempt.steps;
    prospects_.learn_speed(job.spec->name, size, s.at - s.first_at, s.done - s.first_done);
  }
  if (prospects_.find(job.id)) {
    prospects_.change(job.id, known_of(job));
  } else {
    prospects_.add(job.id, known_of(job));
  }
}

std::int64_t State::plain_key(const JobEntry& e) const {
  const JobSpec& spec = *e.job.spec;
  if (spec.kind == Kind::serve) return 1;  // somebody waits for its answers
  const auto usual = history_.predict(spec.queue, spec.name, spec.num_nodes);
  const Duration likely = usual ? usual->likely : spec.estimate.value_or(std::chrono::hours(1));
  return std::max<std::int64_t>(1, cost_of(likely, size_milli_of(spec)));
}

void State::unrank(JobEntry& e) {
  if (e.ranked == 0) return;
  const Ranked place{-e.job.spec->priority, std::exchange(e.ranked, 0), e.job.id};
  (e.ranked_running ? ranked_running_ : ranked_).erase(place);
}

void State::rank(JobId id, Timestamp now) {
  JobEntry& e = entry(id);
  const Known* known = prospects_.find(id);
  const bool runs = known && known->since;
  if (!e.waiting && !runs) return unrank(e);
  const std::int64_t key = known ? prospects_.key(id, scheduling_.order, now).cost : plain_key(e);
  if (key != e.ranked || e.ranked_running == e.waiting.has_value()) {
    unrank(e);
    e.ranked = key;
    e.ranked_running = !e.waiting;
    (e.waiting ? ranked_ : ranked_running_).insert({-e.job.spec->priority, e.ranked, id});
    const auto live = live_.lower_bound({id, 0, 0});
    if (live != live_.end() && live->first.job == id) scheduler_.set_key(live->second.who, key);
  }
}

void State::refresh_ranks(std::size_t running_max, Timestamp now) {
  std::vector<JobId> all(unranked_.begin(), unranked_.end());
  unranked_.clear();
  for (const JobId id : prospects_.take_stirred()) all.push_back(id);
  const auto& running = prospects_.running();
  auto at = running.upper_bound(refreshed_);
  for (std::size_t n = 0; n < std::min(running_max, running.size()); ++n, ++at) {
    if (at == running.end()) at = running.begin();
    refreshed_ = *at;
    all.push_back(*at);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  for (const JobId id : all) rank(id, now);
}

std::vector<JobId> State::first_waiting(std::size_t most) const {
  std::vector<JobId> out;
  for (const auto& [priority, key, id] : ranked_) {
    if (out.size() >= most) break;
    out.push_back(id);
  }
  return out;
}

bool State::goes_before(const JobEntry& waiting, const JobEntry& running) const {
  return running.ranked != 0 && std::pair(-waiting.job.spec->priority, waiting.ranked) <
                                    std::pair(-running.job.spec->priority, running.ranked);
}

bool State::worst_running_is_worse(const JobEntry& waiting) const {
  if (ranked_running_.empty()) return false;
  return goes_before(waiting, *find(std::get<JobId>(*ranked_running_.rbegin())));
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
  scheduler_.set_cost(cost_by(scheduling_.price, market_.get()));
  set_purse();
  for (const auto& [name, record] : pools_) define_in_scheduler(record);
  for (auto& [id, live] : live_) occupy(entry(id.job), live_attempt(id), live);
  for (auto& [id, e] : jobs_) {
    if (!e.waiting) continue;
    e.waiting.reset();
    enqueue(e);
  }
}

}  // namespace mohona

#include "core/state.h"

#include <xxhash.h>

#include <stdexcept>

#include "core/ledger/past.h"
#include "core/ledger/usage.h"
#include "model/codec.h"

namespace mohona {
namespace {

std::size_t task_count(const Job& job) {
  if (job.spec->kind == Kind::serve) return static_cast<std::size_t>(job.spec->service->replicas);
  if (job.spec->kind != Kind::data) return 1;
  const auto& shards = job.spec->shards;
  return shards && shards->range ? static_cast<std::size_t>(shards->count()) : job.shards.size();
}

// When a running attempt is to be stopped for its job's max_duration.
std::optional<Timestamp> stop_for_limit(const JobSpec& spec, const Attempt& attempt) {
  if (!spec.max_duration || !attempt.started_at) return std::nullopt;
  return *attempt.started_at + *spec.max_duration -
         std::min(spec.stop->before_limit, *spec.max_duration);
}

// A needed job is there when it has succeeded or, a service, while it answers.
bool is_there(const Job& needed) {
  return needed.state == JobState::succeeded ||
         (needed.spec->kind == Kind::serve && needed.state == JobState::running);
}

JobState state_from_tasks(const JobEntry& entry) {
  using enum JobState;
  if (entry.count(running) > 0) return running;
  if (entry.count(starting) > 0) return starting;
  if (entry.count(recovering) > 0) return recovering;
  // Between shards nothing may be live for an instant; a job that has begun does not look new
  // again.
  return entry.job.started_at ? running : pending;
}

}  // namespace

void State::apply(const Fact& fact) {
  std::visit([this](const auto& f) { on(f); }, fact);
}

// --- looking up
// -----------------------------------------------------------------------------------

const JobEntry* State::find(JobId id) const {
  if (id.value < by_number_.size()) return by_number_[id.value];
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

const JobEntry* State::find_by_name(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : find(found->second);
}

const JobEntry* State::find_by_key(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : find(found->second);
}

const Attempt* State::find(const AttemptId& id) const {
  if (const auto live = live_.find(id); live != live_.end()) return live->second.attempt;
  const JobEntry* found = find(id.job);
  if (!found) return nullptr;
  for (const Attempt& attempt : found->job.attempts) {
    if (attempt.id == id) return &attempt;
  }
  return nullptr;
}

const PoolRecord* State::find_pool(const std::string& name) const {
  const auto found = pools_.find(name);
  return found == pools_.end() ? nullptr : &found->second;
}

const Attempt& State::live_attempt(const AttemptId& id) const { return *live_.at(id).attempt; }

JobEntry& State::entry(JobId id) {
  // Facts are ours: one that names an unknown job is a damaged journal, and nothing may go on.
  if (!find(id)) throw std::logic_error("a fact names unknown job " + to_string(id));
  return id.value < by_number_.size() ? *by_number_[id.value] : jobs_.at(id);
}

JobEntry& State::add(JobId id) {
  JobEntry& added = jobs_[id];
  if (id.value < 2 * jobs_.size() + 1'024) {
    const JobId first{by_number_.size()};
    if (by_number_.size() <= id.value) by_number_.resize(id.value + 1);
    for (auto it = jobs_.lower_bound(std::min(first, id)); it != jobs_.end() && it->first <= id;
         ++it) {
      by_number_[it->first.value] = &it->second;
    }
  }
  return added;
}

Attempt& State::attempt(const AttemptId& id) {
  return entry(id.job).job.attempts.at(live_.at(id).place);
}

void State::on(const ControllerStarted& f) { epoch_ = f.epoch; }

// --- jobs
// -----------------------------------------------------------------------------------------

void State::on(const JobSubmitted& f) {
  Job job;
  job.id = f.job;
  job.spec = std::make_shared<const JobSpec>(f.spec);
  job.needs = f.needs;
  job.key = f.key;
  job.secrets = f.secrets;
  job.submitted_at = f.at;
  if (f.spec.shards) {
    job.expanded = f.spec.shards->globs.empty();
    job.shards = f.spec.shards->items;
  }
  job.tasks.resize(task_count(job));
  JobEntry& entry = add(f.job);
  entry.job = std::move(job);
  index_job(entry);
}

void State::on(const JobExpanded& f) {
  JobEntry& e = entry(f.job);
  e.job.expanded = true;
  e.job.shards = f.shards;
  e.job.tasks.resize(f.shards.size());
  const auto tasks = static_cast<std::uint32_t>(f.shards.size());
  e.counts[static_cast<std::size_t>(JobState::pending)] = tasks;
  if (tasks > 0) e.ready.insert_run(0, tasks - 1);
  unexpanded_.erase(f.job);
  enqueue(e);
  unsettled_.insert(f.job);
}

void State::on(const AttemptPlaced& f) {
  JobEntry& e = entry(f.attempt.id.job);
  end_pause(e, f.attempt.id.task);
  deadlines_.erase({e.job.spec->deadline.value_or(Timestamp{}), e.job.id});
  e.job.tasks.at(f.attempt.id.task).attempts = f.attempt.id.number;
  forget_kept(e);  // it starts there or elsewhere
  const auto place = add_attempt(e.job, f.attempt);
  LiveAttempt& live = live_[f.attempt.id];
  live = {place, &e.job.attempts.at(place), nobody};
  ++e.live;
  occupy(e, f.attempt, live);
  count_running(*queue_budgets_, e, live);
  hold_in_market(f.attempt, 1);
  look_ahead(e);
  if (!e.job.started_at) {
    e.job.started_at = f.attempt.placed_at;
    count_first_wait(overflow_waits_, e.job);
  }
  if (!may_be_planned(e.job)) overflow_pass_.news = true;
  e.ready.erase(f.attempt.id.task);
  const auto at_once = e.job.spec->shards ? e.job.spec->shards->at_once_max : 0;
  if (e.ready.empty() || (at_once > 0 && e.live >= at_once)) leave_queue(e);
  set_task(e, f.attempt.id.task, JobState::starting);
  watch_budget(e);
}

void State::on(const AttemptStarted& f) {
  JobEntry& e = entry(f.attempt.job);
  Attempt& a = attempt(f.attempt);
  a.started_at = f.at;
  a.port = f.port;
  watch_limit(e, a);
  reckon_end(e, a);
  look_ahead(e);
  // A replica is running only once it answers.
  if (e.job.spec->kind != Kind::serve) set_task(e, f.attempt.task, JobState::running);
}

void State::on(const ReplicaReady& f) {
  JobEntry& e = entry(f.attempt.job);
  attempt(f.attempt).ready = f.ready;
  if (f.ready) e.job.tasks.at(f.attempt.task).never_ready = 0;
  set_task(e, f.attempt.task, f.ready ? JobState::running : JobState::starting);
}

void State::on(const AttemptStopping& f) {
  JobEntry& e = entry(f.attempt.job);
  Attempt& a = attempt(f.attempt);
  a.stopping = f.reason;
  a.gone_by = f.at + f.within;
  a.for_job = f.for_job;
  scheduler_.set_stopping(live_.at(f.attempt).who, f.for_job, *a.gone_by);
  reckon_end(e, a);
  overflow_pass_.news = true;
  forget_limit(e, a);
  watch_budget(e);
}

void State::on(const AttemptEnded& f) {
  JobEntry& e = entry(f.attempt.job);
  Attempt& a = attempt(f.attempt);
  a.ended_at = f.at;
  a.outcome = f.outcome;
  forget_limit(e, a);
  if (e.job.spec->kind == Kind::serve && !a.ready) {
    ++e.job.tasks.at(f.attempt.task).never_ready;
  }
  a.ready = false;
  learn(e, a);
  queue_budgets_->charge(e.job.spec->queue, spending_of(a, f.at));
  vacate(live_.at(f.attempt));
  hold_in_market(a, -1);
  e.job.attempts.ended(live_.at(f.attempt).place);
  live_.erase(f.attempt);
  --e.live;
  sum_past_attempts(e.job);
  look_ahead(e);
  unrank(e);
  unranked_.insert(e.job.id);  // other tasks of it may wait
  watch_budget(e);
  enqueue(e);  // an array that was at its limit may go on
  unsettled_.insert(f.attempt.job);
}

void State::on(const TaskWaits& f) {
  JobEntry& e = entry(f.job);
  Task& task = e.job.tasks.at(f.task);
  if (f.after_failure) {
    ++task.failures;
  } else {
    task.count_loss();
  }
  e.job.tasks.set_note(f.task, {f.not_before, f.reason});
  set_task(e, f.task, JobState::recovering);
  if (f.not_before > Timestamp{}) {
    delayed_.insert({f.not_before, {f.job, f.task}});
  } else {
    e.ready.insert(f.task);
    enqueue(e);
  }
}

void State::on(const TaskEnded& f) {
  JobEntry& e = entry(f.job);
  e.job.tasks.set_note(f.task, {{}, f.reason});
  set_task(e, f.task, f.state);
}

void State::on(const JobCancelling& f) {
  overflow_pass_.news = true;
  JobEntry& e = entry(f.job);
  e.job.cancelling = true;
  e.job.reason = f.reason;
  forget_kept(e);
  leave_queue(e);
  unexpanded_.erase(f.job);
  unsettled_.insert(f.job);
}

void State::on(const JobEnded& f) {
  overflow_pass_.news = true;
  JobEntry& e = entry(f.job);
  forget_kept(e);
  leave_queue(e);
  unexpanded_.erase(f.job);
  for (std::uint32_t i = 0; i < e.job.tasks.size(); ++i) {
    if (is_terminal(e.job.tasks[i].state)) continue;
    end_pause(e, i);
    set_task(e, i, JobState::cancelled);
  }
  if (e.job.spec->deadline) deadlines_.erase({*e.job.spec->deadline, f.job});
  deadline_pass_.jobs.erase(f.job);
  e.ready.clear();
  e.job.state = f.state;
  e.job.reason = f.reason;
  e.job.ended_at = f.at;
  if (const Known* known = prospects_.find(f.job)) {
    prospects_.end(f.job, known->ran, f.state == JobState::succeeded);
  }
  unsettled_.erase(f.job);
  needs_changed(e);
}

// --- what follows from it
// -------------------------------------------------------------------------

void State::set_task(JobEntry& e, std::uint32_t index, JobState state) {
  Task& task = e.job.tasks.at(index);
  --e.counts[static_cast<std::size_t>(task.state)];
  ++e.counts[static_cast<std::size_t>(state)];
  task.state = state;
  refresh(e);
  unsettled_.insert(e.job.id);
}

void State::end_pause(JobEntry& e, std::uint32_t task) {
  TaskNote note = e.job.tasks.note(task);
  if (note.not_before == Timestamp{}) return;
  delayed_.erase({note.not_before, {e.job.id, task}});
  note.not_before = {};
  e.job.tasks.set_note(task, std::move(note));
}

void State::refresh(JobEntry& e) {
  if (is_terminal(e.job.state)) return;
  const bool was_there = is_there(e.job);
  e.job.state = state_from_tasks(e);
  if (is_there(e.job) != was_there) needs_changed(e);
}

void State::needs_changed(const JobEntry& needed) {
  const auto found = dependants_.find(needed.job.id);
  if (found == dependants_.end()) return;
  for (const JobId id : found->second) {
    JobEntry& dependant = jobs_.at(id);
    if (is_terminal(dependant.job.state)) continue;
    if (is_there(needed.job)) {
      if (dependant.unmet->contains(needed.job.id)) dependant.unmet.edit().erase(needed.job.id);
      if (dependant.unmet.empty()) dependant.unmet = {};
      enqueue(dependant);
    } else if (is_terminal(needed.job.state)) {
      unsettled_.insert(id);
    } else if (!dependant.job.started_at) {
      dependant.unmet.edit().insert(needed.job.id);
      leave_queue(dependant);
    }
  }
}

void State::watch_limit(const JobEntry& e, const Attempt& a) {
  if (const auto end = stop_for_limit(*e.job.spec, a)) limits_.insert({*end, a.id});
}

void State::forget_limit(const JobEntry& e, const Attempt& a) {
  if (const auto end = stop_for_limit(*e.job.spec, a)) limits_.erase({*end, a.id});
}

void State::watch_budget(JobEntry& e) {
  if (!e.job.spec->budget) return;
  budgets_.erase({e.budget_until, e.job.id});
  const auto until = budget_end(e.job, *e.job.spec->budget);
  e.budget_until = until.value_or(Timestamp{});
  if (until) budgets_.insert({*until, e.job.id});
}

// --- snapshots
// ------------------------------------------------------------------------------------

void State::index_job(JobEntry& e) {
  const Job& job = e.job;
  if (last_job_ < job.id) last_job_ = job.id;
  by_name_[job.spec->name] = std::max(by_name_[job.spec->name], job.id);
  if (!job.key.empty()) by_key_[job.key] = job.id;
  e.counts = {};
  for (const Attempt& a : job.attempts) learn(e, a);
  for (const PastRuns& past : job.past_runs) {
    history_.add(job.spec->queue, job.spec->name, past.nodes, static_cast<std::uint16_t>(past.step),
                 static_cast<std::uint32_t>(past.runs));
  }
  for (const Task& task : job.tasks) ++e.counts[static_cast<std::size_t>(task.state)];
  look_ahead(e);
  if (is_terminal(job.state)) {
    if (const Known* known = prospects_.find(job.id)) {
      prospects_.end(job.id, known->ran, job.state == JobState::succeeded);
    }
    return;
  }
  for (const JobId id : job.needs) {
    dependants_[id].push_back(job.id);
    // A pipeline may name a job that stands further down in its file.
    const JobEntry* needed = find(id);
    if ((!needed || !is_there(needed->job)) && !job.started_at) e.unmet.edit().insert(id);
  }
  if (job.spec->deadline && !job.started_at) deadlines_.insert({*job.spec->deadline, job.id});
  if (has_planned_deadline(job)) deadline_pass_.jobs.insert(job.id);
  for (std::uint32_t i = 0; i < job.tasks.size(); ++i) {
    const Task& task = job.tasks[i];
    const bool waits = task.state == JobState::recovering;
    const Timestamp not_before = waits ? job.tasks.note(i).not_before : Timestamp{};
    if (not_before > Timestamp{}) {
      delayed_.insert({not_before, {job.id, i}});
    } else if (waits || task.state == JobState::pending) {
      e.ready.insert(i);
    }
  }
  for (const auto& [place, a] : job.attempts.places()) {
    if (a.ended_at) continue;
    LiveAttempt& live = live_[a.id];
    live = {place, &a, nobody};
    ++e.live;
    occupy(e, a, live);
    if (!a.stopping) watch_limit(e, a);
  }
  if (job.kept) keep_nodes_.insert(job.id);
  watch_budget(e);
  enqueue(e);
  unsettled_.insert(job.id);
}

void State::restore(Job job) {
  const JobId id = job.id;
  // Records of before 0.2.0 hold every attempt, and the pauses that are over.
  sum_past_attempts(job);
  const auto notes = job.tasks.notes();
  for (const auto& [first, run] : notes) {
    if (run.note.not_before == Timestamp{}) continue;
    for (std::uint32_t task = first; task <= run.last; ++task) {
      if (job.tasks[task].state == JobState::recovering) continue;
      job.tasks.set_note(task, {{}, run.note.reason});
    }
  }
  add(id).job = std::move(job);
}

void State::restore(PoolRecord pool) {
  const std::string name = pool.pool.name;
  pools_.emplace(name, std::move(pool));
}

void State::index() {
  scheduler_ = Scheduler();
  scheduler_.set_prices(packing_prices_);
  scheduler_.define_queues(queues_, scheduling_);
  for (const auto& [name, record] : pools_) define_in_scheduler(record);
  define_budgets();
  set_purse();
  overflow_waits_.clear();
  for (auto& [id, e] : jobs_) {
    index_job(e);
    count_first_wait(overflow_waits_, e.job);
  }
  rebuild_market();
}

std::string State::digest() const {
  XXH3_state_t* hash = XXH3_createState();
  XXH3_128bits_reset(hash);
  const auto add = [&](const std::string& text) {
    XXH3_128bits_update(hash, text.data(), text.size());
    XXH3_128bits_update(hash, "\n", 1);
  };
  for (const auto& [name, pool] : pools_) add(encode(pool));
  for (const auto& [id, e] : jobs_) add(encode(e.job));
  // Not when nothing was ever said of them: journals of before have the digests of before.
  const QueuesDefined queues{queues_, scheduling_};
  if (queues != QueuesDefined{}) add(encode(queues));
  if (packing_prices() != PackingPrices{}) add(encode(packing_prices()));
  if (contracts_ != Contracts{}) add(encode(ContractsDefined{contracts_}));
  if (!reliefs_.empty()) add(encode(ReliefPriced{reliefs_}));
  if (const QueuesSpent spent = queue_budgets_->spent(); spent != QueuesSpent{}) add(encode(spent));
  const XXH128_hash_t value = XXH3_128bits_digest(hash);
  XXH3_freeState(hash);
  return fmt::format("{:016x}{:016x}", value.high64, value.low64);
}

}  // namespace mohona

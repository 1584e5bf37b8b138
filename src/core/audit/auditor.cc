#include "core/audit/auditor.h"

#include <algorithm>

#include "core/schedule/needs.h"
#include "core/stop.h"

namespace mohona {
namespace {

// What the promise counts for a launch, beside limits and stops; see docs/scheduling.md.
constexpr Duration launch_max = std::chrono::minutes(1);
constexpr std::uint32_t losses_max = 1'001;

// When it has left at the latest, by what is known now.
Timestamp ends_by(const JobSpec& spec, const Attempt& attempt) {
  Timestamp end = Timestamp::max();
  if (spec.max_duration) {
    const Duration stay = *spec.max_duration + stop_within(spec, StopReason::time_limit);
    end = attempt.started_at ? *attempt.started_at + stay : attempt.placed_at + launch_max + stay;
  }
  return attempt.gone_by ? std::min(end, *attempt.gone_by) : end;
}

bool contains(const NodeRanges& nodes, std::int64_t node) {
  return std::any_of(nodes.begin(), nodes.end(), [&](const NodeRange& range) {
    return range.first <= node && node <= range.last;
  });
}

std::optional<std::int64_t> common(const NodeRanges& nodes, const std::vector<Holding>& holdings) {
  for (const Holding& holding : holdings) {
    if (contains(nodes, holding.node)) return holding.node;
  }
  return std::nullopt;
}

std::string at(Timestamp when) { return format_timestamp(when); }

bool has_budgets(const std::vector<Queue>& queues) {
  return std::any_of(queues.begin(), queues.end(), [](const Queue& q) { return q.budget; });
}

}  // namespace

void Auditor::report(Rule rule, std::string what) {
  if (violations_.size() < violations_max) violations_.push_back({rule, now_, std::move(what)});
}

void Auditor::see(const Fact& fact) {
  ++facts_;
  std::visit([this](const auto& f) { on(f); }, fact);
}

// Time as the facts tell it; a clock that was set back does not turn it back.
void Auditor::pass(Timestamp now) {
  now_ = std::max(now_, now);
  while (!promised_.empty() && promised_.begin()->first < now_) {
    const JobId job = promised_.begin()->second;
    promised_.erase(promised_.begin());
    if (const auto kept = kept_.find(job); kept != kept_.end()) check_late(job, kept->second);
  }
}

Auditor::JobBook* Auditor::job_of(JobId id, const char* what) {
  const auto found = jobs_.find(id);
  if (found != jobs_.end()) return &found->second;
  report(Rule::findable, fmt::format("{} names job {}, which was never accepted", what, id.value));
  return nullptr;
}

Auditor::LiveBook* Auditor::live_of(const AttemptId& id, const char* what) {
  const auto found = live_.find(id);
  if (found != live_.end()) return &found->second;
  report(Rule::transition,
         fmt::format("{} names attempt {}, which does not live", what, to_string(id)));
  return nullptr;
}

bool Auditor::is_there(JobId need) const {
  const auto found = jobs_.find(need);
  if (found == jobs_.end()) return false;
  const JobBook& job = found->second;
  return job.state == JobState::succeeded ||
         (job.spec.kind == Kind::serve && job.ready > 0 && !is_terminal(job.state));
}

std::int64_t Auditor::spent(JobId id, const JobBook& job, Timestamp now) const {
  std::int64_t total = job.spent;
  for (auto it = live_.lower_bound({id, 0, 0}); it != live_.end() && it->first.job == id; ++it) {
    total += bill(it->second.attempt, now);
  }
  return total;
}

// --- jobs
// -----------------------------------------------------------------------------------------

void Auditor::on(const ControllerStarted& f) {
  pass(f.at);
  // The same one says so again when its store takes writes again.
  if (f.epoch < epoch_) {
    report(Rule::epoch, fmt::format("epoch {} writes after epoch {}", f.epoch.value, epoch_.value));
  }
  epoch_ = std::max(epoch_, f.epoch);
}

void Auditor::on(const JobSubmitted& f) {
  pass(f.at);
  if (f.job <= last_job_) {
    report(Rule::order,
           fmt::format("job {} is accepted after job {}", f.job.value, last_job_.value));
  }
  last_job_ = std::max(last_job_, f.job);
  if (!f.key.empty() && !keys_.insert(f.key).second) {
    report(Rule::findable, fmt::format("job {} is accepted under the key {}, which another has",
                                       f.job.value, f.key));
  }
  JobBook& job = jobs_[f.job];
  job = {};
  job.spec = f.spec;
  job.needs = f.needs;
  std::size_t tasks = 1;
  if (f.spec.kind == Kind::serve) tasks = static_cast<std::size_t>(f.spec.service->replicas);
  if (f.spec.shards) job.expanded = f.spec.shards->globs.empty();
  if (f.spec.kind == Kind::data) tasks = static_cast<std::size_t>(f.spec.shards->count());
  job.tasks.resize(tasks);
}

void Auditor::on(const JobExpanded& f) {
  pass(f.at);
  JobBook* job = job_of(f.job, "a list of shards");
  if (!job) return;
  if (job->expanded) {
    report(Rule::transition, fmt::format("job {} gets its shards a second time", f.job.value));
  }
  job->expanded = true;
  job->tasks.resize(f.shards.size());
}

// Whether it is this task's turn at all.
void Auditor::check_turn(const JobBook& job, const TaskBook& task, const Attempt& attempt) {
  const std::string name = to_string(attempt.id);
  const Timestamp now = attempt.placed_at;
  if (is_terminal(job.state) || job.cancelling || !job.expanded) {
    report(Rule::transition, fmt::format("{} is placed, but its job has ended, is to end or has no "
                                         "shards yet",
                                         name));
  }
  if (task.live) report(Rule::one_attempt, fmt::format("{} is placed beside a live one", name));
  if (task.state != JobState::pending && task.state != JobState::recovering) {
    report(Rule::transition, fmt::format("{} is placed, but its task does not wait", name));
  }
  if (attempt.id.number != task.attempts + 1) {
    report(Rule::order, fmt::format("{} is placed after attempt {}", name, task.attempts));
  }
  if (task.losses < losses_max && attempt.id.number != task.failures + task.losses + 1) {
    report(Rule::retries, fmt::format("{} is placed after {} failures and {} losses", name,
                                      task.failures, task.losses));
  }
  if (now < task.not_before) {
    report(Rule::transition, fmt::format("{} is placed before {}, until when its task was to wait",
                                         name, at(task.not_before)));
  }
  if (now < task.free_at) {
    report(Rule::usage, fmt::format("{} holds nodes while the one before it still did", name));
  }
  if (job.begun) return;
  if (job.spec.deadline && *job.spec.deadline <= now) {
    report(Rule::transition, fmt::format("{} starts after its deadline", name));
  }
  for (const JobId need : job.needs) {
    if (is_there(need)) continue;
    report(Rule::transition,
           fmt::format("{} starts, but job {}, which it needs, is not there", name, need.value));
  }
}

void Auditor::check_gang(const JobBook& job, const Attempt& attempt) {
  const JobSpec& spec = job.spec;
  const std::string name = to_string(attempt.id);
  const std::int64_t most = spec.num_nodes, least = spec.min_nodes > 0 ? spec.min_nodes : most;
  const std::int64_t size = std::ssize(attempt.holdings);
  if (size < least || size > most) {
    report(Rule::gang,
           fmt::format("{} gets {} nodes; it asked for {} to {}", name, size, least, most));
  }
  const auto& choices = spec.resources.choices;
  if (std::none_of(choices.begin(), choices.end(),
                   [&](const Choice& choice) { return choice.demand == attempt.demand; })) {
    report(Rule::gang, fmt::format("{} holds what it did not ask for", name));
  }
  std::set<std::int64_t> nodes;
  for (const Holding& holding : attempt.holdings) nodes.insert(holding.node);
  if (std::ssize(nodes) != size && !pools_[attempt.pool].pool().share_nodes) {
    report(Rule::gang, fmt::format("{} stands twice on a node", name));
  }
}

// What is kept for others, and what windows end before it does.
void Auditor::check_holds(const JobBook& job, const LiveBook& live) {
  const Attempt& a = live.attempt;
  const auto check = [&](const NodeRanges& nodes, Timestamp start, const std::string& whose) {
    if (live.ends <= start) return;
    const auto node = common(nodes, a.holdings);
    if (!node) return;
    report(
        Rule::hold,
        fmt::format("{} is placed on node {} of {} and may stay until {}; it is kept "
                    "for {} from {} on",
                    to_string(a.id), *node, a.pool,
                    live.ends == Timestamp::max() ? "any time" : at(live.ends), whose, at(start)));
  };
  for (const auto& [other, kept] : kept_) {
    if (other == a.id.job || kept.fact.pool != a.pool) continue;
    check(kept.fact.nodes, kept.fact.start, fmt::format("job {}", other.value));
  }
  for (const auto& [name, window] : reservations_) {
    if (window.pool != a.pool) continue;
    check(window.where, job.spec.reservation == name ? window.to : window.from, name);
  }
}

void Auditor::on(const AttemptPlaced& f) {
  const Attempt& a = f.attempt;
  pass(a.placed_at);
  JobBook* job = job_of(a.id.job, "a placement");
  if (!job) return;
  const std::string name = to_string(a.id);
  if (a.id.task >= job->tasks.size()) {
    return report(Rule::order,
                  fmt::format("{} is placed; its job has {} tasks", name, job->tasks.size()));
  }
  TaskBook& task = job->tasks[a.id.task];
  check_turn(*job, task, a);
  if (job->spec.budget && job->begun &&
      spent(a.id.job, *job, a.placed_at) >= job->spec.budget->micros) {
    report(Rule::budget, fmt::format("{} is placed, but its job has spent its budget", name));
  }
  const auto kept = kept_.find(a.id.job);
  const bool was_kept = kept != kept_.end();
  const Worth held = was_kept ? kept->second.worth : 0;
  forget_kept(a.id.job);
  LiveBook live{a, 0, ends_by(job->spec, a)};
  if (!pools_.contains(a.pool)) {
    report(Rule::nodes, fmt::format("{} is placed in {}, which there is not", name, a.pool));
  } else {
    check_gang(*job, a);
    PoolBook& pool = pools_[a.pool];
    if (a.price != pool.pool().price || a.cloud != pool.pool().cloud) {
      report(Rule::usage,
             fmt::format("{} is placed at another price than that of {}", name, a.pool));
    }
    live.worth = worth_of(pool.pool(), a.demand) * std::ssize(a.holdings);
    if (const std::string wrong = pool.take(a.demand, a.holdings); !wrong.empty()) {
      report(Rule::allocation, fmt::format("{} is placed, and {}", name, wrong));
    }
    if (const std::string wrong = queues_.take(job->spec.queue, live.worth, held); !wrong.empty()) {
      report(Rule::share, fmt::format("{} is placed, and {}", name, wrong));
    }
    check_holds(*job, live);
  }
  job->begun = true;
  ++job->live;
  task.attempts = a.id.number;
  task.live = true;
  task.state = JobState::starting;
  live_[a.id] = std::move(live);
  // For a gang that nodes were kept for the money was put aside with them.
  if (!was_kept && a.price.nanos > 0) check_money(*job, a);
}

void Auditor::on(const AttemptStarted& f) {
  LiveBook* live = live_of(f.attempt, "a start");
  if (!live) return;
  Attempt& a = live->attempt;
  if (a.started_at) {
    report(Rule::transition, fmt::format("{} starts a second time", to_string(f.attempt)));
  }
  a.started_at = f.at;
  JobBook& job = jobs_.at(f.attempt.job);
  live->ends = ends_by(job.spec, a);
  if (job.spec.kind != Kind::serve) job.tasks[f.attempt.task].state = JobState::running;
}

void Auditor::on(const ReplicaReady& f) {
  pass(f.at);
  LiveBook* live = live_of(f.attempt, "an answer to a probe");
  if (!live) return;
  JobBook& job = jobs_.at(f.attempt.job);
  if (live->attempt.ready == f.ready) {
    report(Rule::transition,
           fmt::format("{} is ready, or not, a second time", to_string(f.attempt)));
  } else {
    job.ready += f.ready ? 1 : UINT32_MAX;
  }
  live->attempt.ready = f.ready;
  job.tasks[f.attempt.task].state = f.ready ? JobState::running : JobState::starting;
}

void Auditor::on(const AttemptStopping& f) {
  pass(f.at);
  LiveBook* live = live_of(f.attempt, "a stop");
  if (!live) return;
  Attempt& a = live->attempt;
  const JobBook& job = jobs_.at(f.attempt.job);
  if (a.stopping) {
    report(Rule::transition, fmt::format("{} is told to stop a second time", to_string(f.attempt)));
  }
  if (f.grace > f.within || f.within < Duration{0}) {
    report(Rule::transition,
           fmt::format("{} gets a longer grace than it has", to_string(f.attempt)));
  }
  if (f.reason == StopReason::preempted) {
    if (f.at - a.placed_at < policy_.min_run) {
      report(Rule::min_run,
             fmt::format("{} makes room after {}; it had {}", to_string(f.attempt),
                         format_duration(f.at - a.placed_at), format_duration(policy_.min_run)));
    }
    if (!job.spec.restart_after_loss) {
      report(Rule::min_run,
             fmt::format("{} makes room, but may not be restarted", to_string(f.attempt)));
    }
    if (const auto who = jobs_.find(f.for_job);
        who == jobs_.end() || is_terminal(who->second.state)) {
      report(Rule::min_run, fmt::format("{} makes room for nobody", to_string(f.attempt)));
    }
  }
  a.stopping = f.reason;
  a.gone_by = f.at + f.within;
  live->ends = ends_by(job.spec, a);
}

void Auditor::on(const AttemptEnded& f) {
  LiveBook* live = live_of(f.attempt, "an end");
  if (!live) return;
  JobBook& job = jobs_.at(f.attempt.job);
  const Attempt& a = live->attempt;
  TaskBook& task = job.tasks[f.attempt.task];
  task.live = false;
  task.waits_for_verdict = true;
  task.free_at = f.at;
  --job.live;
  job.ready -= a.ready ? 1 : 0;
  job.spent += bill(a, f.at);
  job.last = f.outcome;
  if (const auto pool = pools_.find(a.pool); pool != pools_.end()) {
    pool->second.give_back(a.demand, a.holdings);
  }
  queues_.give_back(job.spec.queue, live->worth);
  if (a.price.nanos > 0 && has_budgets(fleet_queues_)) {
    paid_.emplace_back(job.spec.queue, a);
    paid_.back().second.ended_at = f.at;
  }
  // It stayed longer than could be known: whoever waited for its nodes may start late.
  if (now_ > live->ends) {
    for (auto& [id, kept] : kept_) {
      if (kept.fact.pool == a.pool && common(kept.fact.nodes, a.holdings)) kept.excused = true;
    }
  }
  live_.erase(f.attempt);
}

void Auditor::on(const TaskWaits& f) {
  JobBook* job = job_of(f.job, "a pause");
  if (!job || f.task >= job->tasks.size()) return;
  TaskBook& task = job->tasks[f.task];
  const std::string name = fmt::format("task {} of job {}", f.task, f.job.value);
  if (task.live || !task.waits_for_verdict || is_terminal(task.state)) {
    report(Rule::transition, fmt::format("{} waits again, but no attempt of it has ended", name));
  }
  if (f.after_failure && task.failures >= job->spec.retries.max) {
    report(Rule::retries, fmt::format("{} is tried again after {} failures; its job allows {}",
                                      name, task.failures + 1, job->spec.retries.max));
  }
  if (f.after_failure && job->last.end != End::exited) {
    report(Rule::report, fmt::format("{} is said to have failed, but it was lost", name));
  }
  ++(f.after_failure ? task.failures : task.losses);
  task.waits_for_verdict = false;
  task.state = JobState::recovering;
  task.not_before = f.not_before;
}

void Auditor::on(const TaskEnded& f) {
  JobBook* job = job_of(f.job, "an end of a task");
  if (!job || f.task >= job->tasks.size()) return;
  TaskBook& task = job->tasks[f.task];
  const std::string name = fmt::format("task {} of job {}", f.task, f.job.value);
  if (task.live || !task.waits_for_verdict || is_terminal(task.state) || !is_terminal(f.state)) {
    report(Rule::transition, fmt::format("{} ends, but no attempt of it has", name));
  }
  if (f.state == JobState::succeeded &&
      (job->last.end != End::exited || job->last.exit_code != 0)) {
    report(Rule::report,
           fmt::format("{} is said to have succeeded, but it did not leave with 0", name));
  }
  task.waits_for_verdict = false;
  task.state = f.state;
}

void Auditor::on(const JobCancelling& f) {
  pass(f.at);
  JobBook* job = job_of(f.job, "a cancellation");
  if (!job) return;
  if (is_terminal(job->state) || job->cancelling) {
    report(Rule::transition, fmt::format("job {} is cancelled after its end", f.job.value));
  }
  job->cancelling = true;
  forget_kept(f.job);
}

void Auditor::on(const JobEnded& f) {
  pass(f.at);
  JobBook* job = job_of(f.job, "an end");
  if (!job) return;
  if (is_terminal(job->state) || !is_terminal(f.state)) {
    report(Rule::transition, fmt::format("job {} ends a second time", f.job.value));
  }
  if (job->live > 0) {
    report(Rule::transition, fmt::format("job {} ends while something of it lives", f.job.value));
  }
  const bool all = std::all_of(job->tasks.begin(), job->tasks.end(), [](const TaskBook& task) {
    return task.state == JobState::succeeded;
  });
  if (f.state == JobState::succeeded && !all) {
    report(Rule::transition, fmt::format("job {} succeeds without all of its tasks", f.job.value));
  }
  job->state = f.state;
  for (TaskBook& task : job->tasks) {
    if (!is_terminal(task.state)) task.state = JobState::cancelled;
  }
  forget_kept(f.job);
}

void Auditor::on(const AttemptProgressed& f) { live_of(f.attempt, "a report of steps"); }

}  // namespace mohona

#include "core/decide.h"

#include <algorithm>

#include "base/text.h"
#include "core/decide_fleet.h"
#include "core/ledger/usage.h"
#include "core/progress.h"
#include "core/stop.h"
#include "core/submit.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr Duration backoff_max = minutes(5);
constexpr Duration relaunch_pause = seconds(5);
// A shell reports a child that a signal has ended with 128 and the signal's number.
constexpr std::int64_t signal_codes_from = 128;
constexpr std::uint32_t losses_max = 1'000;
constexpr std::uint32_t never_ready_max = 5;

// back-off × 2^failures, bounded.
Duration pause_after(Duration backoff, std::uint32_t failures) {
  const std::uint32_t doublings = std::min<std::uint32_t>(failures, 20);
  return std::min(backoff_max, backoff * (std::int64_t{1} << doublings));
}

std::string describe_exit(const Outcome& outcome) {
  // A code above 128 alone proves no signal: ssh and many launchers exit with 255.
  std::string text = outcome.signal > 0 ? fmt::format("ended by signal {}", outcome.signal)
                                        : fmt::format("exit code {}", outcome.exit_code);
  if (!outcome.detail.empty()) text += ": " + outcome.detail;
  return text;
}

// The reason as a person reads it in `show`.
std::string why_stopped(StopReason reason, const Job& job) {
  switch (reason) {
    case StopReason::cancelled:
      return "cancelled";
    case StopReason::reclaimed:
      return "its pool was taken back";
    case StopReason::time_limit:
      return fmt::format("it reached its max_duration of {}",
                         format_duration(job.spec->max_duration.value_or(Duration{0})));
    case StopReason::budget:
      return fmt::format("it used up its budget of {}",
                         format_money(job.spec->budget.value_or(Money{})));
    case StopReason::preempted:
      return "it made room for other work";
    case StopReason::deadline:
      return "it went on demand, to be done by its deadline";
    case StopReason::unready:
      return "it no longer answered its readiness probe";
  }
  return {};
}

Fact task_waits(const AttemptId& id, Timestamp not_before, bool after_failure, std::string reason) {
  return TaskWaits{id.job, id.task, not_before, after_failure, std::move(reason)};
}
Fact task_ended(const AttemptId& id, JobState state, std::string reason) {
  return TaskEnded{id.job, id.task, state, std::move(reason)};
}

// A replica that ends is replaced, whatever its exit code, unless it never becomes ready.
Fact after_replica(const Job& job, const Attempt& attempt, const std::string& how, Timestamp now) {
  const Task& task = job.tasks.at(attempt.id.task);
  const std::uint32_t in_vain = attempt.ready ? 0 : task.never_ready + 1;
  if (in_vain > never_ready_max + job.spec->retries.max) {
    return task_ended(attempt.id, JobState::failed,
                      fmt::format("{} replicas in a row ended before they were ready; the last: {}",
                                  in_vain, how));
  }
  const Duration pause =
      in_vain == 0 ? Duration{0} : pause_after(job.spec->retries.backoff, in_vain - 1);
  return task_waits(attempt.id, in_vain == 0 ? Timestamp{} : now + pause, false, how);
}

// A machine that vanished is not the work's fault: the task waits again, at its old place in line.
Fact after_loss(const Job& job, const Attempt& attempt, std::string how, Timestamp not_before) {
  const Task& task = job.tasks.at(attempt.id.task);
  if (!job.spec->restart_after_loss) {
    return task_ended(attempt.id, JobState::failed, how + ", and it asked not to be restarted");
  }
  if (task.losses >= losses_max) {
    return task_ended(attempt.id, JobState::failed,
                      fmt::format("lost {} times; the last: {}", task.losses + 1, how));
  }
  return task_waits(attempt.id, not_before, false, std::move(how));
}

Fact after_exit(const Job& job, const Attempt& attempt, const Outcome& outcome, Timestamp now) {
  const bool refused = outcome.end == End::refused;
  const std::string how =
      refused ? "could not be launched: " + outcome.detail : describe_exit(outcome);
  if (job.spec->kind == Kind::serve) return after_replica(job, attempt, how, now);
  if (outcome.exit_code == 0 && !refused) {
    return task_ended(attempt.id, JobState::succeeded, outcome.detail);
  }
  const Task& task = job.tasks.at(attempt.id.task);
  if (task.failures < job.spec->retries.max) {
    return task_waits(
        attempt.id, now + pause_after(job.spec->retries.backoff, task.failures), true,
        fmt::format("{}; retry {} of {}", how, task.failures + 1, job.spec->retries.max));
  }
  return task_ended(attempt.id, JobState::failed, how);
}

// What becomes of the task whose attempt has ended.
Fact verdict(const Job& job, const Attempt& attempt, const Outcome& outcome, Timestamp ended_at,
             Timestamp now) {
  const auto stop = attempt.stopping;
  if (job.cancelling || stop == StopReason::cancelled) {
    return task_ended(attempt.id, JobState::cancelled, job.reason);
  }
  if (outcome.end == End::not_launched) {
    return after_loss(job, attempt, "could not be launched: " + outcome.detail,
                      now + relaunch_pause);
  }
  if (outcome.end == End::lost) {
    return after_loss(job, attempt, "lost: " + outcome.detail, Timestamp{});
  }
  // Our signal may have come too late: then the exit is the work's own. So it is when the signal
  // was a warning, and the work left in time with a code that is not a shell's for a signal.
  const bool warned = stop == StopReason::time_limit && job.spec->stop->before_limit > Duration{0};
  const bool in_time = job.spec->max_duration &&
                       ended_at < attempt.started_at.value_or(now) + *job.spec->max_duration;
  const bool own_code = outcome.signal == 0 && outcome.exit_code <= signal_codes_from && in_time;
  if (!stop || !outcome.stopped || (warned && (outcome.exit_code == 0 || own_code))) {
    return after_exit(job, attempt, outcome, now);
  }
  switch (*stop) {
    case StopReason::preempted:
    case StopReason::deadline:
      return after_loss(job, attempt, why_stopped(*stop, job), Timestamp{});
    case StopReason::reclaimed:
      return after_loss(job, attempt, fmt::format("{} was taken back", attempt.pool), Timestamp{});
    case StopReason::unready:
      return after_replica(job, attempt, why_stopped(*stop, job), now);
    case StopReason::cancelled:
    case StopReason::time_limit:
    case StopReason::budget:
      break;
  }
  return task_ended(attempt.id, JobState::failed, why_stopped(*stop, job));
}

// --- inputs
// ---------------------------------------------------------------------------------------

Result<Facts> on(const State& state, const Submit& input, Timestamp now) {
  return decide_submit(state, input, now);
}

Result<Facts> on(const State& state, const Cancel& input, Timestamp now) {
  const JobEntry* entry = state.find(input.job);
  if (!entry) return fail(Code::not_found, fmt::format("there is no job {}", input.job.value));
  if (is_terminal(entry->job.state) || entry->job.cancelling) return Facts{};
  return Facts{JobCancelling{input.job, input.reason, now}};
}

Result<Facts> on(const State& state, const CancelAll& input, Timestamp now) {
  Facts facts;
  for (const auto& [id, entry] : state.jobs()) {
    if (is_terminal(entry.job.state) || entry.job.cancelling) continue;
    facts.push_back(JobCancelling{id, input.reason, now});
  }
  return facts;
}

Result<Facts> on(const State& state, const Listed& input, Timestamp now) {
  if (!state.unexpanded().contains(input.job)) return Facts{};
  const JobSpec& spec = *state.find(input.job)->job.spec;
  if (!input.shards) {
    return Facts{JobEnded{input.job, JobState::failed, input.shards.error().message, now}};
  }
  if (input.shards->empty()) {
    return Facts{JobEnded{
        input.job, JobState::failed,
        fmt::format("no file matches its shards.inputs: {}", join(spec.shards->globs, ", ")), now}};
  }
  return Facts{JobExpanded{input.job, *input.shards, now}};
}

Result<Facts> on(const State& state, const Started& input, Timestamp now) {
  if (!state.live().contains(input.attempt)) return Facts{};
  const Attempt& attempt = state.live_attempt(input.attempt);
  if (attempt.started_at) return Facts{};
  return Facts{AttemptStarted{input.attempt, input.port, believed(input.at, attempt, now)}};
}

Result<Facts> on(const State& state, const Ended& input, Timestamp now) {
  if (!state.live().contains(input.attempt)) return Facts{};
  const Attempt& attempt = state.live_attempt(input.attempt);
  const Job& job = state.find(input.attempt.job)->job;
  return Facts{AttemptEnded{input.attempt, input.outcome, believed(input.at, attempt, now)},
               verdict(job, attempt, input.outcome, believed(input.at, attempt, now), now)};
}

Result<Facts> on(const State& state, const Readiness& input, Timestamp now) {
  if (!state.live().contains(input.attempt)) return Facts{};
  const Attempt& attempt = state.live_attempt(input.attempt);
  if (attempt.stopping) return Facts{};
  const Job& job = state.find(input.attempt.job)->job;
  if (input.dead) return Facts{stop_attempt(job, attempt, StopReason::unready, now)};
  if (attempt.ready == input.ready) return Facts{};
  return Facts{ReplicaReady{input.attempt, input.ready, now}};
}

Result<Facts> on(const State& state, const DefineFleet& input, Timestamp) {
  return define_fleet(state, input);
}

Result<Facts> on(const State& state, const ReclaimPool& input, Timestamp now) {
  const PoolRecord* pool = state.find_pool(input.pool);
  if (!pool) return no_such_pool(state, input.pool);
  if (pool->pool.purchase != Purchase::spot) {
    return fail(Code::invalid,
                fmt::format("'{}' is not a spot pool; clouds take only those back", input.pool));
  }
  if (pool->reclaimed_at) return Facts{};
  Facts facts = {PoolReclaimed{input.pool, now, now + input.notice}};
  for (const auto& [id, live] : state.live()) {
    const Attempt& attempt = *live.attempt;
    if (attempt.pool != input.pool || attempt.stopping) continue;
    facts.push_back(
        stop_attempt(state.find(id.job)->job, attempt, StopReason::reclaimed, now, input.notice));
  }
  return facts;
}

Result<Facts> on(const State& state, const RestorePool& input, Timestamp now) {
  const PoolRecord* pool = state.find_pool(input.pool);
  if (!pool) return no_such_pool(state, input.pool);
  if (!pool->reclaimed_at) return Facts{};
  return Facts{PoolRestored{input.pool, now}};
}

Result<Facts> on(const State&, const TakeOver& input, Timestamp now) {
  return Facts{ControllerStarted{input.epoch, now}};
}

Result<Facts> on(const State&, const Tick&, Timestamp) { return Facts{}; }

Result<Facts> on(const State& state, const ChangeNodes& input, Timestamp now) {
  return change_nodes(state, input, now);
}

Result<Facts> on(const State& state, const LoadNode& input, Timestamp) {
  return load_node(state, input);
}

Result<Facts> on(const State& state, const PricePacking& input, Timestamp) {
  return price_packing(state, input);
}

Result<Facts> on(const State& state, const PriceRelief& input, Timestamp) {
  return price_relief(state, input);
}

Result<Facts> on(const State& state, const Progress& input, Timestamp now) {
  if (!state.live().contains(input.attempt)) return Facts{};
  return decide_progress(*state.find(input.attempt.job)->job.spec,
                         state.live_attempt(input.attempt), input, now);
}

// --- the end of a job
// -----------------------------------------------------------------------------

// "2 of 12 shards failed; the first, 3: exit code 1".
std::string why_failed(const Job& job, const JobEntry& entry) {
  const auto failed = std::find_if(job.tasks.begin(), job.tasks.end(),
                                   [](const Task& task) { return task.state == JobState::failed; });
  const auto place = static_cast<std::uint32_t>(failed - job.tasks.begin());
  const std::string& why = job.tasks.note(place).reason;
  if (job.tasks.size() == 1) return why;
  return fmt::format("{} of {} {} failed; the first, {}: {}", entry.count(JobState::failed),
                     job.tasks.size(), job.spec->kind == Kind::serve ? "replicas" : "shards", place,
                     why);
}

// What is to be said of a success: "a process was killed for memory (128 MB)". Mostly nothing.
std::string what_of_success(const Job& job) {
  if (job.tasks.notes().empty()) return {};
  std::uint32_t noted = 0;
  for (const auto& [first, run] : job.tasks.notes()) noted += run.last - first + 1;
  const auto& [first, run] = *job.tasks.notes().begin();
  if (job.tasks.size() == 1) return run.note.reason;
  return fmt::format("{} of {} shards; the first, {}: {}", noted, job.tasks.size(), first,
                     run.note.reason);
}

const JobEntry* failed_need(const State& state, const Job& job) {
  for (const JobId id : job.needs) {
    const JobEntry* needed = state.find(id);
    if (needed && is_terminal(needed->job.state) && needed->job.state != JobState::succeeded) {
      return needed;
    }
  }
  return nullptr;
}

Facts stop_all(const State& state, const Job& job, Timestamp now) {
  Facts facts;
  for (auto it = state.live().lower_bound({job.id, 0, 0});
       it != state.live().end() && it->first.job == job.id; ++it) {
    const Attempt& attempt = *it->second.attempt;
    if (attempt.stopping) continue;
    facts.push_back(stop_attempt(job, attempt, StopReason::cancelled, now));
  }
  return facts;
}

}  // namespace

Result<Facts> decide(const State& state, const Input& input, Timestamp now) {
  return std::visit([&](const auto& what) { return on(state, what, now); }, input);
}

Facts settle(const State& state, const JobEntry& entry, Timestamp now) {
  const Job& job = entry.job;
  if (is_terminal(job.state)) return {};
  const bool broken_service = job.spec->kind == Kind::serve && entry.count(JobState::failed) > 0;
  if (job.cancelling || broken_service) {
    if (entry.live > 0) return stop_all(state, job, now);
    return {JobEnded{job.id, job.cancelling ? JobState::cancelled : JobState::failed,
                     job.cancelling ? *job.reason : why_failed(job, entry), now}};
  }
  if (!job.started_at) {
    if (const JobEntry* needed = failed_need(state, job)) {
      return {
          JobEnded{job.id, JobState::cancelled,
                   fmt::format("it needs {} (job {}), which {}", needed->job.spec->name,
                               needed->job.id.value,
                               needed->job.state == JobState::failed ? "failed" : "was cancelled"),
                   now}};
    }
  }
  if (entry.live == 0 && budget_spent(job, now) &&
      entry.count(JobState::succeeded) < job.tasks.size()) {
    return {JobEnded{job.id, JobState::failed, why_stopped(StopReason::budget, job), now}};
  }
  const std::size_t ended = entry.count(JobState::succeeded) + entry.count(JobState::failed) +
                            entry.count(JobState::cancelled);
  if (!job.expanded || ended < job.tasks.size()) return {};
  if (entry.count(JobState::failed) > 0) {
    return {JobEnded{job.id, JobState::failed, why_failed(job, entry), now}};
  }
  return {JobEnded{job.id, JobState::succeeded, what_of_success(job), now}};
}

Facts expire(const State& state, Timestamp now) {
  Facts facts;
  std::set<AttemptId> told;  // a limit and a budget may be reached at one instant
  for (const auto& [at, id] : state.limits()) {
    if (at > now) break;
    const Attempt& attempt = state.live_attempt(id);
    if (attempt.stopping) continue;
    facts.push_back(stop_attempt(state.find(id.job)->job, attempt, StopReason::time_limit, now));
    told.insert(id);
  }
  for (const auto& [at, id] : state.budgets()) {
    if (at > now) break;
    const Job& job = state.find(id)->job;
    for (const Attempt& attempt : job.attempts) {
      if (attempt.ended_at || attempt.stopping || told.contains(attempt.id)) continue;
      facts.push_back(stop_attempt(job, attempt, StopReason::budget, now));
    }
  }
  for (const auto& [name, pool] : state.pools()) {
    for (const AdvanceReservation& reservation : pool.reservations) {
      if (reservation.to <= now) facts.push_back(ReservationRemoved{name, reservation.name});
    }
  }
  for (const auto& [at, id] : state.deadlines()) {
    if (at > now) break;
    facts.push_back(JobEnded{
        id, JobState::failed,
        fmt::format("its deadline, {}, passed before it could start", format_timestamp(at)), now});
  }
  return facts;
}

std::optional<Timestamp> next_wake(const State& state, Timestamp now) {
  std::optional<Timestamp> wake;
  const auto by = [&](Timestamp at) { wake = wake ? std::min(*wake, at) : at; };
  // What was due before has been dealt with, or waits for room.
  const auto consider = [&](Timestamp at) {
    if (at > now) by(at);
  };
  const auto consider_first = [&](const auto& alarms) {
    const auto next = std::find_if(alarms.begin(), alarms.end(),
                                   [&](const auto& alarm) { return alarm.first > now; });
    if (next != alarms.end()) by(next->first);
  };
  consider_first(state.limits());
  consider_first(state.deadlines());
  consider_first(state.delayed());
  for (const auto& [name, pool] : state.pools()) {
    for (const AdvanceReservation& reservation : pool.reservations) consider(reservation.to);
  }
  if (const auto at = state.scheduler().wake_at()) consider(*at);
  if (state.scheduler().waits_for_money()) consider(state.queue_budgets().next_period());
  if (const auto at = state.overflow_pass().wake) consider(*at);
  if (const auto at = state.deadline_pass().wake) consider(*at);
  // Work that used up its budget as it began has not been told yet; and what the scheduler's own
  // turns have freed is planned for at the next.
  if (!state.budgets().empty()) by(std::max(now, state.budgets().begin()->first));
  if (state.scheduling().overflow_wait && state.overflow_pass().news) by(now);
  return wake;
}

}  // namespace mohona

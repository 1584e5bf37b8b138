#include "core/deadline.h"

#include <algorithm>

#include "core/ledger/usage.h"
#include "core/overflow.h"
#include "core/place.h"
#include "core/state.h"
#include "core/stop.h"

namespace mohona {
namespace {

constexpr Duration restart = restart_time;
// How often it is asked anew what to hold.
constexpr Duration tick = std::chrono::minutes(5);

const LiveAttempt* live_of(const State& state, JobId id) {
  const auto live = state.live().lower_bound({id, 0, 0});
  return live != state.live().end() && live->first.job == id ? &live->second : nullptr;
}

// Spot's price by that of on-demand, of the cheapest of each; both the same where one is missing.
std::int64_t spot_price_ppm(const Scheduler& scheduler, const std::vector<Target>& targets) {
  std::optional<std::int64_t> spot, on_demand;
  for (const Target& target : targets) {
    const Pool& pool = scheduler.space(target.pool).pool();
    if (is_paid_anyway(pool)) continue;
    auto& least = pool.purchase == Purchase::spot ? spot : on_demand;
    least = std::min(least.value_or(INT64_MAX), pool.price.nanos);
  }
  if (!spot || !on_demand || *on_demand <= 0) return whole_ppm;
  return static_cast<std::int64_t>(Wide{*spot} * whole_ppm / *on_demand);
}

// Whether work that loses its machine goes on from where it was.
bool keeps_its_work(const Job& job) { return job.spec->checkpoint.has_value(); }

std::optional<Start> start_now(State& state, const JobEntry& entry, Timestamp now) {
  Scheduler& scheduler = state.scheduler();
  const std::vector<Target> targets = scheduler.targets_now(*entry.waiting);
  std::optional<Start> paid, spot, on_demand;
  for (const Target& target : targets) {
    const Pool& pool = scheduler.space(target.pool).pool();
    auto& found = is_paid_anyway(pool) ? paid : pool.purchase == Purchase::spot ? spot : on_demand;
    if (!found) found = scheduler.start_in(*entry.waiting, entry.job.id, target);
  }
  if (paid) return paid;
  DeadlineView view = deadline_view(state, entry, now);
  view.spot_price_ppm = spot_price_ppm(scheduler, targets);
  if (spot && keeps_its_work(entry.job)) view.spot_for = Duration{0};
  switch (choose_machine(view)) {
    case Machine::none:
      return std::nullopt;
    case Machine::spot:
      return spot;
    case Machine::on_demand:
      return on_demand ? on_demand : spot;  // any machine is better than none
  }
  return std::nullopt;
}

// Whether there is room on demand for a job that runs elsewhere.
bool on_demand_has_room(const State& state, const Job& job, Timestamp now) {
  const Scheduler& scheduler = state.scheduler();
  const Needs needs = needs_of(*job.spec);
  for (const auto& [name, record] : state.pools()) {
    if (record.pool.purchase == Purchase::spot || record.reclaimed_at) continue;
    const Space& space = scheduler.space(*scheduler.find_pool(name));
    const auto features = space.with_features(needs.features);
    for (const Choice& choice : needs.choices) {
      if (mismatch(space, needs, choice) != Mismatch::none) continue;
      Request request;
      request.demand = &choice.demand;
      request.min_nodes = request.max_nodes = needs.min_nodes;
      request.nearness = needs.nearness;
      request.features = features ? &*features : nullptr;
      request.end = needs.limit == Duration::max() ? Timestamp::max() : now + needs.limit;
      if (find(space, request)) return true;
    }
  }
  return false;
}

// On spot as long as on-demand could still be in time after it has gone.
bool should_move(const State& state, const JobEntry& entry, const LiveAttempt& live,
                 Timestamp now) {
  const Attempt& attempt = *live.attempt;
  if (attempt.stopping || !keeps_its_work(entry.job)) return false;
  const PoolRecord* pool = state.find_pool(attempt.pool);
  if (!pool || pool->pool.purchase != Purchase::spot) return false;
  DeadlineView view = deadline_view(state, entry, now);
  view.spot_for = now - attempt.placed_at;
  // What cannot be in time any more is not helped by another start.
  const bool in_time = restart + view.work_left <= view.time_left;
  return in_time && !safe_on_spot(view) && on_demand_has_room(state, entry.job, now);
}

// What starts have cost is no work. Steps tell what is done; without them, each attempt is taken to
// have begun working only after its start.
Duration work_left(const State& state, const Job& job, Timestamp now) {
  const auto rest = state.prospects().rest(job.id, now);
  if (!rest) return *job.spec->estimate;
  const Known& known = *state.prospects().find(job.id);
  if (known.steps > 0) return *rest;
  Duration lost{0};
  for (const Attempt& attempt : job.attempts) {
    if (!attempt.started_at || (attempt.ended_at && !keeps_its_work(job))) continue;
    lost += std::clamp(attempt.ended_at.value_or(now) - *attempt.started_at, Duration{0}, restart);
  }
  return std::min(*job.spec->estimate, *rest + lost);
}

bool is_planned_here(const State& state, const JobEntry& entry) {
  return entry.waiting && has_planned_deadline(entry.job) &&
         state.scheduler().needs(*entry.waiting).planned;
}

}  // namespace

bool has_planned_deadline(const Job& job) {
  const JobSpec& spec = *job.spec;
  return spec.deadline && spec.estimate && spec.kind != Kind::serve && job.tasks.size() == 1 &&
         !spec.resources.ordered && spec.reservation.empty();
}

DeadlineView deadline_view(const State& state, const JobEntry& entry, Timestamp now) {
  const Job& job = entry.job;
  DeadlineView view;
  view.work_left = work_left(state, job, now);
  view.time_left = std::max(Duration{0}, *job.spec->deadline - now);
  view.restart = restart;
  view.tick = tick;
  if (const LiveAttempt* live = live_of(state, job.id)) {
    const PoolRecord* pool = state.find_pool(live->attempt->pool);
    const bool spot = pool && pool->pool.purchase == Purchase::spot;
    view.held = spot ? Machine::spot : Machine::on_demand;
    view.starting = std::max(Duration{0}, restart - (now - live->attempt->placed_at));
  }
  return view;
}

Facts deadline_next(State& state, Timestamp now) {
  DeadlinePass& pass = state.deadline_pass();
  if (!std::exchange(pass.begun, true)) {
    pass.todo.assign(pass.jobs.begin(), pass.jobs.end());
    pass.wake.reset();
  }
  while (!pass.todo.empty()) {
    const JobId id = pass.todo.front();
    pass.todo.pop_front();
    const JobEntry* entry = state.find(id);
    const bool ahead = *entry->job.spec->deadline > now;
    if (is_planned_here(state, *entry)) {
      if (ahead) pass.wake = now + tick;
      if (budget_spent(entry->job, now)) {
        state.park(id);
      } else if (const auto start = start_now(state, *entry, now)) {
        return start_facts(state, *entry, *start, now);
      }
      continue;
    }
    const LiveAttempt* live = live_of(state, id);
    if (!live || !ahead) continue;
    pass.wake = now + tick;
    if (should_move(state, *entry, *live, now)) {
      return {stop_attempt(entry->job, *live->attempt, StopReason::deadline, now)};
    }
  }
  return {};
}

std::string explain_deadline(const State& state, const JobEntry& entry, Timestamp now) {
  if (!is_planned_here(state, entry)) return {};
  const DeadlineView view = deadline_view(state, entry, now);
  const std::string by = format_timestamp(*entry.job.spec->deadline);
  const Timestamp latest = now + view.time_left - view.work_left - view.restart;
  if (latest < now) {
    return fmt::format(
        "; {} of work is left and cannot be done by {} any more: it takes the first "
        "machine that is free",
        format_duration(view.work_left), by);
  }
  return fmt::format(
      "; {} of work is to be done by {}: it waits for a machine that is paid anyway or for spot, "
      "and "
      "goes on demand by {}",
      format_duration(view.work_left), by, format_timestamp(latest));
}

}  // namespace mohona

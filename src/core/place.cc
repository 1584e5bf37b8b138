#include "core/place.h"

#include <algorithm>

#include "core/deadline.h"
#include "core/ledger/usage.h"
#include "core/overflow.h"
#include "core/share.h"
#include "core/stop.h"

namespace mohona {
namespace {

// From placement to start: an engine that takes longer makes its job the later to leave.
constexpr Duration launch_max = std::chrono::minutes(1);

// Only powers of two of minutes, so that work is not told apart that hardly differs.
Duration coarse(Duration time) {
  Duration out = std::chrono::minutes(1);
  while (out < time && out < std::chrono::days(365)) out *= 2;
  return out;
}

Stakes stakes_of(const JobSpec& spec) {
  const auto& choices = spec.resources.choices;
  const bool spot =
      std::any_of(choices.begin(), choices.end(), [](const Choice& c) { return c.use_spot; });
  Stakes out;
  out.inputs = spec.inputs;
  if (!spot && out.inputs.empty()) return out;
  const Duration lasts = coarse(spec.estimate.value_or(spec.max_duration.value_or(unknown_time)));
  if (!out.inputs.empty()) out.lasts = lasts;
  // Without a checkpoint half of it is lost on average.
  if (spot) out.redo = restart_time + (spec.checkpoint ? Duration{0} : lasts / 2);
  return out;
}

}  // namespace

std::optional<Duration> probable_time(const State& state, const JobSpec& spec, std::int64_t nodes) {
  const Duration limit = spec.max_duration.value_or(Duration::max());
  if (spec.estimate) return std::min(*spec.estimate, limit);
  const auto predicted = state.history().predict(spec.queue, spec.name, nodes);
  if (!predicted) return std::nullopt;
  return std::min(predicted->likely, limit);
}

Facts start_facts(const State& state, const JobEntry& entry, const Start& start, Timestamp now) {
  const JobSpec& spec = *entry.job.spec;
  const Space& space = state.scheduler().space(start.pool);
  const Pool& pool = space.pool();
  const std::uint32_t task = entry.first_ready();
  Attempt attempt;
  attempt.id = {entry.job.id, task, entry.job.tasks[task].attempts + 1};
  attempt.pool = pool.name;
  attempt.cloud = pool.cloud;
  attempt.demand = spec.resources.choices[start.choice].demand;
  attempt.holdings = to_holdings(space, start.grant);
  attempt.price = pool.price;
  attempt.part = part_of(pool.shape, attempt.demand);
  attempt.placed_at = now;
  if (state.market()) {
    const auto price = state.market()->price(pool.name, std::ssize(attempt.holdings), attempt.part,
                                             stakes_of(spec));
    if (price) attempt.priced = sum_of(*price);
  }
  if (spec.kind != Kind::serve) {
    const auto lasts = probable_time(state, spec, std::ssize(attempt.holdings));
    if (lasts) attempt.ends_at = now + *lasts;
  }
  return {AttemptPlaced{std::move(attempt)}};
}

Facts keep_facts(const State& state, const Keep& keep, Timestamp now) {
  Facts facts;
  const Space& space = state.scheduler().space(keep.pool);
  for (const OccupantId who : keep.victims) {
    const AttemptId id = state.scheduler().running(who).id;
    Fact stop =
        stop_attempt(state.find(id.job)->job, state.live_attempt(id), StopReason::preempted, now);
    std::get<AttemptStopping>(stop).for_job = keep.job;
    facts.push_back(std::move(stop));
  }
  facts.push_back(NodesKept{keep.job, space.pool().name, to_ranges(keep.nodes, space.leaf_size()),
                            keep.start, keep.expected, keep.promised, keep.preempting, now});
  return facts;
}

Duration hold_limit(const JobSpec& spec) {
  if (!spec.max_duration) return Duration::max();
  return launch_max + *spec.max_duration + stop_within(spec, StopReason::time_limit);
}

Needs needs_of(const JobSpec& spec) {
  Needs needs;
  needs.queue = spec.queue;
  needs.priority = spec.priority;
  needs.max_nodes = spec.num_nodes;
  needs.min_nodes = spec.min_nodes > 0 ? spec.min_nodes : spec.num_nodes;
  needs.ordered = spec.resources.ordered;
  needs.choices = spec.resources.choices;
  needs.nearness = spec.nearness;
  needs.features = spec.features;
  needs.reservation = spec.reservation;
  needs.limit = round_limit(hold_limit(spec));
  needs.stakes = stakes_of(spec);
  return needs;
}

std::vector<Holding> to_holdings(const Space& space, const Grant& grant) {
  std::vector<Holding> out;
  const auto add = [&](NodeIndex node, Mask gpus) {
    Holding holding{node, {}};
    for_bits(gpus, [&](std::uint32_t gpu) { holding.devices.push_back(gpu); });
    out.push_back(std::move(holding));
  };
  for (const Segment& segment : grant.whole) {
    for_bits(segment.nodes, [&](std::uint32_t place) {
      add(space.index(segment.leaf, place), lowest(~Mask{0}, space.pool().shape.gpus));
    });
  }
  for (const Member& member : grant.members) add(member.node, member.gpus);
  return out;
}

Grant to_grant(const Space& space, const Demand& demand, const std::vector<Holding>& holdings) {
  Grant out;
  for (const Holding& holding : holdings) {
    Mask gpus = 0;
    for (const std::int64_t device : holding.devices) gpus |= Mask{1} << device;
    out.members.push_back({static_cast<NodeIndex>(holding.node), gpus});
  }
  if (!space.fills(demand)) return out;
  NodeSet whole;
  for (const Member& member : out.members) append(whole, member.node, space.leaf_size());
  return {std::move(whole), {}};
}

Running to_running(const State& state, const Job& job, const Attempt& attempt) {
  const JobSpec& spec = *job.spec;
  const Scheduler& scheduler = state.scheduler();
  const PoolIndex pool = *scheduler.find_pool(attempt.pool);
  const Space& space = scheduler.space(pool);
  Running run;
  run.id = attempt.id;
  run.pool = pool;
  run.queue = scheduler.queues().find(spec.queue);
  run.priority = spec.priority;
  run.demand = attempt.demand;
  run.grant = to_grant(space, attempt.demand, attempt.holdings);
  run.worth = worth_of(space.pool(), attempt.demand) * std::ssize(attempt.holdings);
  run.started = attempt.placed_at;
  run.leaves_within = stop_within(spec, StopReason::preempted);
  run.endless = spec.kind == Kind::serve;
  run.preemptible = spec.restart_after_loss;
  run.movable = spec.restart_after_loss && spec.checkpoint && spec.kind != Kind::serve &&
                job.tasks.size() == 1 && !has_planned_deadline(job);
  run.stopping = attempt.stopping.has_value();
  run.for_job = attempt.for_job;
  run.checkpoint = attempt.checkpoint_at.value_or(Timestamp{});
  if (const Duration limit = hold_limit(spec); limit != Duration::max()) {
    run.end =
        attempt.started_at ? *attempt.started_at + (limit - launch_max) : attempt.placed_at + limit;
  }
  if (attempt.gone_by) run.end = std::min(run.end, *attempt.gone_by);
  const Timestamp guess = run.certain() ? run.end : attempt.placed_at + unknown_time;
  run.expected = std::min(run.end, attempt.ends_at.value_or(guess));
  return run;
}

Facts place_next(State& state, Timestamp now) {
  if (!state.deadline_pass().jobs.empty()) {
    if (Facts facts = deadline_next(state, now); !facts.empty()) return facts;
  }
  if (state.scheduling().overflow_wait) {
    if (Facts facts = overflow_next(state, now); !facts.empty()) return facts;
  }
  if (shares(state)) {
    if (Facts facts = share_next(state, now); !facts.empty()) return facts;
  }
  while (auto decision = state.scheduler().next()) {
    const JobId id = std::visit([](const auto& d) { return d.job; }, *decision);
    const JobEntry& entry = *state.find(id);
    if (budget_spent(entry.job, now)) {
      // Nodes are not kept for what cannot start; a controller that reads this later knows it, too.
      if (entry.job.kept) return {NodesReleased{id, "its budget is spent"}};
      state.park(id);
      continue;
    }
    if (const auto* start = std::get_if<Start>(&*decision)) {
      return start_facts(state, entry, *start, now);
    }
    if (const auto* keep = std::get_if<Keep>(&*decision)) return keep_facts(state, *keep, now);
    return {NodesReleased{id, std::get<Drop>(*decision).reason}};
  }
  return {};
}

}  // namespace mohona

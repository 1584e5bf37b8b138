#include "core/overflow.h"

#include <algorithm>

#include "core/deadline.h"
#include "core/ledger/usage.h"
#include "core/place.h"
#include "core/state.h"

namespace mohona {
namespace {

// The wait that is to stay within its limit is the mean over so many days.
constexpr std::int64_t days_looked_at = 7;
// More nodes than these are not planned for; what would wait for them has its turn as if it were
// not there.
constexpr std::size_t nodes_max = 256;
// Work that has outlived what was believed of it is believed to go on for an eighth of its age.
constexpr std::int64_t overrun_part = 8;
constexpr Duration overrun_least = std::chrono::minutes(1);

std::int64_t day_of(Timestamp at) {
  return std::chrono::floor<std::chrono::days>(at).time_since_epoch().count();
}

// What others than the queue made it wait for does not count.
bool counts(const Job& job) { return may_be_planned(job) && job.spec->needs.empty(); }

// How long it is believed to run: if nothing else is known, until its limit.
Duration believed_time(const State& state, const JobSpec& spec) {
  return probable_time(state, spec, 1).value_or(spec.max_duration.value_or(unknown_time));
}

// Likewise when it ends: what its steps say goes before its author's word.
Timestamp believed_end(const State& state, const LiveAttempt& live, Timestamp now) {
  const Attempt& attempt = *live.attempt;
  const JobSpec& spec = *state.find(attempt.id.job)->job.spec;
  const Timestamp began = attempt.started_at.value_or(attempt.placed_at);
  Timestamp end = state.scheduler().running(live.who).expected;
  if (spec.estimate && !attempt.steps) end = began + believed_time(state, spec);
  if (end > now) return end;
  return now + std::max(overrun_least, (now - began) / overrun_part);
}

// The nodes that are paid anyway, as the plan sees them, and which they are.
struct Nodes {
  std::vector<OwnedNode> all;
  std::vector<std::pair<PoolIndex, NodeIndex>> which;
};

// What work holds beside GPUs, or asks for beside each of them; or what of it is free on a node.
struct Beside {
  std::int64_t cpus_milli = 0, memory_mib = 0;
};
using BesideUntil = std::pair<Timestamp, Beside>;

// The least that those ask for that are planned and may run in the pool.
Beside asked_beside(const State& state, const std::vector<OverflowJob>& jobs, PoolIndex pool) {
  Beside least{INT64_MAX, INT64_MAX};
  for (const OverflowJob& job : jobs) {
    const JobEntry& entry = *state.find(job.id);
    for (const Target& target : state.scheduler().targets(*entry.waiting)) {
      if (target.pool != pool) continue;
      const Demand& demand = entry.job.spec->resources.choices[target.choice].demand;
      const auto each = [&](std::int64_t all) { return (all + demand.gpus - 1) / demand.gpus; };
      least.cpus_milli = std::min(least.cpus_milli, each(demand.cpus_milli));
      least.memory_mib = std::min(least.memory_mib, each(demand.memory_mib));
    }
  }
  return least;
}

// GPUs that are free, but whose cores or memory are not, are booked until those leave who hold
// them; where nobody known does, they are not there.
void book_beside(OwnedNode& node, Beside free, std::vector<BesideUntil> held, std::int64_t gpus,
                 const Beside& asked, Timestamp now) {
  const auto usable = [&] {
    const auto times = [&](std::int64_t have, std::int64_t each) {
      return each == 0 ? gpus : std::clamp<std::int64_t>(have / each, 0, gpus);
    };
    return std::min(times(free.cpus_milli, asked.cpus_milli),
                    times(free.memory_mib, asked.memory_mib));
  };
  std::int64_t have = usable();
  std::stable_sort(held.begin(), held.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [until, one] : held) {
    free.cpus_milli += one.cpus_milli;
    free.memory_mib += one.memory_mib;
    if (const std::int64_t more = usable() - have; more > 0) {
      node.booked.push_back({more, now, until});
      have += more;
    }
  }
  node.gpus -= gpus - have;
}

Nodes nodes_of(const State& state, const std::vector<OverflowJob>& jobs, Timestamp now) {
  Nodes out;
  const Scheduler& scheduler = state.scheduler();
  std::map<std::pair<PoolIndex, NodeIndex>, std::size_t> place;
  for (const auto& [name, record] : state.pools()) {
    if (!is_paid_anyway(record.pool) || record.reclaimed_at) continue;
    const PoolIndex pool = *scheduler.find_pool(name);
    const Space& space = scheduler.space(pool);
    for (NodeIndex i = 0; i < space.nodes() && out.all.size() < nodes_max; ++i) {
      const Node& node = space.node(i);
      if (node.tier != 0 || !space.takes_work(node) || record.pool.shape.gpus == 0) continue;
      place[{pool, i}] = out.all.size();
      out.all.push_back({count(node.gpus_free), {}, pool});
      out.which.emplace_back(pool, i);
    }
  }
  std::vector<std::vector<BesideUntil>> held(out.all.size());
  for (const auto& [id, live] : state.live()) {
    const Running& run = scheduler.running(live.who);
    if (run.endless) continue;  // what it holds is not there
    const Timestamp end = believed_end(state, live, now);
    for (const Holding& holding : live.attempt->holdings) {
      const auto found = place.find({run.pool, static_cast<NodeIndex>(holding.node)});
      if (found == place.end()) continue;
      held[found->second].push_back({end, {run.demand.cpus_milli, run.demand.memory_mib}});
      if (run.demand.gpus == 0) continue;
      OwnedNode& node = out.all[found->second];
      node.gpus += run.demand.gpus;
      node.booked.push_back({run.demand.gpus, std::min(now, run.started), end});
    }
  }
  std::map<PoolIndex, Beside> asked;
  for (const auto& [pool, node] : out.which) {
    if (!asked.contains(pool)) asked[pool] = asked_beside(state, jobs, pool);
  }
  for (std::size_t i = 0; i < out.all.size(); ++i) {
    const Node& node = scheduler.space(out.which[i].first).node(out.which[i].second);
    book_beside(out.all[i], {node.cpus_free, node.memory_free}, std::move(held[i]),
                count(node.gpus_free), asked[out.which[i].first], now);
  }
  return out;
}

// Its targets that cost money, the cheapest first.
std::vector<Target> paid_targets(const State& state, const std::vector<Target>& targets) {
  std::vector<Target> out;
  for (const Target& target : targets) {
    const Pool& pool = state.scheduler().space(target.pool).pool();
    if (!is_paid_anyway(pool) && !state.find_pool(pool.name)->reclaimed_at) out.push_back(target);
  }
  return out;
}

// `idle`: the queues as they are when nothing runs.
OverflowJob job_of(State& state, const JobEntry& entry, const QueueTree& idle) {
  const JobSpec& spec = *entry.job.spec;
  const auto& targets = state.scheduler().targets_now(*entry.waiting);
  OverflowJob out;
  out.id = entry.job.id;
  out.runs = believed_time(state, spec);
  for (const Target& target : targets) {
    if (!is_paid_anyway(state.scheduler().space(target.pool).pool())) continue;
    // A share that is used up comes back; one that the queue never has is not waited for.
    if (idle.blocks(idle.find(spec.queue), target.node_worth)) continue;
    // Of several ways to run, the one that comes first.
    if (out.kinds.empty()) out.gpus = spec.resources.choices[target.choice].demand.gpus;
    out.kinds.push_back(target.pool);
  }
  const auto paid = paid_targets(state, targets);
  out.may_leave = std::any_of(paid.begin(), paid.end(), [&](const Target& target) {
    return state.scheduler().pays(*entry.waiting, target);
  });
  out.may_wait = !out.kinds.empty();
  if (out.kinds.empty() && !targets.empty()) {
    out.gpus = spec.resources.choices[targets.front().choice].demand.gpus;
  }
  return out;
}

// Those that wait and those that have started, of the last days.
WaitTally tally_of(const State& state, Timestamp now) {
  WaitTally out;
  const auto& days = state.overflow_waits();
  for (auto it = days.lower_bound(day_of(now) - days_looked_at + 1); it != days.end(); ++it) {
    out.jobs += it->second.jobs;
    out.waited += it->second.waited;
  }
  for (const JobId id : state.waiting()) {
    const Job& job = state.find(id)->job;
    if (job.started_at || !counts(job)) continue;
    ++out.jobs;
    out.waited += now - job.submitted_at;
  }
  return out;
}

bool is_planned(const State& state, const JobEntry& entry) {
  return entry.waiting && state.scheduler().needs(*entry.waiting).planned &&
         !has_planned_deadline(entry.job);
}

std::optional<Start> start_for_money(State& state, const JobEntry& entry) {
  Scheduler& scheduler = state.scheduler();
  for (const Target& target : paid_targets(state, scheduler.targets_now(*entry.waiting))) {
    if (auto start = scheduler.start_in(*entry.waiting, entry.job.id, target)) return start;
  }
  return std::nullopt;
}

std::optional<Start> start_as_planned(State& state, const JobEntry& entry,
                                      const PlannedStart& one) {
  Scheduler& scheduler = state.scheduler();
  const auto targets = scheduler.targets_now(*entry.waiting);
  const auto there = std::find_if(targets.begin(), targets.end(),
                                  [&](const Target& target) { return target.pool == one.pool; });
  if (there == targets.end()) return std::nullopt;
  return scheduler.start_on(*entry.waiting, entry.job.id, *there, *one.node);
}

// On any node that is paid anyway.
std::optional<Start> start_on_another(State& state, const JobEntry& entry) {
  Scheduler& scheduler = state.scheduler();
  for (const Target& target : scheduler.targets_now(*entry.waiting)) {
    if (!is_paid_anyway(scheduler.space(target.pool).pool())) continue;
    if (auto start = scheduler.start_in(*entry.waiting, entry.job.id, target)) return start;
  }
  return std::nullopt;
}

// Where and when each of those that wait is to run, without those that the pass refused.
std::vector<PlannedStart> plan_waiting(State& state, Timestamp now) {
  QueueTree idle;
  idle.define(state.queues(), state.scheduler().queues().total());
  std::vector<OverflowJob> jobs;
  for (const JobId id : state.waiting()) {
    const JobEntry& entry = *state.find(id);
    if (!is_planned(state, entry) || budget_spent(entry.job, now)) continue;
    if (state.overflow_pass().refused.contains(id)) continue;
    jobs.push_back(job_of(state, entry, idle));
  }
  if (jobs.empty()) return {};
  const Nodes nodes = nodes_of(state, jobs, now);
  std::vector<PlannedStart> out;
  for (const OverflowChoice& choice : plan_overflow(nodes.all, jobs, tally_of(state, now),
                                                    *state.scheduling().overflow_wait, now)) {
    PlannedStart& one = out.emplace_back(PlannedStart{choice.job, 0, std::nullopt, choice.start});
    if (choice.node) std::tie(one.pool, one.node) = nodes.which[*choice.node];
  }
  return out;
}

void make_plan(State& state, Timestamp now) {
  OverflowPass& pass = state.overflow_pass();
  pass.plan = plan_waiting(state, now);
  pass.todo.clear();
  pass.wake.reset();
  for (const PlannedStart& one : pass.plan) {
    if (one.start <= now) {
      pass.todo.push_back(one);
    } else if (!pass.wake || one.start < *pass.wake) {
      pass.wake = one.start;
    }
  }
}

}  // namespace

bool may_be_planned(const Job& job) {
  const JobSpec& spec = *job.spec;
  const auto whole_gpus = [](const Choice& choice) {
    return choice.demand.gpus > 0 && choice.demand.gpu_milli == 0;
  };
  return spec.kind != Kind::serve && job.tasks.size() == 1 && spec.num_nodes == 1 &&
         !has_planned_deadline(job) && !spec.resources.ordered && spec.features.empty() &&
         spec.reservation.empty() &&
         std::all_of(spec.resources.choices.begin(), spec.resources.choices.end(), whole_gpus);
}

bool is_paid_anyway(const Pool& pool) {
  return pool.purchase == Purchase::reserved || pool.price.nanos == 0;
}

void count_first_wait(WaitsByDay& waits, const Job& job) {
  if (!job.started_at || !counts(job)) return;
  WaitTally& day = waits[day_of(*job.started_at)];
  ++day.jobs;
  day.waited += *job.started_at - job.submitted_at;
}

Facts overflow_next(State& state, Timestamp now) {
  OverflowPass& pass = state.overflow_pass();
  const bool due = pass.news || (pass.wake && *pass.wake <= now);
  if (!std::exchange(pass.begun, true) && due) {
    pass = OverflowPass{};
    pass.news = false;
    pass.begun = true;
    make_plan(state, now);
  }
  while (true) {
    // Once more without those that could not have their nodes, or where one took another.
    if (pass.todo.empty() && pass.deviated && !std::exchange(pass.again, true)) {
      make_plan(state, now);
    }
    if (pass.todo.empty()) return {};
    const PlannedStart one = pass.todo.front();
    pass.todo.pop_front();
    const JobEntry* entry = state.find(one.job);
    if (!entry || !is_planned(state, *entry)) continue;
    if (budget_spent(entry->job, now)) {
      state.park(one.job);
      continue;
    }
    if (!one.node) {
      if (auto start = start_for_money(state, *entry)) {
        return start_facts(state, *entry, *start, now);
      }
      continue;  // until there is room
    }
    if (auto start = start_as_planned(state, *entry, one)) {
      return start_facts(state, *entry, *start, now);
    }
    pass.deviated = true;
    if (auto start = start_on_another(state, *entry)) {
      return start_facts(state, *entry, *start, now);
    }
    pass.refused.insert(one.job);
  }
}

std::string explain_plan(const State& state, const JobEntry& entry) {
  if (!is_planned(state, entry)) return {};
  if (state.overflow_pass().refused.contains(entry.job.id)) {
    return "; nodes that are paid anyway are planned for it as soon as it may have them";
  }
  const auto& plan = state.overflow_pass().plan;
  const auto found = std::find_if(plan.begin(), plan.end(),
                                  [&](const PlannedStart& one) { return one.job == entry.job.id; });
  if (found == plan.end()) return {};
  const Scheduler& scheduler = state.scheduler();
  const auto paid = paid_targets(state, scheduler.targets(*entry.waiting));
  std::string cost;
  if (!paid.empty()) {
    const Pool& pool = scheduler.space(paid.front().pool).pool();
    const Demand& demand = entry.job.spec->resources.choices[paid.front().choice].demand;
    const Money money =
        charge(pool.price, believed_time(state, *entry.job.spec), 1, part_of(pool.shape, demand));
    cost = found->node ? fmt::format("{} would take it now for {}", pool.name, format_money(money))
                       : fmt::format("it takes the first room in {}, for {}", pool.name,
                                     format_money(money));
  }
  if (!found->node) return "; it does not wait for machines that are paid anyway: " + cost;
  const std::string text =
      fmt::format("; node {} of {} is planned for it from {} on", *found->node,
                  scheduler.space(found->pool).pool().name, format_timestamp(found->start));
  return cost.empty() ? text : fmt::format("{}: {}", text, cost);
}

}  // namespace mohona

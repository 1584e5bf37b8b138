#include "sim/simulate.h"
#include "base/wide.h"

#include <fmt/format.h>

#include "core/audit/auditor.h"
#include "core/ledger/usage.h"
#include "model/names.h"
#include "sim/bill.h"
#include "sim/overflow_rules.h"
#include "sim/published.h"

namespace mohona {
namespace {

constexpr std::int64_t overflow_nodes_max = 100'000;

// Total work ÷ (GPUs × time between the first and the last arrival) = load.
Result<void> fit_cluster(Fleet& fleet, const Workload& workload, std::int64_t load_pct) {
  if (fleet.pools.size() != 1 || fleet.pools.front().shape.gpus == 0) {
    return fail(Code::invalid, "--load needs a cluster of one pool with GPUs");
  }
  Wide work = 0;
  std::int64_t largest = 1;
  for (const Arrival& job : workload.arrivals) {
    work += static_cast<Wide>(job.does.runs.count()) * gpu_milli_of(job.spec);
    largest = std::max(largest, job.spec.num_nodes);
  }
  Pool& pool = fleet.pools.front();
  const Duration span = workload.arrivals.back().at - workload.arrivals.front().at;
  const Wide per_node =
      static_cast<Wide>(std::max<std::int64_t>(1, span.count())) * pool.shape.gpus * 1'000;
  const auto nodes =
      static_cast<std::int64_t>((work * 100 + per_node * load_pct - 1) / (per_node * load_pct));
  pool.nodes = std::max(nodes, largest);
  return {};
}

std::vector<JobOutcome> outcomes_of(const Simulation& simulation, const Workload& workload) {
  std::vector<JobOutcome> out;
  for (std::size_t i = 0; i < workload.arrivals.size(); ++i) {
    const Arrival& arrival = workload.arrivals[i];
    JobOutcome one;
    one.submitted = arrival.at;
    one.runs = arrival.does.runs;
    one.gpu_milli = gpu_milli_of(arrival.spec);
    one.queue = arrival.spec.queue;
    if (const JobEntry* entry = simulation.state().find(simulation.jobs()[i])) {
      const Job& job = entry->job;
      one.state = job.state;
      one.started = job.started_at;
      one.ended = job.ended_at;
      one.cost = cost_of(job, simulation.now());
      for (const Task& task : job.tasks) {
        one.restarts += std::max<std::int64_t>(0, std::int64_t{task.attempts} - 1);
      }
    }
    out.push_back(std::move(one));
  }
  return out;
}

// What comes first under a policy of that name.
Result<QueueOrder> order_of(const std::string& policy) {
  if (policy == "default") return QueueOrder::learned;
  if (const auto named = parse_name<QueueOrder>(policy)) return *named;
  return fail(
      Code::invalid,
      fmt::format("--policy {}: there are default, fifo, las, srtf, srsf, age, learned", policy));
}

// What a place is taken to cost, by names that tell whose rule it is.
std::optional<PriceRule> price_rule_of(const std::string& policy) {
  if (policy == "cheapest-sticker") return PriceRule::sticker;
  if (policy == "reservation-is-free") return PriceRule::reservation_is_free;
  if (policy == "reservation-near-free") return PriceRule::reservation_near_free;
  return std::nullopt;
}

bool needs_run_times(QueueOrder order) {
  return order == QueueOrder::srtf || order == QueueOrder::srsf;
}

// A world from its beginning to its end, with a timeline, and every rule looked at after every
// fact.
Result<void> run_world(SimulationSetup setup, Timestamp until, SimulateResult& result) {
  const Workload workload = setup.workload;
  const Timestamp begin = setup.begin;
  Timeline& timeline = result.timeline.emplace(setup.fleet, setup.begin);
  Simulation simulation(std::move(setup));
  Auditor auditor;
  for (const Fact& fact : simulation.memory().facts()) auditor.see(fact);
  simulation.store().after_append = [&](const Facts& facts) {
    timeline.take(facts, simulation.now());
    for (const Fact& fact : facts) auditor.see(fact);
  };
  simulation.after_turn = [&] {
    timeline.wait(simulation.state().waiting().size(), simulation.now());
  };
  simulation.run(until);
  simulation.after_turn();  // what holds now has held until here
  if (!simulation.refusals().empty()) return fail(Code::invalid, simulation.refusals().front());
  auditor.compare(simulation.state());
  if (!auditor.violations().empty()) {
    return fail(Code::internal, "a rule is broken: " + auditor.violations().front().what);
  }
  result.jobs = outcomes_of(simulation, workload);
  result.figures["facts"] = auditor.facts();
  result.figures["turns"] = simulation.turns();
  if (!simulation.state().contracts().contracts.empty()) {
    const Timestamp end = until == Timestamp::max() ? simulation.now() : until;
    auto bill = bill_figures_of(simulation.state(), begin, end);
    if (!bill) return fail(bill.error());
    result.figures.update(*bill);
  }
  return {};
}

void add_figures(const Fleet& fleet, SimulateResult& result) {
  std::int64_t gpus = 0;
  for (const Pool& pool : fleet.pools) gpus += pool.nodes * pool.shape.gpus;
  result.figures.update(figures_of(result.jobs));
  result.figures["bound_completion_seconds"] = rounded(completion_bound_seconds(result.jobs, gpus));
}

// Nodes like the cluster's, as many as there are jobs, so that nobody waits for them.
Pool cloud_beside(const Pool& cluster, Price gpu_hour, std::size_t jobs) {
  Pool out = cluster;
  out.name = out.cloud = "overflow";
  out.purchase = Purchase::on_demand;
  out.nodes = std::min(static_cast<std::int64_t>(jobs), overflow_nodes_max);
  out.price = Price{gpu_hour.nanos * cluster.shape.gpus};
  return out;
}

Result<SimulateResult> simulate_overflow(const SimulateOptions& options, Fleet fleet,
                                         Workload workload) {
  SimulateResult result;
  result.policy = options.policy;
  if (fleet.pools.size() != 1 || fleet.pools.front().shape.gpus == 0) {
    return fail(Code::invalid, "--overflow-price needs a cluster of one pool with GPUs");
  }
  const Pool& cluster = fleet.pools.front();
  if (const auto rule = parse_overflow_rule(options.policy)) {
    result.jobs = replay_overflow(fleet, workload, *rule, *options.overflow_price);
  } else if (options.policy != "default") {
    return fail(Code::invalid,
                fmt::format("--policy {}: beside a cloud there are default, no-wait, "
                            "constant-wait, compute-wait",
                            options.policy));
  } else if (!options.wait_limit) {
    return fail(Code::invalid, "--overflow-price needs --wait-limit: how long may jobs wait?");
  } else {
    fleet.pools.push_back(cloud_beside(cluster, *options.overflow_price, workload.arrivals.size()));
    fleet.scheduling.overflow_wait = options.wait_limit;
    auto ok = run_world({fleet, std::move(workload), world_begins}, Timestamp::max(), result);
    if (!ok) return fail(ok.error());
  }
  result.figures.update(figures_of(result.jobs));
  result.figures.update(overflow_figures_of(result.jobs));
  return result;
}

}  // namespace

Result<SimulateResult> simulate_trace(const SimulateOptions& options) {
  auto fleet = read_cluster(options.cluster);
  if (!fleet) return fail(fleet.error());
  const bool overflow = options.overflow_price.has_value();
  const auto order = order_of(overflow ? "default" : options.policy);
  if (!order) return fail(order.error());
  TraceOptions reading = options.reading;
  if (overflow || needs_run_times(*order)) reading.know = Know::all;
  auto workload = read_trace(options.trace, reading, world_begins);
  if (!workload) return fail(workload.error());
  if (options.load_pct) {
    if (auto ok = fit_cluster(*fleet, *workload, *options.load_pct); !ok) return fail(ok.error());
  }
  if (overflow) return simulate_overflow(options, std::move(*fleet), std::move(*workload));
  SimulateResult result;
  result.policy = options.policy;
  if (options.published) {
    if (!needs_run_times(*order)) {
      return fail(Code::invalid, "--rule published is that of --policy srtf and srsf");
    }
    result.jobs = replay_published(*fleet, *workload, *order);
  } else {
    fleet->scheduling.order = *order;
    fleet->scheduling.min_run = Duration{0};
    auto ok = run_world({*fleet, std::move(*workload), world_begins}, Timestamp::max(), result);
    if (!ok) return fail(ok.error());
  }
  add_figures(*fleet, result);
  return result;
}

Result<SimulateResult> simulate_scenario(const Scenario& scenario, const std::string& policy) {
  Fleet fleet = scenario.fleet;
  Workload workload = scenario.workload;
  TraceOptions reading = scenario.reading;
  if (!policy.empty()) {
    const auto rule = price_rule_of(policy);
    if (rule) fleet.scheduling.price = *rule;
    const auto order = order_of(rule ? "default" : policy);
    if (!order) return fail(order.error());
    fleet.scheduling.order = *order;
    if (needs_run_times(*order)) reading.know = Know::all;
  }
  if (!scenario.trace.empty()) {
    auto read = read_trace(scenario.trace, reading, scenario.begin);
    if (!read) return fail(read.error());
    workload = std::move(*read);
  } else if (reading.know == Know::all) {
    for (Arrival& arrival : workload.arrivals) arrival.spec.estimate = arrival.does.runs;
  }
  if (scenario.load_pct > 0) {
    if (auto ok = fit_cluster(fleet, workload, scenario.load_pct); !ok) return fail(ok.error());
  }
  SimulateResult result;
  result.policy = policy.empty() ? std::string(name(fleet.scheduling.order)) : policy;
  auto ok = run_world({fleet, std::move(workload), scenario.begin}, scenario.until, result);
  if (!ok) return fail(ok.error());
  add_figures(fleet, result);
  return result;
}

}  // namespace mohona

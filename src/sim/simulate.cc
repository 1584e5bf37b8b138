#include "base/wide.h"
#include "sim/simulate.h"

#include <fmt/format.h>

#include "model/names.h"
#include "sim/published.h"

namespace mohona {
namespace {

constexpr Timestamp world_begins = Timestamp{} + std::chrono::hours(490'896);  // 2026-01-01

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
  const auto nodes = static_cast<std::int64_t>((work * 100 + per_node * load_pct - 1) /
                                               (per_node * load_pct));
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
      for (const Task& task : job.tasks) {
        one.restarts += std::max<std::int64_t>(0, std::int64_t{task.attempts} - 1);
      }
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

Result<SimulateResult> simulate_trace(const SimulateOptions& options) {
  auto fleet = read_cluster(options.cluster);
  if (!fleet) return fail(fleet.error());
  TraceOptions reading = options.reading;
  QueueOrder order = QueueOrder::learned;
  if (options.policy != "default") {
    const auto named = parse_name<QueueOrder>(options.policy);
    if (!named) {
      return fail(Code::invalid,
                  fmt::format("--policy {}: there are default, fifo, las, srtf, srsf, age, learned",
                              options.policy));
    }
    order = *named;
    if (order == QueueOrder::srtf || order == QueueOrder::srsf) reading.know = Know::all;
  }
  auto workload = read_trace(options.trace, reading, world_begins);
  if (!workload) return fail(workload.error());
  if (options.load_pct) {
    if (auto ok = fit_cluster(*fleet, *workload, *options.load_pct); !ok) return fail(ok.error());
  }
  SimulateResult result;
  std::int64_t gpus = 0;
  for (const Pool& pool : fleet->pools) gpus += pool.nodes * pool.shape.gpus;
  if (options.published) {
    if (order != QueueOrder::srtf && order != QueueOrder::srsf) {
      return fail(Code::invalid, "--rule published is that of --policy srtf and srsf");
    }
    result.jobs = replay_published(*fleet, *workload, order);
  } else {
    fleet->scheduling.order = order;
    fleet->scheduling.min_run = Duration{0};
    SimulationSetup setup{*fleet, *workload, world_begins};
    Simulation simulation(std::move(setup));
    simulation.run();
    if (!simulation.refusals().empty()) {
      return fail(Code::invalid, simulation.refusals().front());
    }
    result.jobs = outcomes_of(simulation, *workload);
    result.figures["turns"] = simulation.turns();
  }
  const Json counted = figures_of(result.jobs);
  result.figures.update(counted);
  result.figures["bound_completion_seconds"] = rounded(completion_bound_seconds(result.jobs, gpus));
  return result;
}

}  // namespace mohona

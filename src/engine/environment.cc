#include "engine/environment.h"

#include <algorithm>

#include "base/text.h"

namespace mohona {
namespace {

std::string number(std::int64_t n) { return std::to_string(n); }

bool sets(const Variables& variables, const std::string& name) {
  return std::any_of(variables.begin(), variables.end(),
                     [&](const auto& variable) { return variable.first == name; });
}

void add_torchrun(Variables& v, const Launch& launch, const LaunchPlace& place) {
  v.insert(v.end(), {{"LOCAL_RANK", "0"},
                     {"WORLD_SIZE", number(node_count(launch))},
                     {"LOCAL_WORLD_SIZE", "1"},
                     {"MASTER_ADDR", place.addresses.front()},
                     {"MASTER_PORT", number(place.master_port)},
                     {"TORCHELASTIC_RESTART_COUNT", number(launch.restarts)}});
}

void add_slurm(Variables& v, const Launch& launch, const LaunchPlace& place) {
  const JobSpec& spec = *launch.spec;
  const std::int64_t nodes = node_count(launch);
  const Demand& demand = launch.attempt.demand;
  const std::string job = to_string(launch.attempt.id.job);
  v.insert(v.end(),
           {{"SLURM_JOB_ID", job},
            {"SLURM_JOBID", job},
            {"SLURM_JOB_NAME", spec.name},
            {"SLURM_JOB_PARTITION", spec.queue},
            {"SLURM_NNODES", number(nodes)},
            {"SLURM_JOB_NUM_NODES", number(nodes)},
            {"SLURM_LOCALID", "0"},
            {"SLURM_NTASKS", number(nodes * spec.tasks_per_node)},
            {"SLURM_NTASKS_PER_NODE", number(spec.tasks_per_node)},
            {"SLURM_JOB_NODELIST", join(place.addresses, ",")},
            {"SLURM_NODELIST", join(place.addresses, ",")},
            {"SLURM_CPUS_ON_NODE", number((demand.cpus_milli + 999) / 1'000)},
            {"SLURM_CPUS_PER_TASK",
             number(std::max<std::int64_t>(1, demand.cpus_milli / 1'000 / spec.tasks_per_node))},
            {"SLURM_GPUS_ON_NODE", number(demand.gpus)},
            {"SLURM_RESTART_COUNT", number(launch.restarts)},
            {"SLURM_SUBMIT_DIR", spec.submit_directory}});
  if (spec.max_duration) {
    const Timestamp end = launch.attempt.placed_at + *spec.max_duration;
    v.emplace_back(
        "SLURM_JOB_END_TIME",
        number(std::chrono::floor<std::chrono::seconds>(end).time_since_epoch().count()));
  }
  if (spec.shards && spec.shards->array) {
    const std::int64_t count = spec.shards->count();
    v.insert(v.end(), {{"SLURM_ARRAY_JOB_ID", job},
                       {"SLURM_ARRAY_TASK_ID", launch.shard},
                       {"SLURM_ARRAY_TASK_COUNT", number(count)},
                       {"SLURM_ARRAY_TASK_MIN", spec.shards->item(0)},
                       {"SLURM_ARRAY_TASK_MAX", spec.shards->item(count - 1)}});
  }
}

void add_skypilot(Variables& v, const Launch& launch, const LaunchPlace& place) {
  const JobSpec& spec = *launch.spec;
  v.insert(v.end(), {{"SKYPILOT_NUM_NODES", number(node_count(launch))},
                     {"SKYPILOT_NODE_IPS", join(place.addresses, "\n")},
                     {"SKYPILOT_NUM_GPUS_PER_NODE", number(launch.attempt.demand.gpus)},
                     {"SKYPILOT_TASK_ID",
                      fmt::format("mohona-{}-{}", to_string(launch.attempt.id.job), spec.name)}});
  if (spec.kind == Kind::serve) {
    v.emplace_back("SKYPILOT_SERVE_REPLICA_ID", number(launch.attempt.id.task + 1));
  }
  if (launch.shard_count > 0) {
    v.emplace_back("SKYPILOT_JOB_RANK", number(launch.attempt.id.task));
    v.emplace_back("SKYPILOT_NUM_JOBS", number(static_cast<std::int64_t>(launch.shard_count)));
  }
}

void add_ours(Variables& v, const Launch& launch, const LaunchPlace& place) {
  v.insert(v.end(), {{"MOHONA_JOB_ID", to_string(launch.attempt.id.job)},
                     {"MOHONA_JOB_NAME", launch.spec->name},
                     {"MOHONA_ATTEMPT", to_string(launch.attempt.id)},
                     {"MOHONA_RESTARTS", number(launch.restarts)},
                     {"MOHONA_POOL", launch.attempt.pool},
                     {"MOHONA_CLOUD", launch.attempt.cloud},
                     {"MOHONA_OUTPUT", place.output}});
  if (!place.progress.empty()) v.emplace_back("MOHONA_PROGRESS", place.progress);
  if (!place.checkpoint.empty()) v.emplace_back("MOHONA_CHECKPOINT", place.checkpoint);
  if (place.port > 0) v.emplace_back("MOHONA_PORT", number(place.port));
  if (launch.shard_count > 0) {
    v.emplace_back("MOHONA_SHARD", launch.shard);
    v.emplace_back("MOHONA_SHARD_INDEX", number(launch.attempt.id.task));
    v.emplace_back("MOHONA_SHARD_COUNT", number(static_cast<std::int64_t>(launch.shard_count)));
  }
  for (std::size_t i = 0; i < launch.needs.size(); ++i) {
    const std::string needed = environment_name(launch.needs[i].name);
    v.emplace_back("MOHONA_INPUT_" + needed, place.inputs.at(i));
    if (!launch.needs[i].endpoint.empty()) {
      v.emplace_back("MOHONA_ENDPOINT_" + needed, launch.needs[i].endpoint);
    }
  }
}

}  // namespace

std::int64_t node_count(const Launch& launch) { return std::ssize(launch.attempt.holdings); }

std::int64_t rank_count(const Launch& launch) {
  return launch.spec->script == Script::first_node ? 1 : node_count(launch);
}

Variables shared_environment(const Launch& launch, const LaunchPlace& place) {
  Variables v;
  add_torchrun(v, launch, place);
  add_slurm(v, launch, place);
  add_skypilot(v, launch, place);
  add_ours(v, launch, place);
  v.insert(v.end(), launch.spec->envs.begin(), launch.spec->envs.end());
  v.insert(v.end(), launch.secrets.begin(), launch.secrets.end());
  return v;
}

Variables rank_environment(const Launch& launch, std::int64_t rank) {
  const Holding& holding = launch.attempt.holdings.at(static_cast<std::size_t>(rank));
  std::vector<std::string> devices;
  for (const std::int64_t device : holding.devices) devices.push_back(number(device));
  Variables v;
  for (const char* name : {"RANK", "GROUP_RANK", "SLURM_NODEID", "SLURM_PROCID",
                           "SKYPILOT_NODE_RANK", "MOHONA_RANK"}) {
    v.emplace_back(name, number(rank));
  }
  // Set also when empty: work that asked for no GPU must not see one.
  v.emplace_back("CUDA_VISIBLE_DEVICES", join(devices, ","));
  std::erase_if(v, [&](const auto& variable) {
    return sets(launch.spec->envs, variable.first) || sets(launch.secrets, variable.first);
  });
  return v;
}

}  // namespace mohona

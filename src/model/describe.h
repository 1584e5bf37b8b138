// The fields of every value that is stored, by name. Adding a field to a struct means adding it
// here; nothing else knows how values are written.
#pragma once

#include "model/describe_contracts.h"
#include "model/fact.h"
#include "model/names.h"
#include "model/record.h"

namespace mohona {

// describe(visit, Tag<T>) calls visit("name", &T::field) for each stored field of T.

template <class V>
void describe(V&& v, Tag<Money>) {
  v("micros", &Money::micros);
}
template <class V>
void describe(V&& v, Tag<Price>) {
  v("nanos", &Price::nanos);
}
template <class V>
void describe(V&& v, Tag<Fraction>) {
  v("held", &Fraction::held);
  v("whole", &Fraction::whole);
}
template <class V>
void describe(V&& v, Tag<Demand>) {
  v("cpus_milli", &Demand::cpus_milli);
  v("memory_mib", &Demand::memory_mib);
  v("gpu", &Demand::gpu);
  v("gpus", &Demand::gpus);
  v("gpu_milli", &Demand::gpu_milli);
}
template <class V>
void describe(V&& v, Tag<Choice>) {
  v("demand", &Choice::demand);
  v("cloud", &Choice::cloud);
  v("region", &Choice::region);
  v("zone", &Choice::zone);
  v("instance_type", &Choice::instance_type);
  v("use_spot", &Choice::use_spot);
  v("speed_milli", &Choice::speed_milli);
}
template <class V>
void describe(V&& v, Tag<Resources>) {
  v("choices", &Resources::choices);
  v("ordered", &Resources::ordered);
  v("ports", &Resources::ports);
  v("limit_cpus", &Resources::limit_cpus);
  v("limit_memory", &Resources::limit_memory);
}
template <class V>
void describe(V&& v, Tag<Shape>) {
  v("name", &Shape::name);
  v("cpus_milli", &Shape::cpus_milli);
  v("memory_mib", &Shape::memory_mib);
  v("gpu", &Shape::gpu);
  v("gpus", &Shape::gpus);
}
template <class V>
void describe(V&& v, Tag<NodeRange>) {
  v("first", &NodeRange::first);
  v("last", &NodeRange::last);
}
template <class V>
void describe(V&& v, Tag<Topology>) {
  v("leaf", &Topology::leaf);
  v("block", &Topology::block);
  v("fabric", &Topology::fabric);
}
template <class V>
void describe(V&& v, Tag<Feature>) {
  v("name", &Feature::name);
  v("nodes", &Feature::nodes);
}
template <class V>
void describe(V&& v, Tag<Nearness>) {
  v("within", &Nearness::within);
  v("prefer", &Nearness::prefer);
  v("segment", &Nearness::segment);
}
template <class V>
void describe(V&& v, Tag<Queue>) {
  v("name", &Queue::name);
  v("parent", &Queue::parent);
  v("guarantee_ppm", &Queue::guarantee_ppm);
  v("borrow_ppm", &Queue::borrow_ppm);
  v("lend_ppm", &Queue::lend_ppm);
  v("weight", &Queue::weight);
  v("budget", &Queue::budget);
}
template <class V>
void describe(V&& v, Tag<QueueBudget>) {
  v("amount", &QueueBudget::amount);
  v("per", &QueueBudget::per);
}
template <class V>
void describe(V&& v, Tag<SchedulingPolicy>) {
  v("ageing", &SchedulingPolicy::ageing);
  v("reservations_max", &SchedulingPolicy::reservations_max);
  v("patience", &SchedulingPolicy::patience);
  v("preempt", &SchedulingPolicy::preempt);
  v("min_run", &SchedulingPolicy::min_run);
  v("order", &SchedulingPolicy::order);
  v("packing", &SchedulingPolicy::packing);
  v("overflow_wait", &SchedulingPolicy::overflow_wait);
  v("price", &SchedulingPolicy::price);
}
template <class V>
void describe(V&& v, Tag<PackingClass>) {
  v("pool", &PackingClass::pool);
  v("memory_price", &PackingClass::memory_price);
  v("wanted", &PackingClass::wanted);
}
template <class V>
void describe(V&& v, Tag<PackingType>) {
  v("cpus_milli", &PackingType::cpus_milli);
  v("memory_mib", &PackingType::memory_mib);
  v("gpus", &PackingType::gpus);
  v("gpu_milli", &PackingType::gpu_milli);
  v("models", &PackingType::models);
  v("gain", &PackingType::gain);
  v("often_ppm", &PackingType::often_ppm);
}
template <class V>
void describe(V&& v, Tag<PackingPrices>) {
  v("classes", &PackingPrices::classes);
  v("types", &PackingPrices::types);
  v("core_prices", &PackingPrices::core_prices);
}
template <class V>
void describe(V&& v, Tag<AdvanceReservation>) {
  v("name", &AdvanceReservation::name);
  v("pool", &AdvanceReservation::pool);
  v("nodes", &AdvanceReservation::nodes);
  v("where", &AdvanceReservation::where);
  v("from", &AdvanceReservation::from);
  v("to", &AdvanceReservation::to);
  v("queues", &AdvanceReservation::queues);
  v("maintenance", &AdvanceReservation::maintenance);
}
template <class V>
void describe(V&& v, Tag<ForeignLoad>) {
  v("cpus_milli", &ForeignLoad::cpus_milli);
  v("memory_mib", &ForeignLoad::memory_mib);
  v("devices", &ForeignLoad::devices);
}
template <class V>
void describe(V&& v, Tag<Pool>) {
  v("name", &Pool::name);
  v("cloud", &Pool::cloud);
  v("region", &Pool::region);
  v("zone", &Pool::zone);
  v("shape", &Pool::shape);
  v("nodes", &Pool::nodes);
  v("share_nodes", &Pool::share_nodes);
  v("engine", &Pool::engine);
  v("purchase", &Pool::purchase);
  v("price", &Pool::price);
  v("topology", &Pool::topology);
  v("features", &Pool::features);
  v("account", &Pool::account);
  v("engine_options", &Pool::engine_options);
  v("hosts", &Pool::hosts);
  v("controller", &Pool::controller);
  v("whole_only", &Pool::whole_only);
}
template <class V>
void describe(V&& v, Tag<FileMount>) {
  v("target", &FileMount::target);
  v("source", &FileMount::source);
}
template <class V>
void describe(V&& v, Tag<Indices>) {
  v("first", &Indices::first);
  v("last", &Indices::last);
  v("step", &Indices::step);
}
template <class V>
void describe(V&& v, Tag<Shards>) {
  v("globs", &Shards::globs);
  v("items", &Shards::items);
  v("range", &Shards::range);
  v("array", &Shards::array);
  v("at_once_max", &Shards::at_once_max);
}
template <class V>
void describe(V&& v, Tag<Checkpoint>) {
  v("path", &Checkpoint::path);
}
template <class V>
void describe(V&& v, Tag<ProgressSpec>) {
  v("steps", &ProgressSpec::steps);
  v("from_log", &ProgressSpec::from_log);
}
template <class V>
void describe(V&& v, Tag<StopPolicy>) {
  v("signal", &StopPolicy::signal);
  v("grace", &StopPolicy::grace);
  v("before_limit", &StopPolicy::before_limit);
  v("target", &StopPolicy::target);
}
template <class V>
void describe(V&& v, Tag<Hook>) {
  v("run", &Hook::run);
  v("events", &Hook::events);
  v("timeout", &Hook::timeout);
}
template <class V>
void describe(V&& v, Tag<Retries>) {
  v("max", &Retries::max);
  v("backoff", &Retries::backoff);
}
template <class V>
void describe(V&& v, Tag<ReadinessProbe>) {
  v("path", &ReadinessProbe::path);
  v("post_data", &ReadinessProbe::post_data);
  v("initial_delay", &ReadinessProbe::initial_delay);
  v("timeout", &ReadinessProbe::timeout);
  v("interval", &ReadinessProbe::interval);
  v("failures_max", &ReadinessProbe::failures_max);
}
template <class V>
void describe(V&& v, Tag<Service>) {
  v("probe", &Service::probe);
  v("replicas", &Service::replicas);
}
template <class V>
void describe(V&& v, Tag<JobSpec>) {
  v("name", &JobSpec::name);
  v("kind", &JobSpec::kind);
  v("workdir", &JobSpec::workdir);
  v("submit_directory", &JobSpec::submit_directory);
  v("num_nodes", &JobSpec::num_nodes);
  v("min_nodes", &JobSpec::min_nodes);
  v("tasks_per_node", &JobSpec::tasks_per_node);
  v("script", &JobSpec::script);
  v("resources", &JobSpec::resources);
  v("nearness", &JobSpec::nearness);
  v("features", &JobSpec::features);
  v("reservation", &JobSpec::reservation);
  v("envs", &JobSpec::envs);
  v("secrets", &JobSpec::secrets);
  v("file_mounts", &JobSpec::file_mounts);
  v("setup", &JobSpec::setup);
  v("run", &JobSpec::run);
  v("output_path", &JobSpec::output_path);
  v("error_path", &JobSpec::error_path);
  v("needs", &JobSpec::needs);
  v("shards", &JobSpec::shards);
  v("max_duration", &JobSpec::max_duration);
  v("deadline", &JobSpec::deadline);
  v("checkpoint", &JobSpec::checkpoint);
  v("stop", &JobSpec::stop);
  v("retries", &JobSpec::retries);
  v("restart_after_loss", &JobSpec::restart_after_loss);
  v("queue", &JobSpec::queue);
  v("priority", &JobSpec::priority);
  v("budget", &JobSpec::budget);
  v("service", &JobSpec::service);
  v("hooks", &JobSpec::hooks);
  v("progress", &JobSpec::progress);
  v("estimate", &JobSpec::estimate);
  v("inputs", &JobSpec::inputs);
}
template <class V>
void describe(V&& v, Tag<DataInput>) {
  v("place", &DataInput::place);
  v("megabytes", &DataInput::megabytes);
}
template <class V>
void describe(V&& v, Tag<Holding>) {
  v("node", &Holding::node);
  v("devices", &Holding::devices);
}
template <class V>
void describe(V&& v, Tag<Outcome>) {
  v("end", &Outcome::end);
  v("exit_code", &Outcome::exit_code);
  v("stopped", &Outcome::stopped);
  v("detail", &Outcome::detail);
  v("signal", &Outcome::signal);
}
template <class V>
void describe(V&& v, Tag<Steps>) {
  v("done", &Steps::done);
  v("total", &Steps::total);
  v("at", &Steps::at);
  v("first_done", &Steps::first_done);
  v("first_at", &Steps::first_at);
  v("metrics", &Steps::metrics);
}
template <class V>
void describe(V&& v, Tag<Attempt>) {
  v("id", &Attempt::id);
  v("pool", &Attempt::pool);
  v("cloud", &Attempt::cloud);
  v("demand", &Attempt::demand);
  v("holdings", &Attempt::holdings);
  v("price", &Attempt::price);
  v("part", &Attempt::part);
  v("placed_at", &Attempt::placed_at);
  v("started_at", &Attempt::started_at);
  v("ended_at", &Attempt::ended_at);
  v("stopping", &Attempt::stopping);
  v("ready", &Attempt::ready);
  v("port", &Attempt::port);
  v("ends_at", &Attempt::ends_at);
  v("checkpoint_at", &Attempt::checkpoint_at);
  v("gone_by", &Attempt::gone_by);
  v("for_job", &Attempt::for_job);
  v("outcome", &Attempt::outcome);
  v("steps", &Attempt::steps);
  v("priced", &Attempt::priced);
}
template <class V>
void describe(V&& v, Tag<TaskRun>) {
  v("state", &TaskRun::state);
  v("attempts", &TaskRun::attempts);
  v("failures", &TaskRun::failures);
  v("losses", &TaskRun::losses);
  v("never_ready", &TaskRun::never_ready);
  v("not_before", &TaskRun::not_before);
  v("reason", &TaskRun::reason);
  v("count", &TaskRun::count);
}
template <class V>
void describe(V&& v, Tag<PastAttempts>) {
  v("pool", &PastAttempts::pool);
  v("cloud", &PastAttempts::cloud);
  v("attempts", &PastAttempts::attempts);
  v("node_time", &PastAttempts::node_time);
  v("cost", &PastAttempts::cost);
}
template <class V>
void describe(V&& v, Tag<PastRuns>) {
  v("nodes", &PastRuns::nodes);
  v("step", &PastRuns::step);
  v("runs", &PastRuns::runs);
}
template <class V>
void describe(V&& v, Tag<Job>) {
  v("id", &Job::id);
  v("spec", &Job::spec);
  v("needs", &Job::needs);
  v("shards", &Job::shards);
  v("expanded", &Job::expanded);
  v("key", &Job::key);
  v("secrets", &Job::secrets);
  v("state", &Job::state);
  v("cancelling", &Job::cancelling);
  v("reason", &Job::reason);
  v("submitted_at", &Job::submitted_at);
  v("started_at", &Job::started_at);
  v("ended_at", &Job::ended_at);
  v("tasks", &Job::tasks);
  v("attempts", &Job::attempts);
  v("past", &Job::past);
  v("past_runs", &Job::past_runs);
  v("kept", &Job::kept);
}
template <class V>
void describe(V&& v, Tag<PoolRecord>) {
  v("pool", &PoolRecord::pool);
  v("reclaimed_at", &PoolRecord::reclaimed_at);
  v("gone_at", &PoolRecord::gone_at);
  v("nodes", &PoolRecord::nodes);
  v("loads", &PoolRecord::loads);
  v("reservations", &PoolRecord::reservations);
  v("reclaims", &PoolRecord::reclaims);
}

template <class V>
void describe(V&& v, Tag<ControllerStarted>) {
  v("epoch", &ControllerStarted::epoch);
  v("at", &ControllerStarted::at);
}
template <class V>
void describe(V&& v, Tag<PoolDefined>) {
  v("pool", &PoolDefined::pool);
}
template <class V>
void describe(V&& v, Tag<PoolRemoved>) {
  v("pool", &PoolRemoved::pool);
}
template <class V>
void describe(V&& v, Tag<PoolReclaimed>) {
  v("pool", &PoolReclaimed::pool);
  v("at", &PoolReclaimed::at);
  v("gone_at", &PoolReclaimed::gone_at);
}
template <class V>
void describe(V&& v, Tag<PoolRestored>) {
  v("pool", &PoolRestored::pool);
  v("at", &PoolRestored::at);
}
template <class V>
void describe(V&& v, Tag<JobSubmitted>) {
  v("job", &JobSubmitted::job);
  v("spec", &JobSubmitted::spec);
  v("needs", &JobSubmitted::needs);
  v("key", &JobSubmitted::key);
  v("secrets", &JobSubmitted::secrets);
  v("at", &JobSubmitted::at);
}
template <class V>
void describe(V&& v, Tag<JobExpanded>) {
  v("job", &JobExpanded::job);
  v("shards", &JobExpanded::shards);
  v("at", &JobExpanded::at);
}
template <class V>
void describe(V&& v, Tag<AttemptPlaced>) {
  v("attempt", &AttemptPlaced::attempt);
}
template <class V>
void describe(V&& v, Tag<AttemptStarted>) {
  v("attempt", &AttemptStarted::attempt);
  v("port", &AttemptStarted::port);
  v("at", &AttemptStarted::at);
}
template <class V>
void describe(V&& v, Tag<ReplicaReady>) {
  v("attempt", &ReplicaReady::attempt);
  v("ready", &ReplicaReady::ready);
  v("at", &ReplicaReady::at);
}
template <class V>
void describe(V&& v, Tag<AttemptStopping>) {
  v("attempt", &AttemptStopping::attempt);
  v("reason", &AttemptStopping::reason);
  v("grace", &AttemptStopping::grace);
  v("within", &AttemptStopping::within);
  v("at", &AttemptStopping::at);
  v("for_job", &AttemptStopping::for_job);
}
template <class V>
void describe(V&& v, Tag<AttemptEnded>) {
  v("attempt", &AttemptEnded::attempt);
  v("outcome", &AttemptEnded::outcome);
  v("at", &AttemptEnded::at);
}
template <class V>
void describe(V&& v, Tag<TaskWaits>) {
  v("job", &TaskWaits::job);
  v("task", &TaskWaits::task);
  v("not_before", &TaskWaits::not_before);
  v("after_failure", &TaskWaits::after_failure);
  v("reason", &TaskWaits::reason);
}
template <class V>
void describe(V&& v, Tag<TaskEnded>) {
  v("job", &TaskEnded::job);
  v("task", &TaskEnded::task);
  v("state", &TaskEnded::state);
  v("reason", &TaskEnded::reason);
}
template <class V>
void describe(V&& v, Tag<JobCancelling>) {
  v("job", &JobCancelling::job);
  v("reason", &JobCancelling::reason);
  v("at", &JobCancelling::at);
}
template <class V>
void describe(V&& v, Tag<JobEnded>) {
  v("job", &JobEnded::job);
  v("state", &JobEnded::state);
  v("reason", &JobEnded::reason);
  v("at", &JobEnded::at);
}
template <class V>
void describe(V&& v, Tag<QueuesDefined>) {
  v("queues", &QueuesDefined::queues);
  v("scheduling", &QueuesDefined::scheduling);
}
template <class V>
void describe(V&& v, Tag<QueueSpent>) {
  v("queue", &QueueSpent::queue);
  v("days", &QueueSpent::days);
}
template <class V>
void describe(V&& v, Tag<QueuesSpent>) {
  v("queues", &QueuesSpent::queues);
}
template <class V>
void describe(V&& v, Tag<PackingPriced>) {
  v("prices", &PackingPriced::prices);
}
template <class V>
void describe(V&& v, Tag<ReservationDefined>) {
  v("reservation", &ReservationDefined::reservation);
}
template <class V>
void describe(V&& v, Tag<ReservationRemoved>) {
  v("pool", &ReservationRemoved::pool);
  v("name", &ReservationRemoved::name);
}
template <class V>
void describe(V&& v, Tag<NodesChanged>) {
  v("pool", &NodesChanged::pool);
  v("nodes", &NodesChanged::nodes);
  v("state", &NodesChanged::state);
  v("reason", &NodesChanged::reason);
  v("at", &NodesChanged::at);
  v("by", &NodesChanged::by);
}
template <class V>
void describe(V&& v, Tag<NodeLoaded>) {
  v("pool", &NodeLoaded::pool);
  v("node", &NodeLoaded::node);
  v("load", &NodeLoaded::load);
}
template <class V>
void describe(V&& v, Tag<NodesKept>) {
  v("job", &NodesKept::job);
  v("pool", &NodesKept::pool);
  v("nodes", &NodesKept::nodes);
  v("start", &NodesKept::start);
  v("expected", &NodesKept::expected);
  v("promised", &NodesKept::promised);
  v("preempting", &NodesKept::preempting);
  v("at", &NodesKept::at);
}
template <class V>
void describe(V&& v, Tag<NodesReleased>) {
  v("job", &NodesReleased::job);
  v("reason", &NodesReleased::reason);
}
template <class V>
void describe(V&& v, Tag<AttemptProgressed>) {
  v("attempt", &AttemptProgressed::attempt);
  v("ends_at", &AttemptProgressed::ends_at);
  v("checkpoint_at", &AttemptProgressed::checkpoint_at);
  v("steps", &AttemptProgressed::steps);
}

}  // namespace mohona

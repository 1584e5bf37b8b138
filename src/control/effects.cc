#include "control/effects.h"

#include <algorithm>

#include "core/stop.h"

namespace mohona {
namespace {

// Where a service can be reached: its first ready replica.
std::string endpoint_of(const State& state, const Job& job) {
  for (const Attempt& attempt : job.attempts) {
    if (!attempt.ready || attempt.ended_at) continue;
    return fmt::format("{}:{}", host_of(state, attempt), attempt.port);
  }
  return {};
}

Launch make_launch(const State& state, const Job& job, const Attempt& attempt) {
  Launch launch;
  launch.attempt = attempt;
  launch.spec = job.spec;
  launch.needs = needed_jobs(state, job);
  if (job.spec->kind == Kind::data) {
    launch.shard = job.shard(attempt.id.task);
    launch.shard_count = job.tasks.size();
  }
  launch.restarts = attempt.id.number - 1;
  if (const PoolRecord* pool = state.find_pool(attempt.pool)) launch.pool = &pool->pool;
  return launch;
}

// The stop that was decided earlier, with what is left of a cloud's notice.
Stop make_stop(const State& state, const AttemptId& id, Timestamp now) {
  const Job& job = state.find(id.job)->job;
  const Attempt& attempt = state.live_attempt(id);
  std::optional<Duration> notice;
  const PoolRecord* pool = state.find_pool(attempt.pool);
  if (attempt.stopping == StopReason::reclaimed && pool && pool->gone_at) {
    notice = std::max(Duration{0}, *pool->gone_at - now);
  }
  const Fact fact = stop_attempt(job, attempt, *attempt.stopping, now, notice);
  const auto& stopping = std::get<AttemptStopping>(fact);
  return Stop{job.spec->stop->signal, stopping.grace, stopping.within,
              std::string(hook_event(*attempt.stopping)), job.spec->stop->target};
}

// An engine repeats what it knows at every look.
bool is_news(const Report& report, const Attempt& attempt) {
  if (!report.steps) return false;
  const StepsReport& now = *report.steps;
  if (!attempt.steps || now.done != attempt.steps->done) return true;
  return now.total.value_or(attempt.steps->total) != attempt.steps->total ||
         (!now.metrics.empty() && now.metrics != attempt.steps->metrics);
}

Progress progress_of(const Report& report) {
  Progress progress{report.attempt, {}, {}};
  progress.done = report.steps->done;
  progress.total = report.steps->total;
  progress.metrics = report.steps->metrics;
  progress.at = report.steps->at;
  return progress;
}

}  // namespace

std::vector<NeededJob> needed_jobs(const State& state, const Job& job) {
  std::vector<NeededJob> needs;
  for (const JobId id : job.needs) {
    const JobEntry* needed = state.find(id);
    if (!needed) continue;
    needs.push_back({needed->job.spec->name, id,
                     needed->job.spec->kind == Kind::serve ? endpoint_of(state, needed->job) : ""});
  }
  return needs;
}

bool is_away(const Pool& pool, const std::string& name) {
  return !name.empty() && !pool.controller.empty() && pool.controller != name;
}

std::string host_of(const State& state, const Attempt& attempt) {
  const PoolRecord* pool = state.find_pool(attempt.pool);
  if (!pool || attempt.holdings.empty()) return "127.0.0.1";
  const auto node = static_cast<std::size_t>(attempt.holdings.front().node);
  return node < pool->pool.hosts.size() ? pool->pool.hosts[node] : "127.0.0.1";
}

Engine* Effects::engine_of(const State& state, const std::string& pool) const {
  const PoolRecord* found = state.find_pool(pool);
  if (!found || is_away(found->pool, name_)) return nullptr;
  const auto engine = engines_.find(found->pool.engine);
  return engine == engines_.end() ? nullptr : engine->second;
}

void Effects::launch(const State& state, const AttemptId& id, std::vector<Input>& inputs) {
  const Job& job = state.find(id.job)->job;
  const Attempt& attempt = state.live_attempt(id);
  const auto failed = [&](const std::string& why) {
    inputs.push_back(Ended{id, Outcome{End::not_launched, 0, false, why}, {}});
  };
  const PoolRecord* pool = state.find_pool(attempt.pool);
  if (!may_act() || (pool && is_away(pool->pool, name_))) return;  // whoever leads there sees to it
  Engine* engine = engine_of(state, attempt.pool);
  if (!engine) return failed("no engine runs pool " + attempt.pool);
  Launch launch = make_launch(state, job, attempt);
  if (!job.secrets.empty()) {
    auto secrets = secrets_.read(job.secrets);
    if (!secrets) return failed(secrets.error().message);
    launch.secrets = std::move(*secrets);
  }
  const auto launched = engine->launch(launch);
  // An unknown outcome is no failure: the next look at the engine tells.
  if (!launched && launched.error().retry != Retry::outcome_unknown) {
    failed(launched.error().message);
  }
}

void Effects::stop(const State& state, const AttemptId& id, Timestamp now) {
  Engine* engine = engine_of(state, state.live_attempt(id).pool);
  if (engine && may_act())
    (void)engine->stop(id, make_stop(state, id, now));  // repeated by the next reconciliation
}

void Effects::act(const State& state, const Fact& fact, std::vector<Input>& inputs) {
  if (const auto* placed = std::get_if<AttemptPlaced>(&fact)) {
    // A later fact of the same batch may have ended or stopped it already.
    if (state.live().contains(placed->attempt.id)) launch(state, placed->attempt.id, inputs);
  } else if (const auto* stopping = std::get_if<AttemptStopping>(&fact)) {
    if (!state.live().contains(stopping->attempt)) return;
    const Job& job = state.find(stopping->attempt.job)->job;
    Engine* engine = engine_of(state, state.live_attempt(stopping->attempt).pool);
    if (engine && may_act()) {
      (void)engine->stop(stopping->attempt,
                         Stop{job.spec->stop->signal, stopping->grace, stopping->within,
                              std::string(hook_event(stopping->reason)), job.spec->stop->target});
    }
  } else if (const auto* ended = std::get_if<AttemptEnded>(&fact)) {
    for (const auto& [name, engine] : engines_) (void)engine->forget(ended->attempt);
  } else if (const auto* job_ended = std::get_if<JobEnded>(&fact)) {
    const std::string& secrets = state.find(job_ended->job)->job.secrets;
    if (!secrets.empty()) secrets_.remove(secrets);
  }
}

void Effects::observe(const State& state, bool reconcile, Timestamp now,
                      std::vector<Input>& inputs) {
  for (const auto& [name, engine] : engines_) {
    const auto reports = reconcile ? engine->observe() : engine->changes();
    if (!reports) continue;  // silence is not the truth
    std::map<AttemptId, const Report*> known;
    for (const Report& report : *reports) {
      if (reconcile) known[report.attempt] = &report;
      const auto live = state.live().find(report.attempt);
      if (live == state.live().end()) {
        // Ours, but over: its end is durable, or it was never durable that it should be.
        if (report.phase != Phase::ended) {
          (void)engine->stop(report.attempt, Stop{"KILL", Duration{0}, Duration{0}, "down"});
        } else {
          (void)engine->forget(report.attempt);
        }
        continue;
      }
      if (report.phase != Phase::launched && !live->second.attempt->started_at) {
        inputs.push_back(Started{report.attempt, report.port, report.started_at});
      }
      if (is_news(report, *live->second.attempt)) {
        inputs.push_back(progress_of(report));
      }
      if (report.phase == Phase::ended) {
        inputs.push_back(Ended{report.attempt, report.outcome, report.ended_at});
      }
    }
    if (!reconcile) continue;
    for (const auto& [id, live] : state.live()) {
      const Attempt& attempt = *live.attempt;
      if (engine_of(state, attempt.pool) != engine) continue;
      if (!known.contains(id) && attempt.stopping) {
        inputs.push_back(
            Ended{id, Outcome{End::exited, 143, true, "stopped before it was launched"}, {}});
      } else if (!known.contains(id)) {
        launch(state, id, inputs);
      } else if (attempt.stopping && known.at(id)->phase != Phase::ended) {
        stop(state, id, now);
      }
    }
  }
}

// Nodes that people have taken out of work's way, or have said are loaded, stay as they say: an
// engine changes only what it said itself.
void Effects::observe_nodes(const State& state, std::vector<Input>& inputs) {
  observe_away(state, inputs);
  for (const auto& [name, record] : state.pools()) {
    Engine* engine = engine_of(state, name);
    const auto reports = engine ? engine->nodes(record.pool) : std::nullopt;
    if (reports) compare_nodes(record, record.pool.engine, *reports, inputs);
  }
}

void Effects::observe_away(const State& state, std::vector<Input>& inputs) {
  for (const auto& [name, record] : state.pools()) {
    std::vector<NodeReport> reports;
    const bool away = is_away(record.pool, name_);
    const bool was_away = std::any_of(record.nodes.begin(), record.nodes.end(),
                                      [](const NodesChanged& n) { return n.by == by_lead; });
    for (std::int64_t i = 0; away && i < record.pool.nodes; ++i) {
      reports.push_back(
          {i,
           NodeState::cordoned,
           fmt::format("Away: {}, which has it, does not lead", record.pool.controller),
           {}});
    }
    if (away || was_away) compare_nodes(record, by_lead, reports, inputs);
  }
}

Result<std::vector<std::string>> Effects::list_shards(const State& state, const Job& job) {
  if (engines_.empty()) return fail(Code::unavailable, "no engine is there to list its shards");
  return engines_.begin()->second->list_shards(job, needed_jobs(state, job));
}

}  // namespace mohona

#include "control/effects.h"

#include <algorithm>

#include "base/text.h"
#include "control/reports.h"
#include "core/stop.h"

namespace mohona {
namespace {

// Callees of the outbox beside the engines; no engine is called so.
constexpr const char* to_secrets = "(secrets)";
constexpr const char* to_files = "(files)";

// An adapter that throws has failed at this call and at nothing else. Only what derives from
// std::exception: a simulated crash passes.
template <class F>
auto guard(F call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::exception& e) {
    return fail(Code::invalid, fmt::format("it threw: {}", e.what()));
  }
}

// Whether it is worth another try depends on what the engine said.
Outcome not_launched(const Error& error) {
  const End end = error.code == Code::invalid ? End::refused : End::not_launched;
  return Outcome{end, 0, false, printable(error.message)};
}

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
  if (!found || is_away(found->pool, parts_.name)) return nullptr;
  const auto engine = parts_.engines.find(found->pool.engine);
  return engine == parts_.engines.end() ? nullptr : engine->second;
}

// Calls outlive the turn in which they are posted, so they share a copy of the pool.
std::shared_ptr<const Pool> Effects::pool_of(const State& state, const std::string& name) {
  const PoolRecord* record = state.find_pool(name);
  if (!record) return nullptr;
  auto& known = pools_[name];
  if (!known) known = std::make_shared<const Pool>(record->pool);
  return known;
}

// --- launches
// -------------------------------------------------------------------------------------

void Effects::launch(const Turn& turn, const AttemptId& id) {
  if (launching_.contains(id)) return;
  const Job& job = turn.state.find(id.job)->job;
  const Attempt& attempt = turn.state.live_attempt(id);
  const PoolRecord* pool = turn.state.find_pool(attempt.pool);
  if (!may_act() || (pool && is_away(pool->pool, parts_.name))) {
    return;  // the controller that leads there sees to it
  }
  if (!engine_of(turn.state, attempt.pool)) {
    turn.inputs.push_back(
        Ended{id, Outcome{End::not_launched, 0, false, "no engine runs pool " + attempt.pool}, {}});
    return;
  }
  Launch launch = make_launch(turn.state, job, attempt);
  launch.pool = pool_of(turn.state, attempt.pool);
  if (job.secrets.empty()) return launch_with(turn, std::move(launch));
  launching_.insert(id);
  auto read = [this, file = job.secrets, launch = std::move(launch)]() mutable -> Outbox::Done {
    auto secrets = guard([&] { return parts_.secrets.read(file); });
    return [this, launch = std::move(launch),
            secrets = std::move(secrets)](const Turn& later) mutable {
      const AttemptId& attempt_id = launch.attempt.id;
      launching_.erase(attempt_id);
      if (drop_ || !later.state.live().contains(attempt_id)) return;
      if (!secrets) {
        // Values that are gone do not come back.
        Error error = secrets.error();
        if (error.code == Code::not_found) error.code = Code::invalid;
        later.inputs.push_back(Ended{attempt_id, not_launched(error), {}});
        return;
      }
      launch.secrets = std::move(*secrets);
      // One that was stopped meanwhile is missed by the next comparison, which says so.
      if (!later.state.live_attempt(attempt_id).stopping) launch_with(later, std::move(launch));
    };
  };
  if (!outbox_.post(to_secrets, std::move(read), turn)) launching_.erase(id);
}

void Effects::launch_with(const Turn& turn, Launch launch) {
  const AttemptId id = launch.attempt.id;
  const std::string name = launch.pool->engine;
  Engine* engine = parts_.engines.at(name);
  launching_.insert(id);
  looks_[name].launched.insert(id);
  auto call = [this, engine, launch = std::move(launch)]() -> Outbox::Done {
    if (!may_act()) {
      return [this, id = launch.attempt.id](auto&&...) { launching_.erase(id); };
    }
    const auto launched = guard([&] { return engine->launch(launch); });
    auto then = [this, id = launch.attempt.id, launched](const Turn& later) {
      launching_.erase(id);
      // An unknown outcome is no failure: the next look at the engine tells.
      if (launched || launched.error().retry == Retry::outcome_unknown || drop_) return;
      later.inputs.push_back(Ended{id, not_launched(launched.error()), {}});
    };
    return {std::move(then), !launched};
  };
  if (!outbox_.post(name, std::move(call), turn)) launching_.erase(id);
}

// --- stops, and what is over
// -------------------------------------------------------------------------------------

void Effects::stop_on(const Turn& turn, const std::string& engine, const AttemptId& id, Stop how) {
  auto call = [this, to = parts_.engines.at(engine), id, how = std::move(how)]() -> Outbox::Done {
    // What fails here is repeated by the next reconciliation.
    if (may_act()) (void)guard([&] { return to->stop(id, how); });
    return {};
  };
  (void)outbox_.post(engine, std::move(call), turn);
}

void Effects::stop(const Turn& turn, const AttemptId& id, Stop how) {
  const std::string& pool = turn.state.live_attempt(id).pool;
  if (!engine_of(turn.state, pool) || !may_act()) return;
  stop_on(turn, turn.state.find_pool(pool)->pool.engine, id, std::move(how));
}

void Effects::forget(const Turn& turn, const std::string& engine, const AttemptId& id) {
  auto call = [to = parts_.engines.at(engine), id]() -> Outbox::Done {
    (void)guard([&] { return to->forget(id); });
    return {};
  };
  (void)outbox_.post(engine, std::move(call), turn);
}

void Effects::remove_secrets(const Turn& turn, const std::string& file) {
  auto call = [this, file]() -> Outbox::Done {
    (void)guard([&]() -> Result<void> {
      parts_.secrets.remove(file);
      return {};
    });
    return {};
  };
  (void)outbox_.post(to_secrets, std::move(call), turn);
}

void Effects::act(const Turn& turn, const Fact& fact) {
  if (const auto* placed = std::get_if<AttemptPlaced>(&fact)) {
    // A later fact of the same batch may have ended or stopped it already.
    if (turn.state.live().contains(placed->attempt.id)) launch(turn, placed->attempt.id);
  } else if (const auto* stopping = std::get_if<AttemptStopping>(&fact)) {
    if (!turn.state.live().contains(stopping->attempt)) return;
    const Job& job = turn.state.find(stopping->attempt.job)->job;
    stop(turn, stopping->attempt,
         Stop{job.spec->stop->signal, stopping->grace, stopping->within,
              std::string(hook_event(stopping->reason)), job.spec->stop->target});
  } else if (const auto* ended = std::get_if<AttemptEnded>(&fact)) {
    waits_for_.erase(ended->attempt);
    for (const auto& [name, engine] : parts_.engines) {
      forget(turn, name, ended->attempt);
    }
  } else if (const auto* job_ended = std::get_if<JobEnded>(&fact)) {
    const std::string& secrets = turn.state.find(job_ended->job)->job.secrets;
    if (!secrets.empty()) remove_secrets(turn, secrets);
  } else if (const auto* defined = std::get_if<PoolDefined>(&fact)) {
    pools_.erase(defined->pool.name);
  } else if (const auto* removed = std::get_if<PoolRemoved>(&fact)) {
    pools_.erase(removed->pool);
  }
}

void Effects::finish(const Turn& turn, bool drop) {
  drop_ = drop;
  for (const Outbox::Then& then : outbox_.finished()) then(turn);
  drop_ = false;
}

// --- looks at the engines
// -------------------------------------------------------------------------------------

void Effects::observe(const Turn& turn, bool reconcile) {
  for (const auto& [name, engine] : parts_.engines) {
    Look& look = looks_[name];
    if (look.under_way) {
      look.again = true;
      look.reconcile_again |= reconcile;
      continue;
    }
    look.under_way = true;
    look.launched.clear();
    auto call = [this, name = name, engine = engine, reconcile]() -> Outbox::Done {
      auto reports = guard([&] { return reconcile ? engine->observe() : engine->changes(); });
      return [this, name, reconcile, reports = std::move(reports)](const Turn& later) mutable {
        Look& known = looks_[name];
        known.under_way = false;
        // Silence is not the truth: it changes nothing.
        complain(known, name, reports ? "" : reports.error().message);
        if (reports && !drop_) compare(later, name, reconcile, std::move(*reports));
      };
    };
    if (!outbox_.post(name, std::move(call), turn)) look.under_way = false;
  }
}

std::string Effects::waits_for(const AttemptId& id) const {
  const auto found = waits_for_.find(id);
  return found == waits_for_.end() ? "" : found->second;
}

bool Effects::wants_look(bool& reconcile) {
  bool any = false;
  for (auto& [name, look] : looks_) {
    if (look.under_way || !look.again) continue;
    any = true;
    reconcile |= look.reconcile_again;
    look.again = look.reconcile_again = false;
  }
  return any;
}

// Once for each thing that it says, not at every look.
void Effects::complain(Look& look, const std::string& engine, const std::string& why) {
  if (look.complaint == why) return;
  look.complaint = why;
  if (!parts_.log) return;
  parts_.log(why.empty()
                 ? fmt::format("engine {} answers again", engine)
                 : fmt::format("engine {} does not say what runs: {}", engine, printable(why)));
}

void Effects::compare(const Turn& turn, const std::string& engine, bool reconcile,
                      std::vector<Report> reports) {
  std::map<AttemptId, const Report*> known;
  for (Report& report : reports) {
    if (!mend(report)) continue;
    for (auto* at : {&report.started_at, &report.ended_at}) {
      if (*at) *at = parts_.clock.from_wall(**at);
    }
    if (reconcile) known[report.attempt] = &report;
    const auto live = turn.state.live().find(report.attempt);
    if (live == turn.state.live().end()) {
      // Ours, but over: its end is durable, or it was never durable that it should run.
      if (report.phase != Phase::ended) {
        stop_on(turn, engine, report.attempt, Stop{"KILL", Duration{0}, Duration{0}, "down"});
      } else {
        forget(turn, engine, report.attempt);
      }
      continue;
    }
    if (report.phase == Phase::launched && !report.waits_for.empty()) {
      waits_for_[report.attempt] = report.waits_for;
    } else {
      waits_for_.erase(report.attempt);
    }
    if (report.phase != Phase::launched && !live->second.attempt->started_at) {
      turn.inputs.push_back(Started{report.attempt, report.port, report.started_at});
    }
    if (is_news(report, *live->second.attempt)) {
      turn.inputs.push_back(progress_of(report));
    }
    if (report.phase == Phase::ended) {
      turn.inputs.push_back(Ended{report.attempt, report.outcome, report.ended_at});
    }
  }
  if (!reconcile) return;
  const std::set<AttemptId>& launched = looks_[engine].launched;
  for (const auto& [id, live] : turn.state.live()) {
    const Attempt& attempt = *live.attempt;
    if (engine_of(turn.state, attempt.pool) != parts_.engines.at(engine)) continue;
    // The look began before its launch ended, and says nothing about it.
    if (launching_.contains(id) || launched.contains(id)) continue;
    if (!known.contains(id) && attempt.stopping) {
      turn.inputs.push_back(
          Ended{id, Outcome{End::exited, 143, true, "stopped before it was launched"}, {}});
    } else if (!known.contains(id)) {
      launch(turn, id);
    } else if (attempt.stopping && known.at(id)->phase != Phase::ended) {
      stop(turn, id, make_stop(turn.state, id, turn.now));
    }
  }
}

// Nodes that people have taken out of work's way, or have said are loaded, stay as they say: an
// engine changes only what it said itself.
void Effects::observe_nodes(const Turn& turn) {
  observe_away(turn.state, turn.inputs);
  for (const auto& [name, record] : turn.state.pools()) {
    Engine* engine = engine_of(turn.state, name);
    if (!engine || !asking_nodes_.insert(name).second) continue;
    auto call = [this, engine, pool = pool_of(turn.state, name)]() -> Outbox::Done {
      auto reports = guard(
          [&]() -> Result<std::optional<std::vector<NodeReport>>> { return engine->nodes(*pool); });
      return [this, pool, reports = std::move(reports)](const Turn& later) mutable {
        asking_nodes_.erase(pool->name);
        const PoolRecord* now_known = later.state.find_pool(pool->name);
        if (drop_ || !reports || !*reports || !now_known || now_known->pool != *pool) return;
        mend(**reports, *pool);
        compare_nodes(*now_known, pool->engine, **reports, later.inputs);
      };
    };
    if (!outbox_.post(record.pool.engine, std::move(call), turn)) {
      asking_nodes_.erase(name);
    }
  }
}

void Effects::observe_away(const State& state, std::vector<Input>& inputs) {
  for (const auto& [name, record] : state.pools()) {
    std::vector<NodeReport> reports;
    const bool away = is_away(record.pool, parts_.name);
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

void Effects::list_shards(const Turn& turn, const Job& job) {
  if (listing_.contains(job.id)) return;
  if (parts_.engines.empty()) {
    turn.inputs.push_back(
        Listed{job.id, fail(Code::unavailable, "no engine is there to list its shards")});
    return;
  }
  listing_.insert(job.id);
  auto call = [this, job, needs = needed_jobs(turn.state, job),
               engine = parts_.engines.begin()->second]() -> Outbox::Done {
    auto shards = guard([&] { return engine->list_shards(job, needs); });
    if (shards) shards = mend(std::move(*shards));
    if (!shards) shards = fail(shards.error().code, printable(shards.error().message));
    return [this, id = job.id, shards = std::move(shards)](const Turn& later) mutable {
      listing_.erase(id);
      if (!drop_) later.inputs.push_back(Listed{id, std::move(shards)});
    };
  };
  if (!outbox_.post(to_files, std::move(call), turn)) listing_.erase(job.id);
}

}  // namespace mohona

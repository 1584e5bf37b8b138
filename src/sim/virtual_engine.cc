#include "sim/virtual_engine.h"
#include "base/wide.h"

#include <algorithm>

namespace mohona {
namespace {

// Running work says how far it is when it begins, after so long, so that its speed is known, and at
// its end.
constexpr Duration first_steps = std::chrono::seconds(60);
constexpr std::size_t past_max = 64;
// Until somebody notices that work was sent to a node that is gone.
constexpr Duration lost_after = std::chrono::seconds(10);

Error no_answer() {
  return {Code::unavailable, "the engine does not answer", Retry::outcome_unknown};
}

}  // namespace

std::int64_t gpu_milli_of(const JobSpec& spec) {
  const Demand& demand = spec.resources.choices.front().demand;
  return spec.num_nodes * (demand.gpus * 1'000 + demand.gpu_milli);
}

void VirtualEngine::changed(const AttemptId& id) {
  news_.insert(id);
  if (changed_) changed_();
}

Duration VirtualEngine::done(JobId job, std::uint32_t task) const {
  const auto found = tasks_.find({job, task});
  return found == tasks_.end() ? Duration{0} : found->second.safe;
}

// Of this incarnation, up to now.
Duration VirtualEngine::worked(const Incarnation& one) const {
  return std::max(Duration{0}, std::min(clock_.now(), one.ends) - one.begins);
}

Result<void> VirtualEngine::launch(const Launch& launch) {
  if (around_effects) around_effects();
  if (faults.silent || faults.launches_lost) return fail(no_answer());
  const AttemptId& id = launch.attempt.id;
  const auto known = all_.find(id);
  if (launches_twice_ && known != all_.end() && known->second.report.phase != Phase::ended)
    ++doubles_;
  if (known == all_.end()) {
    Incarnation& one = all_[id];
    one.attempt = launch.attempt;
    one.report.attempt = id;
    one.report.phase = Phase::running;
    one.report.started_at = one.launched = clock_.now();
    one.report.port = launch.spec->kind == Kind::serve ? 8'080 : 0;
    one.keeps = launch.spec->checkpoint.has_value();
    TaskWork& task = tasks_[{id.job, id.task}];
    doubles_ += task.running > 0;
    ++task.running;
    restarts_ += task.begun > 0;
    ++task.begun;
    ++launches_;
    plan(one);
    changed(id);
  }
  if (around_effects) around_effects();
  if (faults.launches_unknown) return fail(no_answer());
  return {};
}

void VirtualEngine::plan(Incarnation& one) {
  const AttemptId& id = one.report.attempt;
  const Behaviour& does = behaviours_[id.job];
  one.begins = one.launched + does.overhead;
  overheads_ += does.overhead;
  const bool endless = one.report.port != 0;
  const Duration safe = tasks_[{id.job, id.task}].safe;
  one.ends = endless ? Timestamp::max() : one.begins + std::max(Duration{0}, does.runs - safe);
  const auto& holdings = one.attempt.holdings;
  one.doomed = std::any_of(holdings.begin(), holdings.end(), [&](const Holding& holding) {
    return gone_.contains({one.attempt.pool, holding.node});
  });
  if (one.doomed) one.ends = one.launched + lost_after;
  if (one.ends != Timestamp::max()) timeline_.insert({one.ends, id, ends});
  if (does.steps > 0) {
    for (const Duration later : {Duration{0}, first_steps}) {
      if (one.begins + later < one.ends) timeline_.insert({one.begins + later, id, tells_steps});
    }
  }
}

void VirtualEngine::tell_steps(Incarnation& one) {
  const AttemptId& id = one.report.attempt;
  const Behaviour& does = behaviours_[id.job];
  const Duration far = tasks_[{id.job, id.task}].safe + worked(one);
  const auto steps = static_cast<std::int64_t>(static_cast<Wide>(far.count()) * does.steps /
                                               std::max<std::int64_t>(1, does.runs.count()));
  one.report.steps = StepsReport{steps, does.steps, {}, clock_.now()};
}

void VirtualEngine::finish(Incarnation& one, Outcome outcome) {
  const AttemptId& id = one.report.attempt;
  if (one.report.phase == Phase::ended) return;
  const Behaviour& does = behaviours_[id.job];
  TaskWork& task = tasks_[{id.job, id.task}];
  const Duration now_done = worked(one);
  if (does.steps > 0 && outcome.end == End::exited) tell_steps(one);
  Duration kept{0};
  if (outcome.end == End::exited && (!outcome.stopped || one.keeps)) {
    kept = now_done;
  } else if (one.keeps && does.checkpoint_every > Duration{0}) {
    kept = (task.safe + now_done) / does.checkpoint_every * does.checkpoint_every - task.safe;
    kept = std::max(kept, Duration{0});
  }
  task.safe += kept;
  --task.running;
  overheads_ -= std::max(Duration{0}, one.begins - clock_.now());
  one.report.phase = Phase::ended;
  one.report.ended_at = clock_.now();
  one.report.outcome = std::move(outcome);
  timeline_.erase({one.ends, id, ends});
  changed(id);
}

Result<void> VirtualEngine::stop(const AttemptId& attempt, const Stop& stop) {
  if (around_effects) around_effects();
  if (faults.silent) return fail(no_answer());
  const auto found = all_.find(attempt);
  if (found == all_.end() || found->second.report.phase == Phase::ended) return {};
  Incarnation& one = found->second;
  const bool killed = stop.signal == "KILL";
  const Duration takes =
      killed ? Duration{0} : std::min(behaviours_[attempt.job].stops_within, stop.within);
  if (takes == Duration{0}) {
    finish(one, {End::exited, killed ? 137 : 143, true, ""});
  } else if (!one.stopping) {
    one.stopping = true;
    timeline_.erase({one.ends, attempt, ends});
    // It works no more; what is left of its time it needs to save.
    one.ends = std::min(one.ends, clock_.now() + takes);
    timeline_.insert({one.ends, attempt, ends});
  }
  if (around_effects) around_effects();
  return {};
}

// What becomes of reports on their way.
std::vector<Report> VirtualEngine::as_told(std::vector<Report> reports) const {
  if (faults.repeats) {
    const std::vector<Report> once = reports;
    reports.insert(reports.end(), once.begin(), once.end());
    reports.insert(reports.end(), past_.begin(), past_.end());
  }
  if (faults.backwards) std::reverse(reports.begin(), reports.end());
  return reports;
}

Result<std::vector<Report>> VirtualEngine::observe() {
  if (faults.silent) return fail(no_answer());
  news_.clear();
  std::vector<Report> reports;
  reports.reserve(all_.size());
  for (const auto& [id, one] : all_) reports.push_back(one.report);
  return as_told(std::move(reports));
}

Result<std::vector<Report>> VirtualEngine::changes() {
  if (faults.silent) return fail(no_answer());
  std::vector<Report> reports;
  for (const AttemptId& id : std::exchange(news_, {})) {
    const auto found = all_.find(id);
    if (found != all_.end()) reports.push_back(found->second.report);
  }
  if (faults.forgetful) reports.clear();
  return as_told(std::move(reports));
}

Result<void> VirtualEngine::forget(const AttemptId& attempt) {
  if (faults.silent) return fail(no_answer());
  const auto found = all_.find(attempt);
  if (found == all_.end()) return {};
  // What runs is never forgotten by being told to.
  if (found->second.report.phase != Phase::ended) return {};
  past_.push_back(found->second.report);
  if (past_.size() > past_max) past_.erase(past_.begin());
  for (const What what : {tells_steps, ends}) {
    timeline_.erase({found->second.ends, attempt, what});
  }
  all_.erase(found);
  return {};
}

Result<std::vector<std::string>> VirtualEngine::list_shards(const Job& job,
                                                            const std::vector<NeededJob>&) {
  return job.spec->shards->globs;
}

Result<LogPart> VirtualEngine::read_log(const AttemptId&, std::int64_t, std::uint64_t offset,
                                        std::size_t) {
  return LogPart{"", offset};
}

std::optional<Timestamp> VirtualEngine::next() const {
  if (timeline_.empty()) return std::nullopt;
  return std::get<0>(*timeline_.begin());
}

void VirtualEngine::pass() {
  while (!timeline_.empty() && std::get<0>(*timeline_.begin()) <= clock_.now()) {
    const auto [at, id, what] = *timeline_.begin();
    timeline_.erase(timeline_.begin());
    const auto found = all_.find(id);
    if (found == all_.end() || found->second.report.phase == Phase::ended) continue;
    Incarnation& one = found->second;
    if (what == tells_steps) {
      tell_steps(one);
      changed(id);
    } else if (one.doomed) {
      finish(one, {End::lost, 0, false, "its node is gone"});
    } else if (one.stopping) {
      finish(one, {End::exited, 143, true, ""});
    } else {
      finish(one, {End::exited, behaviours_[id.job].exit_code, false, ""});
    }
  }
}

void VirtualEngine::lose_node(const std::string& pool, std::int64_t node) {
  gone_.insert({pool, node});
  for (auto& [id, one] : all_) {
    if (one.attempt.pool != pool || one.report.phase == Phase::ended) continue;
    const auto& holdings = one.attempt.holdings;
    const bool there = std::any_of(holdings.begin(), holdings.end(),
                                   [&](const Holding& h) { return h.node == node; });
    if (there) finish(one, {End::lost, 0, false, fmt::format("node {} is gone", node)});
  }
}

}  // namespace mohona

#include "engine/memory/memory_engine.h"

namespace mohona {

void MemoryEngine::changed() {
  std::function<void()> tell;
  {
    const std::lock_guard lock(mutex_);
    tell = changed_;
  }
  if (tell) tell();
}

Result<void> MemoryEngine::launch(const Launch& launch) {
  {
    const std::lock_guard lock(mutex_);
    if (attempts_.contains(launch.attempt.id)) return {};
    if (refuse_) return fail(Code::unavailable, "the machine has no room");
    Report& report = attempts_[launch.attempt.id];
    report.attempt = launch.attempt.id;
    report.phase = Phase::running;
    report.port = launch.spec->kind == Kind::serve ? 8'080 : 0;
    ++launches_;
  }
  changed();
  return {};
}

Result<void> MemoryEngine::stop(const AttemptId& attempt, const Stop&) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = attempts_.find(attempt);
    if (found == attempts_.end() || found->second.phase == Phase::ended || ignore_stops_) return {};
    found->second.phase = Phase::ended;
    found->second.outcome = Outcome{End::exited, 143, true, ""};
  }
  changed();
  return {};
}

Result<std::vector<Report>> MemoryEngine::observe() {
  const std::lock_guard lock(mutex_);
  std::vector<Report> reports;
  reports.reserve(attempts_.size());
  for (const auto& [id, report] : attempts_) reports.push_back(report);
  return reports;
}

Result<void> MemoryEngine::forget(const AttemptId& attempt) {
  const std::lock_guard lock(mutex_);
  attempts_.erase(attempt);
  return {};
}

Result<std::vector<std::string>> MemoryEngine::list_shards(const Job& job,
                                                           const std::vector<NeededJob>&) {
  return job.spec->shards->globs;  // every glob is the name of one file
}

Result<LogPart> MemoryEngine::read_log(const AttemptId&, std::int64_t, std::uint64_t offset,
                                       std::size_t) {
  return LogPart{"", offset};
}

void MemoryEngine::on_change(std::function<void()> changed) {
  const std::lock_guard lock(mutex_);
  changed_ = std::move(changed);
}

void MemoryEngine::end(const AttemptId& attempt, std::int64_t exit_code) {
  {
    const std::lock_guard lock(mutex_);
    Report& report = attempts_.at(attempt);
    report.phase = Phase::ended;
    report.outcome = Outcome{End::exited, exit_code, false, ""};
  }
  changed();
}

void MemoryEngine::lose(const AttemptId& attempt) {
  {
    const std::lock_guard lock(mutex_);
    Report& report = attempts_.at(attempt);
    report.phase = Phase::ended;
    report.outcome = Outcome{End::lost, 0, false, "its machine vanished"};
  }
  changed();
}

void MemoryEngine::progress(const AttemptId& attempt, const StepsReport& steps) {
  {
    const std::lock_guard lock(mutex_);
    attempts_.at(attempt).steps = steps;
  }
  changed();
}

void MemoryEngine::ignore_stops(bool ignore) {
  const std::lock_guard lock(mutex_);
  ignore_stops_ = ignore;
}

void MemoryEngine::refuse_launches(bool refuse) {
  const std::lock_guard lock(mutex_);
  refuse_ = refuse;
}

std::vector<AttemptId> MemoryEngine::running() const {
  const std::lock_guard lock(mutex_);
  std::vector<AttemptId> ids;
  for (const auto& [id, report] : attempts_) {
    if (report.phase == Phase::running) ids.push_back(id);
  }
  return ids;
}

std::size_t MemoryEngine::launches() const {
  const std::lock_guard lock(mutex_);
  return launches_;
}

}  // namespace mohona

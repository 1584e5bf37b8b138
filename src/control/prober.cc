#include "control/prober.h"

#include "control/effects.h"

namespace mohona {

Prober::Prober(ProbeFunction probe, std::function<void(Readiness)> report)
    : probe_(std::move(probe)), report_(std::move(report)), thread_([this] { loop(); }) {}

Prober::~Prober() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Prober::set_targets(const State& state) {
  const std::lock_guard lock(mutex_);
  std::map<AttemptId, Target> targets;
  for (auto it = state.live().begin(); it != state.live().end(); ++it) {
    const AttemptId& id = it->first;
    const JobSpec& spec = *state.find(id.job)->job.spec;
    if (spec.kind != Kind::serve) {  // on to the next job: it may have very many
      it = std::prev(state.live().upper_bound({id.job, UINT32_MAX, UINT32_MAX}));
      continue;
    }
    const Attempt& attempt = *it->second.attempt;
    if (!attempt.started_at || attempt.stopping) continue;
    if (const auto known = targets_.find(id); known != targets_.end()) {
      known->second.ready = attempt.ready;
      targets.insert(*known);
    } else {
      const auto now = Steady::now();
      targets[id] = Target{
          host_of(state, attempt), attempt.port, spec.service->probe, now, now, 0, attempt.ready};
    }
  }
  targets_ = std::move(targets);
  wake_.notify_all();
}

// A replica that was never ready has its initial delay; one that was may fail so many times.
std::optional<Readiness> Prober::judge(const AttemptId& id, Target& target, bool answered) {
  const auto now = Steady::now();
  target.next = now + target.probe.interval;
  if (answered) {
    target.failures = 0;
    // Told again and again until the state knows: a report may have met a store without room.
    if (target.ready) return std::nullopt;
    return Readiness{id, true, false};
  }
  ++target.failures;
  if (target.ready) {
    if (target.failures < target.probe.failures_max) return std::nullopt;
    return Readiness{id, false, true};
  }
  if (now - target.since > target.probe.initial_delay) return Readiness{id, false, true};
  return std::nullopt;
}

void Prober::loop() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    auto due = targets_.end();
    for (auto it = targets_.begin(); it != targets_.end(); ++it) {
      if (due == targets_.end() || it->second.next < due->second.next) due = it;
    }
    if (due == targets_.end()) {
      wake_.wait(lock);
      continue;
    }
    if (due->second.next > Steady::now()) {
      wake_.wait_until(lock, Steady::time_point(due->second.next));
      continue;
    }
    const AttemptId id = due->first;
    const Target target = due->second;
    lock.unlock();
    const bool answered = probe_(target.host, target.port, target.probe);
    lock.lock();
    const auto still = targets_.find(id);
    if (still == targets_.end()) continue;
    if (const auto readiness = judge(id, still->second, answered)) {
      lock.unlock();
      report_(*readiness);
      lock.lock();
    }
  }
}

}  // namespace mohona

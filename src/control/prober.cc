#include "control/prober.h"

#include "control/effects.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

// Each is a socket. Others wait for one of these to be answered or to run out of time.
constexpr std::size_t probes_max = 256;
constexpr Duration timeout_max = 60s;
// After its timeout a probe says itself that there was no answer; later than that it is given up.
constexpr Duration answer_slack = 2s;

}  // namespace

Prober::Prober(ProbeFunction probe, std::function<void(Readiness)> report)
    : probe_(std::move(probe)), report_(std::move(report)), thread_([this] { loop(); }) {}

Prober::~Prober() {
  {
    const std::lock_guard lock(answers_->mutex);
    answers_->stop = true;
  }
  answers_->wake.notify_all();
  thread_.join();
}

void Prober::set_targets(const State& state) {
  const std::lock_guard lock(answers_->mutex);
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
  answers_->changed = true;
  answers_->wake.notify_all();
}

// A replica that was never ready has its initial delay; one that was may fail so many times.
std::optional<Readiness> Prober::judge(const AttemptId& id, Target& target, bool answered) {
  const auto now = Steady::now();
  target.asked = 0;
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

// Sends a probe; called with the mutex held, which whoever answers at once must find free.
void Prober::begin(Target& target) {
  const Duration timeout = std::min<Duration>(target.probe.timeout, timeout_max);
  const std::uint64_t number = target.asked = ++last_probe_;
  // Until then it is not asked again; `next` is when it is given up.
  target.next = Steady::now() + std::chrono::ceil<Steady::duration>(timeout + answer_slack);
  const auto host = target.host;
  const auto port = target.port;
  const auto probe = target.probe;
  const auto say = [answers = answers_, number](bool answered) {
    const std::lock_guard lock(answers->mutex);
    answers->come.emplace_back(number, answered);
    answers->wake.notify_all();
  };
  answers_->mutex.unlock();
  try {
    probe_(host, port, probe, timeout, say);
  } catch (const std::exception&) {
    say(false);  // what cannot even be asked does not answer
  }
  answers_->mutex.lock();
}

// The replica that an answer is of, if it is still to be asked.
std::optional<std::pair<AttemptId, bool>> Prober::take_answer() {
  while (!answers_->come.empty()) {
    const auto [number, answered] = answers_->come.back();
    answers_->come.pop_back();
    const auto asked = asked_.find(number);
    if (asked == asked_.end()) continue;
    const AttemptId id = asked->second;
    asked_.erase(asked);
    const auto target = targets_.find(id);
    if (target != targets_.end() && target->second.asked == number) return std::pair(id, answered);
  }
  return std::nullopt;
}

void Prober::loop() {
  std::unique_lock lock(answers_->mutex);
  while (!answers_->stop) {
    answers_->changed = false;
    std::vector<Readiness> reports;
    while (const auto answer = take_answer()) {
      const auto readiness = judge(answer->first, targets_.at(answer->first), answer->second);
      if (readiness) reports.push_back(*readiness);
    }
    std::erase_if(asked_, [&](const auto& asked) {  // of replicas that are not asked any more
      const auto target = targets_.find(asked.second);
      return target == targets_.end() || target->second.asked != asked.first;
    });
    const auto now = Steady::now();
    std::vector<AttemptId> due;
    for (auto& [id, target] : targets_) {
      if (target.next > now) continue;
      if (target.asked != 0) {  // nothing came of that probe
        asked_.erase(target.asked);
        if (const auto readiness = judge(id, target, false)) reports.push_back(*readiness);
      } else {
        due.push_back(id);
      }
    }
    for (const AttemptId& id : due) {
      if (asked_.size() >= probes_max) break;
      const auto target = targets_.find(id);  // targets may change while a probe begins
      if (target == targets_.end() || target->second.asked != 0) continue;
      asked_[last_probe_ + 1] = id;
      begin(target->second);
    }
    if (!reports.empty()) {
      lock.unlock();
      for (const Readiness& readiness : reports) report_(readiness);
      lock.lock();
    }
    auto until = Steady::now() + 60s;
    for (const auto& [id, target] : targets_) {
      if (target.asked != 0 || asked_.size() < probes_max) until = std::min(until, target.next);
    }
    answers_->wake.wait_until(lock, until, [&] {
      return answers_->stop || answers_->changed || !answers_->come.empty();
    });
  }
}

}  // namespace mohona

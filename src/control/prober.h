// Asks replicas whether they are ready, all of them beside each other.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/input.h"
#include "core/state.h"

namespace mohona {

// Begins one probe and returns at once. Calls `answered`, from any thread, once: true when the
// replica answered with a status from 200 to 299. One that never calls it counts as no answer.
using ProbeFunction =
    std::function<void(const std::string& host, std::int64_t port, const ReadinessProbe& probe,
                       Duration timeout, std::function<void(bool)> answered)>;

class Prober {
 public:
  // `report` is called on the prober's thread whenever a replica's answer changes what is known.
  Prober(ProbeFunction probe, std::function<void(Readiness)> report);
  ~Prober();

  // The replicas to ask from now on: those that have started and are not stopping.
  void set_targets(const State& state);

 private:
  using Steady = std::chrono::steady_clock;
  struct Target {
    std::string host;
    std::int64_t port = 0;
    ReadinessProbe probe;
    Steady::time_point since, next;
    std::int64_t failures = 0;
    bool ready = false;       // as the state knows it
    std::uint64_t asked = 0;  // the probe that is under way; 0: none is
  };
  // Outlives the prober while probes are under way: they may still call.
  struct Answers {
    std::mutex mutex;
    std::condition_variable wake;
    std::vector<std::pair<std::uint64_t, bool>> come;  // probe, and what it said
    bool changed = false, stop = false;
  };

  void loop();
  void begin(Target& target);
  std::optional<Readiness> judge(const AttemptId& id, Target& target, bool answered);
  std::optional<std::pair<AttemptId, bool>> take_answer();

  ProbeFunction probe_;
  std::function<void(Readiness)> report_;
  std::shared_ptr<Answers> answers_ = std::make_shared<Answers>();
  std::map<AttemptId, Target> targets_;       // under the mutex of answers_
  std::map<std::uint64_t, AttemptId> asked_;  // probes under way
  std::uint64_t last_probe_ = 0;
  std::thread thread_;
};

}  // namespace mohona

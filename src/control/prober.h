// Asks replicas whether they are ready, on a thread of its own.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/input.h"
#include "core/state.h"

namespace mohona {

// Sends one probe; true when the replica answered with a status from 200 to 299.
using ProbeFunction =
    std::function<bool(const std::string& host, std::int64_t port, const ReadinessProbe& probe)>;

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
    bool ready = false;  // as the state knows it
  };

  void loop();
  std::optional<Readiness> judge(const AttemptId& id, Target& target, bool answered);

  ProbeFunction probe_;
  std::function<void(Readiness)> report_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<AttemptId, Target> targets_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mohona

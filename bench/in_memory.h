// A controller that is real, with an engine in memory: what it holds is what jobs take.
#pragma once

#include <future>
#include <stdexcept>

#include "control/controller.h"
#include "engine/memory/memory_engine.h"

namespace mohona {

// Every call throws std::runtime_error when the controller refuses.
class InMemory {
 public:
  InMemory(Store& store, Fleet fleet) : controller_(parts(store)) {
    if (auto ok = controller_.start(); !ok) throw std::runtime_error(ok.error().message);
    controller_.submit(DefineFleet{std::move(fleet)}, nullptr);
  }

  void submit(std::vector<JobSpec> jobs) {
    std::promise<bool> accepted;
    controller_.submit(Submit{std::move(jobs), {}, ""}, [&](const Result<Accepted>& answer) {
      accepted.set_value(answer.has_value());
    });
    if (!accepted.get_future().get()) throw std::runtime_error("it was refused");
  }

  Controller& controller() { return controller_; }
  MemoryEngine& engine() { return engine_; }

 private:
  ControllerParts parts(Store& store) {
    return {store,
            {{"local", &engine_}},
            clock_,
            secrets_,
            [](const std::string&, std::int64_t, const ReadinessProbe&, Duration,
               std::function<void(bool)> answered) { answered(true); },
            [](const std::string&) {}};
  }

  MemoryEngine engine_;
  SystemClock clock_;
  NoSecrets secrets_;
  Controller controller_;
};

}  // namespace mohona

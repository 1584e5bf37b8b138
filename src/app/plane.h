// Everything of a control plane that leads, put together: the one place that knows every
// implementation.
#pragma once

#include <memory>
#include <string>

#include "api/api.h"
#include "app/home.h"
#include "app/secret_files.h"
#include "app/up.h"
#include "base/smooth_clock.h"
#include "control/pricer.h"
#include "engine/slurm/slurm_engine.h"
#include "net/probe.h"

namespace mohona {

// In the order in which it may be taken apart.
struct Plane {
  std::unique_ptr<Store> store;
  std::unique_ptr<Engine> local;
  std::unique_ptr<SlurmEngine> slurm;
  SecretFiles secrets;
  SmoothClock clock;
  std::unique_ptr<ProbeClient> probes;
  std::unique_ptr<Controller> controller;
  std::unique_ptr<Pricer> pricer;
  std::unique_ptr<Api> api;
  Fleet written;  // as the file has it, where clusters have not told what they know

  Plane(const std::string& work, std::optional<SmoothClock::Mark> clock_before)
      : secrets(work + "/secrets"), clock(SmoothClock::read_clocks, clock_before) {}
  ~Plane();
};

struct PlaneOptions {
  const Home& home;
  std::string name;  // the controller's, where others share its store; else empty
  std::string work;  // where the files of jobs are
  std::function<Result<void>()> may_act;  // none: nobody else can lead
  std::function<void()> shutdown;
};

// The fleet that the file has, which is kept for later starts; "" is the one kept, or this machine.
// Errors: Code::invalid with line and caret; nothing has changed then.
Result<Fleet> read_fleet(const Home& home, const std::string& given);

// Starts a controller on the store. Errors: those of Controller::start, and Code::invalid for a
// pool that its cluster does not have.
Result<void> assemble(Plane& plane, const PlaneOptions& options, std::unique_ptr<Store> store,
                      Fleet fleet);

// Asks the clusters of the fleet once more what they have; a change is defined anew. What does not
// answer stays as it was.
void refresh(Plane& plane, const std::string& name);

void log_line(const std::string& line);

}  // namespace mohona

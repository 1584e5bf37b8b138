// The engine that runs work as processes of this machine, one supervisor an attempt.
//
//   HOME/jobs/17/{workdir,output,checkpoint}        what a job's attempts share
//   HOME/jobs/17/attempts/0.2/{started,exit}.json   one attempt, with its logs rank0.log, …
//   HOME/running/17.0.2                             a mark: launched, and not yet forgotten
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace mohona {

struct LocalEngineOptions {
  std::string home;        // absolute
  std::string supervisor;  // the program to start for each attempt
};

Result<std::unique_ptr<Engine>> make_local_engine(LocalEngineOptions options);

}  // namespace mohona

// The engine that runs work as processes of this machine, one supervisor an attempt.
//
//   HOME/jobs/…           what host/places.h says
//   HOME/running/17.0.2   a mark: launched, and not yet forgotten
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace mohona {

struct LocalEngineOptions {
  std::string home;        // absolute
  std::string supervisor;  // the program to start for each attempt
  std::string work = {};   // where jobs/ is; empty: in the home
};

Result<std::unique_ptr<Engine>> make_local_engine(LocalEngineOptions options);

}  // namespace mohona

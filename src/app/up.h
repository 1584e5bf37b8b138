// `mohona up`: the one place that knows every implementation and puts them together.
#pragma once

#include <string>

#include "app/home.h"

namespace mohona {

struct UpOptions {
  std::string fleet;   // a fleet file; empty: the home's last one, or this machine
  std::string listen;  // ADDRESS:PORT for TCP; empty: the unix socket alone
  std::string store;   // where the state is kept; see stores.h
  bool quiet = false;
};

// Runs the controller until it is told to stop. Returns the process's exit status.
int up(const Home& home, const UpOptions& options);

// Starts it in the background and returns once it answers. `arguments`: what follows `mohona`.
Result<void> up_detached(const Home& home, const std::vector<std::string>& arguments);

}  // namespace mohona

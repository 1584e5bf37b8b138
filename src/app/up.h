// `mohona up`: the process of a controller, which leads, or waits to.
#pragma once

#include <string>

#include "app/home.h"

namespace mohona {

struct UpOptions {
  std::string fleet;    // a fleet file; empty: the home's last one, or this machine
  std::string listen;   // ADDRESS:PORT for TCP; empty: the unix socket alone
  std::string store;    // where the state is kept; see stores.h
  std::string work;     // where the files of jobs are; empty: as said before, or the home
  bool forget = false;  // begin with an empty journal, although there are files of earlier work
  bool quiet = false;
};

// Runs the controller until it is told to stop. Returns the process's exit status.
int up(const Home& home, const UpOptions& options);

// Starts it in the background and returns once it answers: who leads, if it stands by.
// `arguments`: what follows `mohona`.
Result<std::string> up_detached(const Home& home, const std::vector<std::string>& arguments);

// Makes sure that a controller answers in the home, and starts one if none does. Returns whether
// this call started it. Of several that start one at the same time, one wins and the others find it
// there.
Result<bool> start_if_none(const Home& home);

}  // namespace mohona

// Following jobs until they are done, for `run` and `wait`.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "app/remote.h"
#include "base/time.h"

namespace mohona {

struct FollowOptions {
  bool show = true;     // say what happens: a live table on a terminal, else a line a change
  bool log = false;     // of a single job: a line a change, and what it writes, as it is written
  bool exact = false;   // `last` is as the server sent it, for JSON
  bool say_why = true;  // on standard error: why a job that waits for room does not start
  std::optional<Duration> timeout = {};
};

// On standard error: why the job does not start, whether it ever can, and which command tells more.
// Nothing where it waits for something else than room. Returns whether it said so.
bool say_why_it_waits(Remote& remote, const std::string& job, bool only_if_hopeless = false);

// A job is done when it has ended; a service already when it answers. Returns the exit status: ok
// when every job succeeded or answers.
int follow(Remote& remote, const std::vector<std::uint64_t>& jobs, const FollowOptions& options,
           Json* last = nullptr);

}  // namespace mohona

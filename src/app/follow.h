// Following jobs until they are done, for `run` and `wait`.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "app/remote.h"
#include "base/time.h"

namespace mohona {

struct FollowOptions {
  bool show = true;  // say what happens: a live table on a terminal, else a line a change
  std::optional<Duration> timeout;
};

// A job is done when it has ended; a service already when it answers. Returns the exit status: ok
// when every job succeeded or answers.
int follow(Remote& remote, const std::vector<std::uint64_t>& jobs, const FollowOptions& options,
           Json* last = nullptr);

}  // namespace mohona

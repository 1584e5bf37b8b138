// When and where a blocked gang can start at the latest: the named nodes that are kept for it.
#pragma once

#include <optional>
#include <span>

#include "core/schedule/running.h"

namespace mohona {

struct Plan {
  NodeSet nodes;
  Timestamp start;        // all of them are free by then
  bool promised = false;  // every one of those that hold them now has a limit
  Timestamp expected;     // when they will probably be free
};

// The domain and the nodes that drain first: per node the end of whatever holds it, in one domain
// allowed by the topology the n nodes (segments) that are free first; between domains the earliest
// start, then the first. Nodes kept for other gangs are left out, and so are those with a hold that
// begins before the job would have ended. `limit`: how long the job stays; max if it has none.
// Nothing: there will never be enough such nodes, as far as is known.
std::optional<Plan> plan(const Space& space, std::span<const Running> running,
                         const Request& request, Duration limit, Timestamp now);

}  // namespace mohona

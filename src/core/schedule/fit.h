// Whether a gang fits a pool now, and if not, what stands in the way. Placement and `explain` ask
// the same question here, so that an explanation is what really happened.
#pragma once

#include "core/fleet/capacity.h"

namespace mohona {

// In the order in which they are examined: a later barrier is nearer to a start.
enum class Barrier {
  place,      // another cloud, region, zone or instance type was asked for
  purchase,   // spot asked for and not spot here, or the other way round
  shape,      // one member is larger than a whole node
  nodes,      // the pool has too few nodes for the gang, even when empty
  reclaimed,  // the cloud has taken the pool back
  busy,       // it would fit if others ended
  none,       // it fits
};

struct Fit {
  Barrier barrier = Barrier::none;
  std::int64_t room = 0;  // for busy: members that fit now
};

Fit check(const PoolCapacity& pool, const Choice& choice, std::int64_t num_nodes);

}  // namespace mohona

// Who is stopped so that a blocked gang can start.
//
// Only work of lower priority, or what its queue has borrowed, and nothing that has not yet run
// for the minimum time; docs/scheduling.md says why that cannot go round in circles.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "core/schedule/running.h"

namespace mohona {

struct Eviction {
  NodeSet nodes;                    // for the gang, once the victims have left
  std::vector<OccupantId> victims;  // by attempt
};

// What a victim's stop loses: what it has done since its checkpoint, and five minutes to begin
// again, times what it costs; millionths of a dollar and hour, times seconds.
std::int64_t loss(const Running& run, Timestamp now);

// First the domain, then the victims: per node the cheapest of its occupants whose leaving makes
// room, per domain allowed by the topology the cheapest n nodes; the cheapest domain wins. Then the
// reprieve: of the victims, the dearest first, those stay without whom there is room nonetheless.
//
// `may_stop` says whom, `still_may` asks again after so many others have been chosen (shares change
// as victims are added); victims that it refuses make their nodes unusable.
std::optional<Eviction> evict(const Space& space, std::span<const Running> running,
                              const Request& request, Timestamp now,
                              const std::function<bool(const Running&)>& may_stop,
                              const std::function<bool(const Running&)>& still_may);

}  // namespace mohona

// How a gang is spread over leaves that each have some nodes for it: rule 3 of fleet/find.h. Leaves
// stand in order, each once.
#pragma once

#include "core/fleet/space.h"
#include "model/job.h"

namespace mohona {

// How many leaves a domain of that level has; 0: all that there are.
Leaf domain_size(const Space& space, Level level);

// A gang of n nodes in the narrowest domain that has room. Empty: there is none.
NodeSet choose(const Space& space, const std::vector<Segment>& leaves, std::int64_t n,
               const Nearness& nearness);

// The n lowest nodes of the leaves of one domain, which has enough; in whole segments of s.
NodeSet fill(std::vector<Segment> leaves, std::int64_t n, std::int64_t s);

// How many nodes the domain has that has the most, of the widest ones allowed.
std::int64_t most(const Space& space, const std::vector<Segment>& leaves, const Nearness& nearness);

}  // namespace mohona

// Where a gang goes in a pool: the one rule, and the indexes that make it fast.
//
// 1. Nodes that nobody has kept come before kept ones, which only work that ends in time may use.
// 2. Work that fills a node takes an empty one if it can.
// 3. A gang goes into the narrowest domain that has room for it: the fullest leaf that still has
//    enough nodes, else the fullest block, else fabric, else anywhere. Within a domain it takes
//    whole leaves, the emptiest first, and for the rest the fullest leaf that has enough.
// 4. A single part of a node goes where the least is left over: fewest free GPUs, then cores.
// Equal places: the lowest leaf, the lowest node, the lowest GPU.
#pragma once

#include <optional>

#include "core/fleet/space.h"
#include "model/job.h"

namespace mohona {

struct Request {
  const Demand* demand = nullptr;
  std::int64_t min_nodes = 1, max_nodes = 1;  // as many as there is room for
  Nearness nearness;
  const std::vector<Mask>* features = nullptr;  // nodes that have what is asked for; null: all
  Timestamp end = Timestamp::max();             // it has ended by then
  HoldSlot own = 0;                             // the nodes kept for it
  bool only_own = false;                        // and no others (an advance reservation)
};

std::optional<Grant> find(const Space& space, const Request& request);

// The same, and where there is no room for min_nodes: of work that fills nodes, how many of the
// pool's must have become free first as a whole; at least 1, and never too many.
struct Found {
  std::optional<Grant> grant;
  std::int64_t lacks = 1;
};
Found look(const Space& space, const Request& request);

// How many nodes the widest place allowed has for it now, up to max_nodes. For explanations.
std::int64_t room(const Space& space, const Request& request);

// The nodes of a leaf that the request may use: first those that nobody has kept, then, `kept`,
// also those kept for it or from after its end.
Mask usable(const Space& space, const Request& request, Leaf leaf, bool kept);

// Whether nodes beside those that nobody has kept come into question.
bool may_use_kept(const Space& space, const Request& request);

// A gang of n nodes among leaves that each have some of `free`, by rule 3. Exposed for planning.
// Empty: there is no room.
NodeSet choose(const Space& space, const std::vector<Segment>& free, std::int64_t n,
               const Nearness& nearness);

}  // namespace mohona

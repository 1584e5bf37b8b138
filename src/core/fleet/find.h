// Where a gang goes in a pool: the one rule, and the indexes that make it fast.
//
// 1. Nodes that nobody else has kept come before those that are kept for others, which only work
//    that ends in time may use.
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
  // Those of a leaf. Of one that the pool did not have when they were looked up: none.
  Mask featured(Leaf leaf) const {
    if (!features) return ~Mask{0};
    return leaf < features->size() ? (*features)[leaf] : 0;
  }
  Timestamp end = Timestamp::max();  // it has ended by then
  HoldSlot own = 0;                  // the nodes kept for it
  bool only_own = false;             // and no others (an advance reservation)
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

// The nodes of a leaf that the request may use: those that nobody else has kept, or, `kept`, also
// those that are kept for others from after its end on.
Mask usable(const Space& space, const Request& request, Leaf leaf, bool kept);

// Whether nodes that are kept for others come into question.
bool may_use_kept(const Space& space, const Request& request);

// Calls f(slot, tier) for each tier in which there may be such nodes; 0 is the open one.
template <class F>
void for_usable_tiers(const Space& space, const Request& request, bool kept, F&& f) {
  for (HoldSlot slot = 0; slot < space.tiers().size(); ++slot) {
    if (!space.tiers()[slot]) continue;
    const bool own = slot != 0 && slot == request.own;
    const bool others = slot == 0 || (kept && request.end <= space.held(slot).start);
    if (own || (others && !request.only_own)) f(slot, *space.tiers()[slot]);
  }
}

// How many empty nodes there are among them, at most. Cheap.
std::int64_t empty_nodes(const Space& space, const Request& request, bool kept);

}  // namespace mohona

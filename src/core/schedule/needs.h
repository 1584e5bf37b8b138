// What a waiting job asks, as far as placement looks at it. Jobs with equal needs form a class:
// where one of them finds no place, none does.
#pragma once

#include <string>
#include <vector>

#include "core/fleet/find.h"
#include "core/schedule/queues.h"
#include "model/job.h"

namespace mohona {

// What speaks for and against a place beside what its nodes cost (core/market/market.h): the same
// for all work where nothing of it matters.
struct Stakes {
  std::vector<DataInput> inputs;
  Duration lasts{0};  // it is taken to run so long
  Duration redo{0};   // so much is lost when its machine is taken away
  friend auto operator<=>(const Stakes&, const Stakes&) = default;
};

struct Needs {
  std::string queue;
  std::int64_t priority = 0;
  std::int64_t min_nodes = 1, max_nodes = 1;
  bool ordered = false;
  std::vector<Choice> choices;
  Nearness nearness;
  std::vector<std::string> features;
  std::string reservation;
  Duration limit = Duration::max();  // it has left its nodes so long after its placement; max: ?
  Stakes stakes;
  bool planned = false;  // when and where it starts is planned (core/overflow.h): it has no turns
  friend auto operator<=>(const Needs&, const Needs&) = default;
};

// Rounded up to 8 significant bits of seconds (by less than one part in 128), so that limits that
// hardly differ do not make classes of their own. Whole hours up to 9 h and many others are exact.
Duration round_limit(Duration limit);

// A job's place in its queue. Waiting for `ageing` is worth one step of priority: since all wait
// alike, that is an order that time does not change. Without ageing, priority goes first.
struct Rank {
  std::int64_t band = 0;  // -priority where there is no ageing
  Timestamp since;        // since when it waits, by its priority put earlier
  JobId job;
  friend auto operator<=>(const Rank&, const Rank&) = default;
};
Rank rank_of(std::int64_t priority, Timestamp submitted, JobId job, Duration ageing);
// Since when it really waits: `since` without what its priority is worth.
Timestamp waits_since(const Rank& rank, std::int64_t priority, Duration ageing);

using PoolIndex = std::uint32_t;

// A pool in which the needs may be met, some day. The cheapest for the work goes first.
struct Target {
  PoolIndex pool = 0;
  std::uint32_t choice = 0;
  Worth node_worth = 0;        // of what one member holds
  std::uint32_t rank = 0;      // equal: the work costs the same in both
  std::vector<Mask> features;  // nodes that have those asked for, by leaf; empty: all have
  bool fills = false;          // it leaves no GPU (or core) of a node to others
  // Of work that fills nodes: there is no room for it before nodes of the pool have opened so often
  // (PoolState::opened); 0: there may be.
  std::int64_t due = 0;
};

// Why a pool is no target.
enum class Mismatch { none, place, purchase, shape, features, topology, nodes, reservation };
Mismatch mismatch(const Space& space, const Needs& needs, const Choice& choice);

// What an hour of one whole node counts for in queues: its price or, where that is nothing (one's
// own machines), a nominal price of its parts.
Worth node_worth(const Pool& pool);
// Of the part of it that a demand holds.
Worth worth_of(const Pool& pool, const Demand& demand);

}  // namespace mohona

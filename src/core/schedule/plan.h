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

// When a node is empty of what it holds now. A plan looks at it for every node of a pool, so that
// the scheduler keeps it at hand instead of looking at what runs, which lies anywhere in memory.
struct Vacancy {
  Timestamp end = Timestamp::min();  // of the last occupant: known or, where it is not, expected
  Timestamp expected = Timestamp::min();
  bool free = true;      // nobody holds anything here
  bool foreign = false;  // others than the scheduler's work do
  bool ends = true;      // every occupant leaves some day
  bool promised = true;  // every end is known
  bool filled = true;    // every occupant holds some of what fills a node: GPUs, else cores
  bool stale = false;    // something has changed, and all this has to be seen anew
  friend bool operator==(const Vacancy&, const Vacancy&) = default;
};
Vacancy vacancy_of(const Space& space, std::span<const Running> running, NodeIndex i);
void add_occupant(Vacancy& vacancy, const Running& run, bool gpus);  // gpus: the pool has some

// The domain and the nodes that drain first: per node the end of whatever holds it, in one domain
// allowed by the topology the n nodes (segments) that are free first; between domains the earliest
// start, then the first. Nodes kept for other gangs are left out, and so are those with a hold that
// begins before the job would have ended. `limit`: how long the job stays; max if it has none.
// Nothing: there will never be enough such nodes, as far as is known. `vacancies`: of the
// pool's nodes, as vacancy_of says, or stale; those beyond are free.
std::optional<Plan> plan(const Space& space, std::span<const Running> running,
                         std::span<const Vacancy> vacancies, const Request& request, Duration limit,
                         Timestamp now);

}  // namespace mohona

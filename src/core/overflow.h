// Machines that are paid anyway, and others beside them that cost money by the hour: which waiting
// work goes where, and when. The rule is market/overflow.h's; this asks it about what waits, runs
// and is free, and makes starts of its answer.
//
// Planned is work of one task on one node, with whole GPUs, while the fleet's file says
// `scheduling: {overflow: {wait_limit: 3m}}`. Paid anyway are pools without a price, and reserved
// ones. All other work has its turns as always.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/market/overflow.h"
#include "core/schedule/needs.h"
#include "model/fact.h"
#include "model/record.h"

namespace mohona {

class State;
struct JobEntry;

// Where and from when on a waiting job is to run: on this node, or, `node` none, now on any of the
// pools that cost money, the cheapest that has room.
struct PlannedStart {
  JobId job;
  PoolIndex pool = 0;
  std::optional<NodeIndex> node;
  Timestamp start;
};

// One pass: what is still to be done of the plan. A plan stands until there is news: work that came
// to wait or has left, another believed end, another fleet; or until `wake`.
struct OverflowPass {
  bool news = true, begun = false;
  bool deviated = false;  // what was due could not be had as it was planned
  std::vector<PlannedStart> plan;
  std::deque<PlannedStart> todo;  // of it
  // Those that were due and could not have their nodes: their queue's share may be used up. They
  // wait for news; others may use the nodes meanwhile.
  std::set<JobId> refused;
  bool again = false;             // the plan has been made once more without them
  std::optional<Timestamp> wake;  // the next start that is planned
};

// How long planned work waited before its first start, by the day (from 1970) of that start.
using WaitsByDay = std::map<std::int64_t, WaitTally>;
void count_first_wait(WaitsByDay& waits, const Job& job);

bool may_be_planned(const Job& job);
bool is_paid_anyway(const Pool& pool);

// The next start of the plan that is due; empty: the others' turn.
Facts overflow_next(State& state, Timestamp now);

// What the plan that stands says of it, beginning with "; ": the node and the instant that are
// planned for it, and for how much money it could go now. Empty where nothing is planned for it.
std::string explain_plan(const State& state, const JobEntry& entry);

}  // namespace mohona

// Work that is to be done by an instant: when to wait for machines that are paid anyway or for
// spot, and when to pay for on-demand. The rule is market/deadline.h's; this asks it about what
// waits and runs, and makes starts and moves of its answer.
//
// So is planned a job of one task that has a `deadline` and says how long it runs (`estimate`). All
// other deadlines are latest starts.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>

#include "core/market/deadline.h"
#include "model/fact.h"
#include "model/record.h"

namespace mohona {

class State;
struct JobEntry;

// The jobs that are planned so, and one pass over them.
struct DeadlinePass {
  std::set<JobId> jobs;  // that have not ended
  bool begun = false;
  std::deque<JobId> todo;
  std::optional<Timestamp> wake;  // when they are to be looked at again
};

bool has_planned_deadline(const Job& job);

// How things stand for the job, on what it holds now; without spot beside it.
DeadlineView deadline_view(const State& state, const JobEntry& entry, Timestamp now);

// The next start or move that is due; empty: the others' turn.
Facts deadline_next(State& state, Timestamp now);

// For a job that waits, beginning with "; ": what it waits for, until when, and whether it can be
// done in time. Empty where nothing is planned for it.
std::string explain_deadline(const State& state, const JobEntry& entry, Timestamp now);

}  // namespace mohona

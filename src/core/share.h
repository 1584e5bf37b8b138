// Who should run, where not all can: the order of `scheduling.order` applied to those that wait and
// to those that run and may be stopped. Before the scheduler's own turns in every pass.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/ids.h"
#include "core/schedule/turns.h"
#include "model/fact.h"

namespace mohona {

class State;

// One pass: what has been planned and is still to be done. Kept by the state, and of no meaning
// after the pass but for `wake`.
struct SharePass {
  bool planned = false;
  std::deque<JobId> todo;     // the largest first
  std::set<JobId> chosen;     // what should run, running or not
  bool many = false;          // too many to choose among them all: one after the other
  bool one_move = false;      // after one move it is planned anew
  int in_vain = 0;            // how often room was looked for and not found
  std::vector<ClassId> full;  // with many: classes of which none finds room in this pass any more
  bool in_flight = false;     // room is being made: what is left free waits for it
};

// Whether the policy is one that orders by what is known of run times.
bool shares(const State& state);

// The next move: a start, or nodes kept and others stopped. Empty: the scheduler's turn.
Facts share_next(State& state, Timestamp now);

}  // namespace mohona

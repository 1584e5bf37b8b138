// Which waiting task goes where next.
#pragma once

#include <optional>
#include <set>

#include "core/state.h"

namespace mohona {

// How long an attempt is taken to run: its max_duration, or an hour when it names none.
Duration predicted_time(const JobSpec& spec);

// One pass over everything that waits, in order of priority, then age. A class of equal needs for
// which there is no room is passed over whole. The caller applies each fact before it asks for the
// next, so that what is placed is no longer free.
//
//   Pass pass(state, now);
//   while (auto fact = pass.next()) state.apply(*fact);
class Pass {
 public:
  Pass(const State& state, Timestamp now);
  std::optional<Fact> next();

 private:
  struct Candidate {
    Order order;
    std::uint32_t task = 0;
    friend bool operator<(const Candidate& a, const Candidate& b) {
      return a.order < b.order || (!(b.order < a.order) && a.task < b.task);
    }
  };

  std::optional<Candidate> first_of_queue() const;
  std::optional<Fact> place(const Candidate& candidate);

  const State& state_;
  Timestamp now_;
  std::set<NeedClass> blocked_;
  std::set<JobId> spent_;    // jobs without budget: nothing of theirs starts
  std::set<Candidate> due_;  // tasks whose pause is over
};

}  // namespace mohona

#include "core/core.h"

#include "core/decide_fleet.h"
#include "core/place.h"

namespace mohona {
namespace {

void apply_all(State& state, Facts facts, Facts& log) {
  for (const Fact& fact : facts) state.apply(fact);
  log.insert(log.end(), std::make_move_iterator(facts.begin()),
             std::make_move_iterator(facts.end()));
}

void settle_all(State& state, Timestamp now, Facts& log) {
  while (!state.unsettled().empty()) {
    const JobId id = *state.unsettled().begin();
    state.settled(id);
    apply_all(state, settle(state, *state.find(id), now), log);
  }
}

}  // namespace

Result<Facts> take(State& state, const Input& input, Timestamp now) {
  auto facts = decide(state, input, now);
  if (!facts) return facts;
  for (const Fact& fact : *facts) state.apply(fact);
  return facts;
}

Facts follow_up(State& state, Timestamp now, std::size_t placements_max) {
  Facts log;
  // First of all: who has just read a snapshot does not know yet whose pause is over.
  state.release_due(now);
  apply_all(state, expire(state, now), log);
  settle_all(state, now, log);
  for (Facts facts = choose_reserved_nodes(state, now); !facts.empty();
       facts = choose_reserved_nodes(state, now)) {
    apply_all(state, facts, log);
  }
  state.look_at_market(now);
  state.look_at_budgets(now);
  state.scheduler().begin(now);
  state.share_pass().planned = state.overflow_pass().begun = state.deadline_pass().begun = false;
  for (std::size_t placed = 0; placed < placements_max;) {
    const Facts facts = place_next(state, now);
    if (facts.empty()) break;
    placed += std::holds_alternative<AttemptPlaced>(facts.front());
    apply_all(state, facts, log);
  }
  settle_all(state, now, log);
  return log;
}

Result<Facts> advance(State& state, const Input& input, Timestamp now) {
  auto facts = take(state, input, now);
  if (!facts) return facts;
  Facts more = follow_up(state, now);
  facts->insert(facts->end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
  return facts;
}

}  // namespace mohona

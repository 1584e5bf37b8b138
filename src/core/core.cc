#include "core/core.h"

#include "core/schedule/place.h"

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
  apply_all(state, expire(state, now), log);
  settle_all(state, now, log);
  Pass pass(state, now);
  for (std::size_t placed = 0; placed < placements_max; ++placed) {
    auto fact = pass.next();
    if (!fact) break;
    state.apply(*fact);
    log.push_back(std::move(*fact));
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

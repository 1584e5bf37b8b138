#include "model/attempts.h"

namespace mohona {

Attempts::Place Attempts::add(Attempt attempt) {
  const Place place = next_++;
  const auto added = all_.emplace_hint(all_.end(), place, std::move(attempt));
  if (added->second.ended_at) ended(place);
  return place;
}

std::set<Attempts::Place>& Attempts::sort_of(const Attempt& attempt) {
  const bool well = attempt.outcome.end == End::exited && attempt.outcome.exit_code == 0;
  return well ? left_well_ : others_;
}

void Attempts::ended(Place place) { sort_of(all_.at(place)).insert(place); }

// Not the one that ended first: what is left of a history is then a function of what has ended, and
// a record that is read back goes on as the one that was written would have.
std::optional<Attempts::Place> Attempts::surplus() const {
  for (const auto* sort : {&left_well_, &others_}) {
    if (sort->size() > ended_attempts_max) return *sort->begin();
  }
  return std::nullopt;
}

void Attempts::drop(Place place) {
  left_well_.erase(place);
  others_.erase(place);
  all_.erase(place);
}

}  // namespace mohona

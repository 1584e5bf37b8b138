#include "model/attempts.h"

namespace mohona {

Attempts::Place Attempts::add(Attempt attempt) {
  const Place place = next_++;
  auto& all = all_.edit();
  const auto added = all.emplace_hint(all.end(), place, std::move(attempt));
  if (added->second.ended_at) ended(place);
  return place;
}

std::set<Attempts::Place>& Attempts::sort_of(const Attempt& attempt) {
  const bool well = attempt.outcome.end == End::exited && attempt.outcome.exit_code == 0;
  Ended& all = ended_ ? *ended_ : ended_.emplace();
  return well ? all.left_well : all.others;
}

void Attempts::ended(Place place) { sort_of(all_->at(place)).insert(place); }

// Not the one that ended first: what is left of a history is then a function of what has ended, and
// a record that is read back goes on as the one that was written would have.
std::optional<Attempts::Place> Attempts::surplus() const {
  if (!ended_) return std::nullopt;
  for (const auto* sort : {&ended_->left_well, &ended_->others}) {
    if (sort->size() > ended_attempts_max) return *sort->begin();
  }
  return std::nullopt;
}

void Attempts::drop(Place place) {
  if (ended_) {
    ended_->left_well.erase(place);
    ended_->others.erase(place);
  }
  all_.edit().erase(place);
}

}  // namespace mohona

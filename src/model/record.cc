#include "model/record.h"

namespace mohona {

std::string Job::shard(std::uint32_t task) const {
  return spec->shards && spec->shards->range ? spec->shards->item(task) : shards->at(task);
}

std::int64_t Job::attempts_made() const {
  std::int64_t made = std::ssize(attempts);
  for (const PastAttempts& some : past) made += some.attempts;
  return made;
}

const Steps* latest_steps(const Job& job) {
  const auto& places = job.attempts.places();
  for (auto it = places.rbegin(); it != places.rend(); ++it) {
    if (it->second.steps) return &*it->second.steps;
  }
  return nullptr;
}

}  // namespace mohona

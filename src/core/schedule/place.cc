#include "core/schedule/place.h"

#include <algorithm>

#include "core/ledger/usage.h"
#include "core/schedule/fit.h"

namespace mohona {
namespace {

// What decides between pools that fit: lower is better, the name last so that there are no ties.
struct Candidacy {
  std::size_t choice = 0;  // counts only where the job's choices are ordered
  std::int64_t cost_micros = 0;
  Purchase purchase = Purchase::reserved;  // at one price, what is paid for already goes first
  std::string_view name;
  friend auto operator<=>(const Candidacy&, const Candidacy&) = default;
};

struct Place {
  Candidacy candidacy;
  const PoolCapacity* pool = nullptr;
  const Choice* choice = nullptr;
};

// The cheapest pool that fits: price × predicted time × what is held.
std::optional<Place> cheapest(const State& state, const JobSpec& spec) {
  std::optional<Place> best;
  for (std::size_t i = 0; i < spec.resources.choices.size(); ++i) {
    const Choice& choice = spec.resources.choices[i];
    for (const auto& [name, pool] : state.pools()) {
      if (check(pool, choice, spec.num_nodes).barrier != Barrier::none) continue;
      const Money cost = charge(pool.pool().price, predicted_time(spec), spec.num_nodes,
                                part_of(pool.pool().shape, choice.demand));
      const Candidacy candidacy{spec.resources.ordered ? i : 0, cost.micros, pool.pool().purchase,
                                name};
      if (!best || candidacy < best->candidacy) best = Place{candidacy, &pool, &choice};
    }
  }
  return best;
}

}  // namespace

Duration predicted_time(const JobSpec& spec) {
  return spec.max_duration.value_or(std::chrono::hours(1));
}

Pass::Pass(const State& state, Timestamp now) : state_(state), now_(now) {
  for (const auto& [at, waiting] : state.delayed()) {
    if (at > now) break;
    const JobEntry& entry = *state.find(waiting.first);
    if (!entry.job.cancelling && entry.unmet.empty()) {
      due_.insert({{entry.job.spec->priority, waiting.first}, waiting.second});
    }
  }
}

std::optional<Pass::Candidate> Pass::first_of_queue() const {
  std::optional<Candidate> first;
  for (const auto& [needs, orders] : state_.queue()) {
    if (blocked_.contains(needs)) continue;
    const auto order = std::find_if(orders.begin(), orders.end(),
                                    [&](const Order& o) { return !spent_.contains(o.job); });
    if (order == orders.end()) continue;
    const Candidate head{*order, state_.find(order->job)->ready.front()};
    if (!first || head < *first) first = head;
  }
  return first;
}

std::optional<Fact> Pass::next() {
  while (true) {
    std::optional<Candidate> first = first_of_queue();
    if (!due_.empty() && (!first || *due_.begin() < *first)) {
      first = *due_.begin();
      due_.erase(due_.begin());
    }
    if (!first) return std::nullopt;
    if (auto fact = place(*first)) return fact;
  }
}

std::optional<Fact> Pass::place(const Candidate& candidate) {
  const JobEntry& entry = *state_.find(candidate.order.job);
  const JobSpec& spec = *entry.job.spec;
  if (spec.shards && spec.shards->at_once_max > 0 && entry.live >= spec.shards->at_once_max) {
    return std::nullopt;  // a task whose pause is over, in an array at its limit
  }
  if (budget_spent(entry.job, now_)) {
    spent_.insert(entry.job.id);
    return std::nullopt;
  }
  const NeedClass needs = class_of(spec);
  if (blocked_.contains(needs)) return std::nullopt;
  const std::optional<Place> place = cheapest(state_, spec);
  if (!place) {
    blocked_.insert(needs);
    return std::nullopt;
  }
  Attempt attempt;
  attempt.id = {entry.job.id, candidate.task, entry.job.tasks[candidate.task].attempts + 1};
  attempt.pool = place->pool->pool().name;
  attempt.cloud = place->pool->pool().cloud;
  attempt.demand = place->choice->demand;
  attempt.holdings = *place->pool->find(attempt.demand, spec.num_nodes);
  attempt.price = place->pool->pool().price;
  attempt.part = part_of(place->pool->pool().shape, attempt.demand);
  attempt.placed_at = now_;
  return AttemptPlaced{std::move(attempt)};
}

}  // namespace mohona

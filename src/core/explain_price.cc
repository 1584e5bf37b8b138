#include "core/explain_price.h"

#include <algorithm>

#include "core/ledger/metered.h"
#include "core/ledger/usage.h"
#include "core/place.h"

namespace mohona {
namespace {

constexpr std::size_t attempts_max = 4;  // the newest; each is settled with and without it

Price of_gang(Price price, std::int64_t nodes, Fraction part) {
  return rounded_price(exact(price, an_hour_of(nodes, part)));
}

std::vector<PlacePrice> places_of(const State& state, const JobEntry& entry) {
  std::vector<PlacePrice> out;
  const Needs needs = needs_of(*entry.job.spec);
  for (const auto& [name, record] : state.pools()) {
    const auto pool = state.scheduler().find_pool(name);
    if (!pool || record.reclaimed_at) continue;
    const Space& space = state.scheduler().space(*pool);
    std::optional<PlacePrice> best;
    for (const Choice& choice : needs.choices) {
      if (mismatch(space, needs, choice) != Mismatch::none) continue;
      const Fraction part = part_of(record.pool.shape, choice.demand);
      const auto price = state.market()->price(name, needs.min_nodes, part, needs.stakes);
      if (!price) continue;
      PlacePrice one{name, needs.min_nodes, sum_of(*price),
                     of_gang(record.pool.price, needs.min_nodes, part)};
      if (!best || one.sum.total() < best->sum.total()) best = one;
    }
    if (best) out.push_back(*best);
  }
  std::stable_sort(out.begin(), out.end(), [](const PlacePrice& a, const PlacePrice& b) {
    return a.sum.total() < b.sum.total();
  });
  return out;
}

}  // namespace

Result<PriceExplanation> explain_price(const State& state, const JobEntry& entry, Timestamp now) {
  if (!state.market()) {
    return fail(Code::invalid,
                "this fleet has no contracts: every hour costs its pool's price (mohona cost); a "
                "fleet file says them under 'contracts'");
  }
  PriceExplanation out;
  if (!is_terminal(entry.job.state)) out.places = places_of(state, entry);
  std::vector<const Attempt*> newest;
  for (const Attempt& attempt : entry.job.attempts) {
    if (!attempt.priced) continue;
    newest.push_back(&attempt);
    if (newest.size() > attempts_max) newest.erase(newest.begin());
  }
  for (const Attempt* one : newest) {
    const Attempt& attempt = *one;
    const Duration held = held_time(attempt, now);
    const auto charged = charged_for(state, attempt, now);
    if (!charged) return fail(charged.error());
    out.attempts.push_back({attempt.id, attempt.pool, held, *attempt.priced,
                            charge(attempt.priced->charged(), held, 1, {1, 1}), *charged});
  }
  return out;
}

}  // namespace mohona

#include "core/market/treasurer.h"

#include <algorithm>

#include "core/ledger/metered.h"
#include "core/state.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr std::int64_t dollar_ppb = 1'000'000'000;
// With nothing drawn a dollar is worth all that may be lost after so many hours.
constexpr std::int64_t hours_to_most = 50;
// The pace is that of being done when this part of the period is still left: work may become less,
// and what is missing then costs more than what was drawn too early.
constexpr int spare_part = 10;
// Worths are whole steps of this: half a cent on the dollar. Each change is a fact.
constexpr std::int64_t step_ppb = 5'000'000;

// What of a dollar that is missing at a milestone is lost for good. A credit is taken to be used,
// and what is carried on to be spent then.
std::int64_t lost_ppb(const Minimum& minimum, bool last) {
  const Missed& missed = minimum.missed;
  if (minimum.prepaid) {
    const bool carries = missed.then == Missed::Then::carry && !last;
    return carries ? dollar_ppb - missed.ppm * 1'000 : dollar_ppb;
  }
  switch (missed.then) {
    case Missed::Then::forfeit:
      return 0;
    case Missed::Then::invoice:
      return missed.ppm * 1'000;
    case Missed::Then::credit:
      return dollar_ppb - missed.ppm * 1'000;
    case Missed::Then::carry:
      return last ? dollar_ppb : dollar_ppb - missed.ppm * 1'000;
  }
  return 0;
}

// As uses are counted: µs of a rate of units × µs an hour.
constexpr Wide a_unit_second = Wide{1'000'000} * unit_hour.unit_micros;

std::int64_t rate_of(const Attempt& attempt) {
  return an_hour_of(std::ssize(attempt.holdings), attempt.part).unit_micros;
}

Exact or_nothing(Exact amount) { return std::max(amount, Exact{}); }

}  // namespace

void Treasurer::see(const Facts& facts) {
  for (const Fact& fact : facts) {
    stale_ = stale_ || std::holds_alternative<ContractsDefined>(fact) ||
             std::holds_alternative<PoolDefined>(fact) || std::holds_alternative<PoolRemoved>(fact);
    if (stale_ || watched_.empty()) continue;
    if (const auto* placed = std::get_if<AttemptPlaced>(&fact)) {
      const Attempt& attempt = placed->attempt;
      const auto pool = pools_.find(attempt.pool);
      if (pool == pools_.end()) continue;
      const std::int64_t rate = rate_of(attempt);
      live_[attempt.id] = {pool->second, rate};
      hold(pool->second, rate, attempt.placed_at);
    } else if (const auto* ended = std::get_if<AttemptEnded>(&fact)) {
      const auto live = live_.find(ended->attempt);
      if (live == live_.end()) continue;
      hold(live->second.pool, -live->second.rate, ended->at);
      live_.erase(live);
    }
  }
}

// An end that is told late takes back what was counted since, from the hour that is being counted.
void Treasurer::hold(std::size_t pool, std::int64_t more, Timestamp at) {
  PoolUse& use = uses_[pool];
  if (at > use.since) {
    use.used += Wide{use.rate} * (at - use.since).count();
    use.since = at;
  } else {
    use.used += Wide{more} * (use.since - at).count();
  }
  use.rate += more;
}

std::optional<Timestamp> Treasurer::due() const {
  if (stale_ || watched_.empty()) return std::nullopt;
  return hour_ + hours(1);
}

void Treasurer::begin_period(Watched& one) {
  const Minimum& minimum = book_->minimum(one.id);
  const Milestone& milestone = minimum.milestones[one.period];
  one.window = {one.period == 0 ? minimum.window.from : minimum.milestones[one.period - 1].due,
                milestone.due};
  one.needed = exact(milestone.amount) + one.carried;
  one.draws = Draws(*book_, one.id);
  one.most_ppb = lost_ppb(minimum, one.period + 1 == minimum.milestones.size());
  one.ppb = std::min(one.ppb, one.most_ppb);
}

void Treasurer::watch(TermId id, const Reliefs& reliefs) {
  if (book_->minimum(id).milestones.empty()) return;
  Watched one{id, 0, {}, {}, Draws(*book_, id), 0, 0, {}, {}};
  const Term& term = book_->terms()[id];
  begin_period(one);
  for (const Relief& relief : reliefs) {
    if (relief.contract == term.contract_name && relief.minimum == term.name) {
      one.ppb = std::min(relief.ppb, one.most_ppb);
    }
  }
  watched_.push_back(std::move(one));
}

void Treasurer::open(const State& state, Timestamp now) {
  stale_ = false;
  watched_.clear(), uses_.clear(), pools_.clear(), live_.clear();
  book_.emplace(with_pools(state.contracts(), state.pools()));
  const std::vector<Term> terms = book_->terms();
  for (TermId id = 0; id < terms.size(); ++id) {
    if (book_->is(id, Term::Kind::minimum)) watch(id, state.reliefs());
  }
  if (watched_.empty()) return;
  for (const auto& [name, record] : state.pools()) {
    const auto meter = book_->meter(meter_of(record.pool, book_->contracts()));
    if (!meter) continue;
    pools_[name] = uses_.size();
    uses_.push_back({name, *meter, 0, 0, now});
  }
  // What is on record, hour by hour from the first period's beginning, and of this hour so far.
  const Hour here = floor<hours>(now);
  hour_ = here;
  for (const Watched& one : watched_) hour_ = std::min(hour_, ceil<hours>(one.window.from));
  std::map<Hour, Units> past;
  for (const UsageSlice& slice : total_usage_of(state, hour_, now)) {
    if (const auto meter = book_->meter(slice.meter))
      past[slice.hour][*meter] += slice.unit_seconds;
  }
  while (hour_ < here) end_hour(past[hour_], false);
  for (const auto& [meter, units] : past[here]) {
    const auto use = std::find_if(uses_.begin(), uses_.end(),
                                  [&, id = meter](const PoolUse& u) { return u.meter == id; });
    if (use != uses_.end()) use->used = units * a_unit_second;
  }
  for (const auto& [id, live] : state.live()) {
    const auto pool = pools_.find(live.attempt->pool);
    if (pool == pools_.end()) continue;
    const std::int64_t rate = rate_of(*live.attempt);
    live_[id] = {pool->second, rate};
    uses_[pool->second].rate += rate;
  }
}

// Settles the hour and goes on to the next.
void Treasurer::end_hour(const Units& units, bool weighs) {
  std::vector<Slice> slices;
  const ResourceId all = book_->resource("");
  for (const auto& [meter, seconds] : units) {
    if (seconds > 0) slices.push_back({meter, all, seconds});
  }
  std::vector<Charge> rows;
  // Without a price of something there are no rows, and nothing is drawn in this hour.
  (void)settle_hour(*book_, hour_, slices, rows);
  const Timestamp end = hour_ + hours(1);
  for (Watched& one : watched_) {
    if (hour_ < one.window.from) continue;
    const Exact before = one.drawn(*book_);
    for (const Charge& row : rows) one.draws.add(hour_, row);
    if (weighs) weigh(one, before, end);
    if (end >= one.window.to) end_period(one);
  }
  std::erase_if(watched_, [&](const Watched& one) {
    return one.period >= book_->minimum(one.id).milestones.size();
  });
  hour_ += hours(1);
}

Exact Treasurer::Watched::drawn(const Book& book) const {
  return draws.total(book.minimum(id).milestones[period].amount) + excess;
}

// A step against the gradient: what the hour drew, held against what each hour that is left has to.
void Treasurer::weigh(Watched& one, Exact before, Timestamp end) {
  const Exact drawn = one.drawn(*book_);
  if (drawn >= one.needed) {
    one.ppb = 0;
    return;
  }
  const Duration spare = (one.window.to - one.window.from) / spare_part;
  const std::int64_t left =
      std::max<std::int64_t>(0, ceil<hours>(one.window.to - spare - end) / hours(1)) + 1;
  const Exact pace{(one.needed - before).value / left};
  const Wide drew_ppm = pace.value > 0 ? (drawn - before).value * ppm_whole / pace.value : 0;
  const auto lacks_ppm =
      static_cast<std::int64_t>(ppm_whole - std::clamp<Wide>(drew_ppm, 0, 2 * ppm_whole));
  const std::int64_t step = one.most_ppb / hours_to_most * lacks_ppm / ppm_whole;
  one.ppb = std::clamp<std::int64_t>(one.ppb + step, 0, one.most_ppb);
}

void Treasurer::end_period(Watched& one) {
  const Minimum& minimum = book_->minimum(one.id);
  const Exact drawn = one.drawn(*book_);
  const Exact missing = or_nothing(one.needed - drawn), over = or_nothing(drawn - one.needed);
  const CarriedOn on = carried_on(minimum, missing, over);
  one.carried = on.missing, one.excess = on.excess;
  if (++one.period < minimum.milestones.size()) begin_period(one);
}

Reliefs Treasurer::reliefs() const {
  Reliefs out;
  for (const Watched& one : watched_) {
    const Term& term = book_->terms()[one.id];
    const std::int64_t ppb = one.ppb / step_ppb * step_ppb;
    if (ppb > 0) out.push_back({term.contract_name, term.name, ppb});
  }
  return out;
}

std::vector<Treasurer::Standing> Treasurer::standings() const {
  std::vector<Standing> out;
  for (const Watched& one : watched_) {
    const Term& term = book_->terms()[one.id];
    out.push_back(
        {term.contract_name, term.name, one.window, one.needed, one.drawn(*book_), one.ppb});
  }
  return out;
}

std::optional<PriceRelief> Treasurer::look(const State& state, Timestamp now) {
  if (stale_) open(state, now);
  while (!watched_.empty() && hour_ + hours(1) <= now) {
    const Timestamp end = hour_ + hours(1);
    Units units;
    for (PoolUse& use : uses_) {
      use.used += Wide{use.rate} * (end - use.since).count();
      use.since = end;
      units[use.meter] += static_cast<std::int64_t>(use.used / a_unit_second);
      use.used %= a_unit_second;
    }
    end_hour(units, true);
  }
  PriceRelief out{reliefs()};
  if (out.reliefs == state.reliefs()) return std::nullopt;
  return out;
}

}  // namespace mohona

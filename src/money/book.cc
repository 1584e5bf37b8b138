#include "money/book.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace mohona {
namespace {

using namespace std::chrono;

bool allows(const std::vector<std::string>& list, const std::string& value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

bool holds(const Window& window, Hour hour) { return window.from <= hour && hour < window.to; }

Price less(Price list, std::int64_t off_ppm) {
  const Wide left = Wide{list.nanos} * (ppm_whole - off_ppm);
  return {static_cast<std::int64_t>(divide_half_even(left, ppm_whole))};
}

// How exactly an offer says where it holds; -1: not there.
int closeness(const Offer& offer, const Meter& meter) {
  if (offer.sku != meter.sku || !covers(offer.place, meter.place)) return -1;
  return (offer.place.zone.empty() ? 0 : 2) + (offer.place.region.empty() ? 0 : 1);
}

// The plan's rate for this usage; nullopt when the plan has none.
std::optional<Price> rate_of(const Commitment& commitment, const Meter& meter, const Offer& offer,
                             Price list, Hour hour) {
  for (const Rate& rate : commitment.rates) {
    if (!takes(rate.scope, meter, offer) || !holds(rate.valid, hour)) continue;
    return rate.price ? *rate.price : less(list, rate.off_ppm);
  }
  return std::nullopt;
}

// How much of its cost counts toward the minimum; nullopt: it is none of its usage.
std::optional<std::int64_t> weight_of(const Minimum& minimum, const Meter& meter,
                                      const Offer& offer) {
  if (!takes(minimum.scope, meter, offer)) return std::nullopt;
  for (const Weight& weight : minimum.weights) {
    if (takes(weight.scope, meter, offer)) return weight.ppm;
  }
  return ppm_whole;
}

void add_edges(std::vector<Hour>& edges, const Window& window) {
  for (const Timestamp at : {window.from, window.to}) {
    if (at == Timestamp::min() || at == Timestamp::max()) continue;
    edges.push_back(floor<hours>(at));
    edges.push_back(ceil<hours>(at));
  }
}

void add_edges(std::vector<Hour>& edges, const std::vector<Step>& steps) {
  for (const Step& step : steps) add_edges(edges, Window{step.from, Timestamp::max()});
}

// Calls take(step, its time within the hour) for each step that holds in it.
template <class Take>
void for_steps(const std::vector<Step>& steps, const Window& window, Hour hour, Take take) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Timestamp end = i + 1 < steps.size() ? steps[i + 1].from : Timestamp::max();
    const Window part{std::max(window.from, i == 0 ? window.from : steps[i].from),
                      std::min(window.to, end)};
    if (const Duration time = within(part, hour); time > Duration{0}) take(steps[i], time);
  }
}

}  // namespace

Duration within(const Window& window, Hour hour) {
  const Timestamp begin = std::max<Timestamp>(window.from, hour);
  const Timestamp end = std::min<Timestamp>(window.to, hour + hours(1));
  return std::max(end - begin, Duration{0});
}

Wide promised(const std::vector<Step>& steps, const Window& window, Hour hour) {
  Wide total = 0;
  for_steps(steps, window, hour,
            [&](const Step& step, Duration time) { total += Wide{step.amount} * time.count(); });
  return total;
}

Exact fee_within(const std::vector<Fee>& fees, Hour hour) {
  Exact total;
  for (const Fee& fee : fees) {
    const Duration here = within(fee.covers, hour);
    if (here == Duration{0}) continue;
    const Duration before = std::max<Timestamp>(fee.covers.from, hour) - fee.covers.from;
    const Wide whole = (fee.covers.to - fee.covers.from).count();
    total += share(exact(fee.amount), (before + here).count(), whole) -
             share(exact(fee.amount), before.count(), whole);
  }
  return total;
}

Exact hourly_fee(const std::vector<Step>& steps, const Window& window, Hour hour) {
  Exact total;
  for_steps(steps, window, hour, [&](const Step& step, Duration time) {
    total += Exact{Wide{step.hourly.nanos} * time.count()};
  });
  return total;
}

Money period_fees(const Minimum& minimum, std::size_t period) {
  const auto& milestones = minimum.milestones;
  Money total;
  for (const Fee& fee : minimum.fees) {
    Wide before = 0, here = 0, whole = 0;  // of what it pays for, micro-dollars promised
    Timestamp from = minimum.window.from;
    for (std::size_t i = 0; i < milestones.size(); from = milestones[i].due, ++i) {
      if (fee.covers.from >= milestones[i].due || fee.covers.to <= from) continue;
      whole += milestones[i].amount.micros;
      if (i < period) before += milestones[i].amount.micros;
      if (i == period) here = milestones[i].amount.micros;
    }
    if (whole == 0) continue;
    total.micros += static_cast<std::int64_t>(fee.amount.micros * (before + here) / whole -
                                              fee.amount.micros * before / whole);
  }
  return total;
}

bool takes(const Scope& scope, const Meter& meter, const Offer& offer) {
  const auto& except = scope.except_families;
  return allows(scope.skus, meter.sku) && allows(scope.families, offer.family) &&
         allows(scope.zones, meter.place.zone) && allows(scope.regions, meter.place.region) &&
         allows(scope.clouds, meter.place.cloud) && allows(scope.accounts, meter.account) &&
         std::find(except.begin(), except.end(), offer.family) == except.end();
}

void Book::amend(Contracts contracts) {
  contracts_ = std::move(contracts);
  for (Term& term : terms_) term.gone = true;
  for (std::size_t c = 0; c < contracts_.contracts.size(); ++c) {
    const Contract& contract = contracts_.contracts[c];
    for (std::size_t i = 0; i < contract.commitments.size(); ++i) {
      add_term(Term::Kind::commitment, c, i, contract.commitments[i].name);
    }
    for (std::size_t i = 0; i < contract.reservations.size(); ++i) {
      add_term(Term::Kind::reservation, c, i, contract.reservations[i].name);
    }
    for (std::size_t i = 0; i < contract.minimums.size(); ++i) {
      add_term(Term::Kind::minimum, c, i, contract.minimums[i].name);
    }
  }
  find_edges();
  for (MeterId id = 0; id < meters_.size(); ++id) find_offers(id);
  idle_meters_.assign(terms_.size(), none_id);
  for (TermId id = 0; id < terms_.size(); ++id) {
    if (!is(id, Term::Kind::reservation)) continue;
    Meter idle = reservation(id).holds;
    idle.reservation = reservation(id).name;
    if (const auto known = meter(idle)) idle_meters_[id] = *known;
  }
  from_ = Hour::max(), to_ = Hour::min();
}

void Book::add_term(Term::Kind kind, std::size_t contract, std::size_t index,
                    const std::string& name) {
  const std::string& contract_name = contracts_.contracts[contract].name;
  const auto known = std::find_if(terms_.begin(), terms_.end(), [&](const Term& t) {
    return t.kind == kind && t.name == name && t.contract_name == contract_name;
  });
  Term& term = known == terms_.end() ? terms_.emplace_back() : *known;
  term = {kind, contract_name, name, contract, index};
}

void Book::find_edges() {
  edges_.clear();
  for (const Contract& contract : contracts_.contracts) {
    for (const Commitment& commitment : contract.commitments) {
      add_edges(edges_, commitment.window);
      add_edges(edges_, commitment.steps);
      for (const Rate& rate : commitment.rates) add_edges(edges_, rate.valid);
    }
    for (const Reservation& reservation : contract.reservations) {
      add_edges(edges_, reservation.window);
      add_edges(edges_, reservation.steps);
    }
    for (const Minimum& minimum : contract.minimums) {
      add_edges(edges_, minimum.window);
      for (const Milestone& m : minimum.milestones) add_edges(edges_, {m.due, Timestamp::max()});
    }
    for (const Discount& discount : contract.discounts) add_edges(edges_, discount.window);
  }
  for (const Offer& offer : contracts_.offers) add_edges(edges_, offer.valid);
  std::sort(edges_.begin(), edges_.end());
  edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
}

void Book::find_offers(MeterId id) {
  const Meter& meter = meters_[id];
  std::vector<std::uint32_t>& offers = offers_of_[id];
  offers.clear();
  for (std::uint32_t i = 0; i < contracts_.offers.size(); ++i) {
    if (closeness(contracts_.offers[i], meter) >= 0) offers.push_back(i);
  }
  std::stable_sort(offers.begin(), offers.end(), [&](std::uint32_t a, std::uint32_t b) {
    return closeness(contracts_.offers[a], meter) > closeness(contracts_.offers[b], meter);
  });
}

std::int64_t Book::version() const {
  std::int64_t sum = 0;
  for (const Contract& contract : contracts_.contracts) sum += contract.version;
  return sum;
}

const Commitment& Book::commitment(TermId id) const {
  return contract(id).commitments[terms_[id].index];
}
const Reservation& Book::reservation(TermId id) const {
  return contract(id).reservations[terms_[id].index];
}
const Minimum& Book::minimum(TermId id) const { return contract(id).minimums[terms_[id].index]; }

Result<MeterId> Book::meter(const Meter& meter) {
  if (const auto known = meter_ids_.find(meter); known != meter_ids_.end()) return known->second;
  const auto& offers = contracts_.offers;
  if (std::none_of(offers.begin(), offers.end(),
                   [&](const Offer& offer) { return closeness(offer, meter) >= 0; })) {
    return fail(Code::not_found,
                fmt::format("there is no offer for {} in {}", meter.sku, to_string(meter.place)));
  }
  const auto id = static_cast<MeterId>(meters_.size());
  meters_.push_back(meter);
  offers_of_.emplace_back();
  find_offers(id);
  meter_ids_.emplace(meter, id);
  from_ = Hour::max(), to_ = Hour::min();
  return id;
}

ResourceId Book::resource(std::string_view name) {
  if (const auto known = resource_ids_.find(name); known != resource_ids_.end()) {
    return known->second;
  }
  const auto id = static_cast<ResourceId>(resources_.size());
  resources_.emplace_back(name);
  resource_ids_.emplace(name, id);
  return id;
}

const std::vector<std::uint32_t>& Book::ranks() const {
  if (ranks_.size() != resources_.size()) {
    ranks_.resize(resources_.size());
    std::uint32_t next = 0;
    for (const auto& [name, id] : resource_ids_) ranks_[id] = next++;
  }
  return ranks_;
}

const Offer* Book::offer(MeterId id, Hour hour) const {
  for (const std::uint32_t index : offers_of_[id]) {
    const Offer& offer = contracts_.offers[index];
    if (holds(offer.valid, hour)) return &offer;
  }
  return nullptr;
}

const HourTerms& Book::terms(Hour hour) {
  if (hour < from_ || hour >= to_) compile(hour);
  return now_;
}

void Book::compile(Hour hour) {
  const auto next = std::upper_bound(edges_.begin(), edges_.end(), hour);
  from_ = next == edges_.begin() ? Hour::min() : *(next - 1);
  to_ = next == edges_.end() ? Hour::max() : *next;

  now_ = {};
  now_.meters.resize(meters_.size());
  for (MeterId id = 0; id < meters_.size(); ++id) now_.meters[id] = meter_terms(id, hour);
  for (TermId id = 0; id < terms_.size(); ++id) {
    if (terms_[id].gone || terms_[id].kind == Term::Kind::minimum) continue;
    const bool covers = terms_[id].kind == Term::Kind::commitment;
    Layer layer = covers ? commitment_layer(id, hour) : reservation_layer(id, hour);
    if (layer.amount > 0) {
      (covers ? now_.commitments : now_.reservations).push_back(std::move(layer));
    }
  }
  std::stable_sort(now_.commitments.begin(), now_.commitments.end(),
                   [&](const Layer& a, const Layer& b) {
                     const Commitment &x = commitment(a.term), &y = commitment(b.term);
                     return std::tie(x.rank, x.name) < std::tie(y.rank, y.name);
                   });
  std::stable_sort(
      now_.reservations.begin(), now_.reservations.end(),
      [&](const Layer& a, const Layer& b) { return terms_[a.term].name < terms_[b.term].name; });
}

MeterTerms Book::meter_terms(MeterId id, Hour hour) const {
  MeterTerms out;
  const Offer* offer = this->offer(id, hour);
  if (!offer) return out;
  const Meter& meter = meters_[id];
  out.offered = true;
  out.dynamic = offer->dynamic;
  out.size_milli = offer->size_milli;
  out.list = out.contracted = offer->tiers.front().price;
  bool discounted = false;
  for (const Contract& contract : contracts_.contracts) {
    for (const Discount& discount : contract.discounts) {
      if (discounted || !takes(discount.scope, meter, *offer) || !holds(discount.window, hour)) {
        continue;
      }
      out.contracted = less(out.list, discount.off_ppm);
      discounted = true;
    }
  }
  for (TermId term = 0; term < terms_.size(); ++term) {
    if (!is(term, Term::Kind::minimum)) continue;
    const Minimum& minimum = this->minimum(term);
    if (!minimum.prepaid) {
      const auto ppm = weight_of(minimum, meter, *offer);
      if (ppm && holds(minimum.window, hour)) {
        out.counts.push_back({term, *ppm, minimum.before_discount});
      }
      continue;
    }
    if (out.prepaid != none_id || hour < minimum.window.from) continue;
    const auto& milestones = minimum.milestones;
    const auto next = std::find_if(milestones.begin(), milestones.end(),
                                   [&](const Milestone& m) { return hour < m.due; });
    if (next == milestones.end() || next->amount == Money{}) continue;
    if (!takes(minimum.scope, meter, *offer)) continue;
    out.prepaid = term;
    out.prepaid_amount = next->amount;
    out.prepaid_fees = period_fees(minimum, static_cast<std::size_t>(next - milestones.begin()));
  }
  return out;
}

// The owner's usage first, then by saving, the greatest first, then by rate, the lowest first
// (AWS's "Understanding how Savings Plans apply"). Units save all alike, so that small sizes go
// before large ones, as AWS's size-flexible reservations do.
Layer Book::commitment_layer(TermId id, Hour hour) const {
  const Commitment& commitment = this->commitment(id);
  Layer layer{id, promised(commitment.steps, commitment.window, hour), {}, commitment.running};
  if (layer.amount <= 0) return layer;
  for (MeterId m = 0; m < meters_.size(); ++m) {
    const Meter& meter = meters_[m];
    const MeterTerms& terms = now_.meters[m];
    if (!terms.offered || terms.dynamic) continue;
    if (!commitment.shared && meter.account != commitment.account) continue;
    if (commitment.named && meter.reservation != commitment.name) continue;
    const Offer& offer = *this->offer(m, hour);
    if (!takes(commitment.scope, meter, offer)) continue;
    switch (commitment.draw) {
      case Draw::instances:
        layer.order.push_back({m, 1'000});
        break;
      case Draw::size:
        layer.order.push_back({m, terms.size_milli});
        break;
      case Draw::list_price:
        layer.order.push_back({m, terms.list.nanos});
        break;
      case Draw::plan_rate: {
        // Where what was negotiated is lower than the plan, the lower price wins (Azure).
        const auto rate = rate_of(commitment, meter, offer, terms.list, hour);
        if (rate && *rate < terms.contracted) layer.order.push_back({m, rate->nanos});
        break;
      }
    }
  }
  const bool rates = commitment.draw == Draw::plan_rate;
  std::sort(layer.order.begin(), layer.order.end(), [&](const auto& a, const auto& b) {
    const Meter &x = meters_[a.meter], &y = meters_[b.meter];
    const bool x_other = x.account != commitment.account, y_other = y.account != commitment.account;
    if (x_other != y_other) return y_other;
    if (rates) {  // a saves more: draw/list is less
      const Wide p = Wide{a.draw} * now_.meters[b.meter].list.nanos;
      const Wide q = Wide{b.draw} * now_.meters[a.meter].list.nanos;
      if (p != q) return p < q;
    }
    return a.draw != b.draw ? a.draw < b.draw : x < y;
  });
  return layer;
}

// What names the reservation is bound to it first.
Layer Book::reservation_layer(TermId id, Hour hour) const {
  const Reservation& reservation = this->reservation(id);
  Layer layer{id, promised(reservation.steps, reservation.window, hour), {}, {}, idle_meters_[id]};
  if (layer.idle == none_id) layer.amount = 0;
  if (layer.amount <= 0) return layer;
  for (MeterId m = 0; m < meters_.size(); ++m) {
    const Meter& meter = meters_[m];
    if (meter.sku != reservation.holds.sku || meter.place != reservation.holds.place) continue;
    if (!now_.meters[m].offered || now_.meters[m].dynamic) continue;
    const bool names = meter.reservation == reservation.name;
    if (names || (!reservation.named && meter.reservation.empty())) {
      layer.order.push_back({m, 1'000});
    }
  }
  std::sort(layer.order.begin(), layer.order.end(), [&](const auto& a, const auto& b) {
    const Meter &x = meters_[a.meter], &y = meters_[b.meter];
    if (x.reservation.empty() != y.reservation.empty()) return y.reservation.empty();
    return x < y;
  });
  return layer;
}

}  // namespace mohona

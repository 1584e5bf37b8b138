#include "core/market/market.h"

#include <algorithm>
#include <tuple>

#include "money/egress.h"

namespace mohona {
namespace {

// By its shape and place alone.
Meter plain_meter(const Pool& pool) {
  Meter meter{pool.shape.name.empty() ? pool.name : pool.shape.name,
              {pool.cloud, pool.region, pool.zone},
              pool.account,
              ""};
  // Spot machines are another thing to buy than the same ones on demand.
  if (pool.purchase == Purchase::spot) meter.sku += "/spot";
  return meter;
}

// That of one among several pools of a shape at a place, at a price of its own.
std::string own_sku(const Pool& pool) { return plain_meter(pool).sku + "@" + pool.name; }

// Offers of the pool's own price, for the times at which nothing else is offered.
void offer_own_price(const Pool& pool, const Meter& meter, std::vector<Offer>& offers) {
  Offer offer;
  offer.sku = meter.sku;
  offer.place = meter.place;
  offer.family = meter.sku.substr(0, meter.sku.find_first_of(".@/"));
  offer.unit = "instance";
  offer.tiers = {{0, pool.price}};
  offer.dynamic = pool.purchase == Purchase::spot;
  std::vector<Window> others;
  for (const Offer& one : offers) {
    if (one.sku == meter.sku && covers(one.place, meter.place)) others.push_back(one.valid);
  }
  std::sort(others.begin(), others.end(),
            [](const Window& a, const Window& b) { return a.from < b.from; });
  Timestamp from = Timestamp::min();
  for (const Window& window : others) {
    offer.valid = {from, window.from};
    if (from < window.from) offers.push_back(offer);
    from = std::max(from, window.to);
  }
  offer.valid = {from, Timestamp::max()};
  if (from < Timestamp::max()) offers.push_back(offer);
}

}  // namespace

Meter meter_of(const Pool& pool, const Contracts& contracts) {
  Meter meter = plain_meter(pool);
  const std::string own = own_sku(pool);
  const bool apart = std::any_of(contracts.offers.begin(), contracts.offers.end(),
                                 [&](const Offer& offer) { return offer.sku == own; });
  if (apart) meter.sku = own;
  for (const Contract& contract : contracts.contracts) {
    for (const Commitment& one : contract.commitments) {
      if (one.named && one.name == pool.name) meter.reservation = one.name;
    }
    for (const Reservation& one : contract.reservations) {
      if (one.named && one.name == pool.name) meter.reservation = one.name;
    }
  }
  return meter;
}

Contracts with_pools(Contracts contracts, const PoolRecords& pools) {
  const std::vector<Offer> given = contracts.offers;
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Price> first;
  for (const auto& [name, record] : pools) {
    Meter meter = plain_meter(record.pool);
    const bool known = std::any_of(given.begin(), given.end(), [&](const Offer& offer) {
      return offer.sku == meter.sku && covers(offer.place, meter.place);
    });
    const Location& place = meter.place;
    const auto [at, is_first] = first.emplace(
        std::tuple(meter.sku, place.cloud, place.region, place.zone), record.pool.price);
    if (!is_first && (known || at->second == record.pool.price)) continue;
    if (!is_first) meter.sku = own_sku(record.pool);
    offer_own_price(record.pool, meter, contracts.offers);
  }
  return contracts;
}

Quantity an_hour_of(std::int64_t nodes, Fraction part) {
  const Wide micros = Wide{unit_hour.unit_micros} * nodes * part.held;
  return {static_cast<std::int64_t>(micros / std::max<std::int64_t>(1, part.whole))};
}

Market::Market(Contracts contracts, Reliefs reliefs, const PoolRecords& pools)
    : book_(with_pools(std::move(contracts), pools)) {
  for (const auto& [name, record] : pools) {
    if (const auto meter = book_.meter(meter_of(record.pool, book_.contracts()))) {
      const Pool& pool = record.pool;
      pools_[name] = {*meter, 0, {pool.cloud, pool.region, pool.zone}, pool.price, record.reclaims};
    }
  }
  relief_ppb_.resize(book_.terms().size());
  for (TermId id = 0; id < book_.terms().size(); ++id) {
    const Term& term = book_.terms()[id];
    for (const Relief& relief : reliefs) {
      if (term.kind == Term::Kind::minimum && relief.contract == term.contract_name &&
          relief.minimum == term.name) {
        relief_ppb_[id] = relief.ppb;
      }
    }
  }
}

bool Market::at(Timestamp now) {
  const Hour hour = std::chrono::floor<std::chrono::hours>(now);
  if (hour_ == hour) return false;
  hour_ = hour;
  now_.emplace(book_, hour);
  for (const auto& [name, held] : pools_) {
    if (held.unit_micros != 0) now_->add(held.meter, {held.unit_micros});
  }
  return true;
}

void Market::hold(const std::string& pool, std::int64_t nodes, Fraction part) {
  const auto found = pools_.find(pool);
  if (found == pools_.end()) return;
  const Quantity more = an_hour_of(nodes, part);
  found->second.unit_micros += more.unit_micros;
  if (now_) now_->add(found->second.meter, more);
}

Exact Market::egress(const Held& held, const Stakes& stakes) const {
  Wide nanos = 0;
  for (const DataInput& input : stakes.inputs) {
    if (covers(input.place, held.place)) continue;  // it lies there
    const EgressPrice* price = egress_price(book_.contracts().egress, input.place, held.place);
    if (price) nanos += Wide{price->per_gb.nanos} * input.megabytes / 1'000;
  }
  if (nanos == 0) return {};
  const Wide micros = std::max<std::int64_t>(1, stakes.lasts.count());
  return {nanos * 3'600'000'000 / micros * unit_hour.unit_micros};
}

Exact Market::risk(const Held& held, Quantity hour, const Stakes& stakes) const {
  if (stakes.redo == Duration{0} || held.reclaims.empty()) return {};
  const auto times = std::count_if(held.reclaims.begin(), held.reclaims.end(),
                                   [&](Timestamp at) { return at > *hour_ - reclaims_remembered; });
  const Wide an_hour = Wide{stakes.redo.count()} * times * 1'000'000 / reclaims_remembered.count();
  return {exact(held.own, hour).value / 1'000'000 * an_hour};  // millionths of it are lost an hour
}

std::optional<MarginalPrice> Market::price(const std::string& pool, std::int64_t nodes,
                                           Fraction part, const Stakes& stakes) {
  const auto found = pools_.find(pool);
  if (found == pools_.end() || !now_ || !book_.offer(found->second.meter, *hour_)) {
    return std::nullopt;
  }
  const Quantity hour = an_hour_of(nodes, part);
  return now_->price({.meter = found->second.meter,
                      .quantity = hour,
                      .relief_ppb = relief_ppb_,
                      .egress = egress(found->second, stakes),
                      .risk = risk(found->second, hour, stakes)});
}

Scheduler::Cost cost_by(PriceRule rule, Market* market) {
  const auto sticker = [](const Pool& pool, std::int64_t nodes, Fraction part) -> Wide {
    return Wide{pool.price.nanos} * nodes * part.held / std::max<std::int64_t>(1, part.whole);
  };
  switch (rule) {
    case PriceRule::sticker:
      return nullptr;
    case PriceRule::reservation_is_free:
    case PriceRule::reservation_near_free: {
      const std::int64_t divisor = rule == PriceRule::reservation_near_free ? 10'000'000 : 0;
      return [=](const Needs&, const Pool& pool, std::int64_t nodes, Fraction part) -> Wide {
        const Wide price = sticker(pool, nodes, part);
        if (pool.purchase != Purchase::reserved) return price;
        return divisor == 0 ? 0 : price / divisor;
      };
    }
    case PriceRule::marginal:
      if (!market) return nullptr;
      return [=](const Needs& needs, const Pool& pool, std::int64_t nodes, Fraction part) -> Wide {
        const auto price = market->price(pool.name, nodes, part, needs.stakes);
        return price ? price->total().value / unit_hour.unit_micros : sticker(pool, nodes, part);
      };
  }
  return nullptr;
}

PriceSum sum_of(const MarginalPrice& price) {
  return {rounded_price(price.rate), rounded_price(price.displaced), rounded_price(price.relief),
          rounded_price(price.egress), rounded_price(price.risk)};
}

}  // namespace mohona

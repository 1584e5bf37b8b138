#include "forecast/what_if.h"

#include <algorithm>

#include "forecast/blocks.h"
#include "money/book.h"
#include "money/exact.h"

namespace mohona {
namespace {

bool is_among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

void apply(Assumptions& assumptions, const SignChange& change) {
  append(assumptions.contracts.contracts, change.contracts.contracts);
  append(assumptions.contracts.offers, change.contracts.offers);
  append(assumptions.demand, change.demand);
}

void apply(Assumptions& assumptions, const SlipChange& change) {
  for (ExpectedDemand& demand : assumptions.demand) {
    if (!change.demand.empty() && !is_among(change.demand, demand.name)) continue;
    for (Delivery& delivery : demand.deliveries) {
      if (delivery.from >= change.from) delivery.from = add_months(delivery.from, change.months);
    }
  }
}

template <class T>
void drop_after(std::vector<T>& all, Timestamp at) {
  std::erase_if(all, [&](const T& one) { return one.due >= at; });
}

template <class T>
void end_at(std::vector<T>& all, Timestamp at) {
  for (T& one : all) one.window.to = std::min(one.window.to, at);
}

// A milestone after the end is no longer owed; fees that fell due before it stay paid.
void apply(Assumptions& assumptions, const CancelChange& change) {
  for (Contract& contract : assumptions.contracts.contracts) {
    if (contract.name != change.contract) continue;
    end_at(contract.commitments, change.from);
    end_at(contract.reservations, change.from);
    end_at(contract.discounts, change.from);
    for (Commitment& commitment : contract.commitments) drop_after(commitment.fees, change.from);
    for (Minimum& minimum : contract.minimums) {
      drop_after(minimum.fees, change.from);
      drop_after(minimum.milestones, change.from);
      minimum.window.to =
          minimum.milestones.empty() ? minimum.window.from : minimum.milestones.back().due;
    }
    std::erase_if(contract.minimums, [](const Minimum& one) { return one.milestones.empty(); });
  }
  for (ExpectedDemand& demand : assumptions.demand) {
    if (is_among(change.demand, demand.name)) {
      demand.window.to = std::min(demand.window.to, change.from);
    }
  }
  if (change.costs != Money{}) assumptions.payments.push_back({change.from, change.costs});
}

void apply(Assumptions& assumptions, const PriceChange& change) {
  std::vector<Offer> later;
  for (Offer& offer : assumptions.contracts.offers) {
    if (!takes(change.scope, Meter{offer.sku, offer.place, "", ""}, offer)) continue;
    if (offer.valid.to <= change.from) continue;
    Offer then = offer;
    then.valid.from = std::max(offer.valid.from, change.from);
    for (Tier& tier : then.tiers) {
      const Wide times = Wide{tier.price.nanos} * change.times_ppm;
      tier.price.nanos = static_cast<std::int64_t>(divide_half_even(times, ppm_whole));
    }
    offer.valid.to = std::min(offer.valid.to, change.from);
    later.push_back(then);
  }
  append(assumptions.contracts.offers, later);
}

void apply(Assumptions& assumptions, const OutageChange& change) {
  assumptions.outages.push_back(change);
}

}  // namespace

Assumptions changed(Assumptions assumptions, const WhatIf& what_if) {
  std::visit([&](const auto& change) { apply(assumptions, change); }, what_if.change);
  return assumptions;
}

}  // namespace mohona

#include "money/naive_ledger.h"

#include <algorithm>

namespace mohona {
namespace {

using namespace std::chrono;

struct Left {
  UsageSlice slice;
  Wide micros;  // not yet covered
  const Offer* offer;
  Wide list, contracted;
};

bool in(const std::vector<std::string>& list, const std::string& value) {
  return list.empty() || std::count(list.begin(), list.end(), value) > 0;
}

bool scoped(const Scope& s, const Meter& m, const Offer& o) {
  return in(s.clouds, m.place.cloud) && in(s.regions, m.place.region) &&
         in(s.zones, m.place.zone) && in(s.families, o.family) && in(s.skus, m.sku) &&
         in(s.accounts, m.account) &&
         (s.except_families.empty() || !in(s.except_families, o.family));
}

Wide off(Wide price, std::int64_t ppm) {
  return divide_half_even(price * (1'000'000 - ppm), 1'000'000);
}

// Second by second: what a schedule promises in the hour, and its fee.
std::pair<Wide, Wide> promise(const Commitment& c, Hour hour) {
  Wide amount = 0, fee = 0;
  for (Timestamp at = hour; at < hour + hours(1); at += seconds(1)) {
    if (at < c.window.from || at >= c.window.to) continue;
    const Step* step = &c.steps.front();
    for (const Step& next : c.steps) step = next.from <= at ? &next : step;
    amount += Wide{step->amount} * 1'000'000;
    fee += Wide{step->hourly.nanos} * 1'000'000;
  }
  for (const Fee& once : c.fees) {
    if (floor<hours>(once.due) == hour) fee += once.amount.micros * exact_per_micro_dollar;
  }
  return {amount, fee};
}

// What a unit-hour draws; -1: this is not covered.
Wide draw_of(const Commitment& c, const Left& left, Hour hour) {
  const Meter& meter = left.slice.meter;
  const bool ours = c.shared || meter.account == c.account;
  const bool named = !c.named || meter.reservation == c.name;
  if (left.offer->dynamic || !ours || !named || !scoped(c.scope, meter, *left.offer)) return -1;
  if (c.draw == Draw::instances) return 1'000;
  if (c.draw == Draw::size) return left.offer->size_milli;
  if (c.draw == Draw::list_price) return left.list;
  for (const Rate& rate : c.rates) {
    if (!scoped(rate.scope, meter, *left.offer)) continue;
    if (hour < rate.valid.from || hour >= rate.valid.to) continue;
    const Wide price = rate.price ? rate.price->nanos : off(left.list, rate.off_ppm);
    return price < left.contracted ? price : -1;
  }
  return -1;
}

}  // namespace

void NaiveLedger::settle(const Contracts& contracts, Hour hour, std::vector<UsageSlice> slices) {
  std::vector<const Commitment*> ranked;
  std::vector<Left> all;
  for (const UsageSlice& slice : slices) {
    Left left{slice, Wide{slice.unit_seconds} * 1'000'000, nullptr, 0, 0};
    for (const Offer& offer : contracts.offers) {
      if (offer.sku == slice.meter.sku) left.offer = &offer;
    }
    left.list = left.contracted = left.offer->tiers[0].price.nanos;
    for (const Contract& contract : contracts.contracts) {
      for (const Discount& discount : contract.discounts) {
        if (left.list == left.contracted && scoped(discount.scope, slice.meter, *left.offer)) {
          left.contracted = off(left.list, discount.off_ppm);
        }
      }
    }
    all.push_back(left);
  }
  for (const Contract& contract : contracts.contracts) {
    for (const Commitment& c : contract.commitments) ranked.push_back(&c);
  }
  std::sort(ranked.begin(), ranked.end(), [](const Commitment* a, const Commitment* b) {
    return std::tie(a->rank, a->name) < std::tie(b->rank, b->name);
  });
  for (const Commitment* c : ranked) {
    auto [bucket, fee] = promise(*c, hour);
    NaiveSum& sum = commitments[c->name];
    sum.fees += fee;
    std::vector<std::pair<Wide, Left*>> eligible;
    for (Left& left : all) {
      if (const Wide draw = draw_of(*c, left, hour); draw >= 0) eligible.emplace_back(draw, &left);
    }
    std::sort(eligible.begin(), eligible.end(), [&](const auto& a, const auto& b) {
      const Meter &x = a.second->slice.meter, &y = b.second->slice.meter;
      if ((x.account == c->account) != (y.account == c->account)) return x.account == c->account;
      const Wide p = a.first * b.second->list, q = b.first * a.second->list;
      if (c->draw == Draw::plan_rate && p != q) return p < q;
      return std::tie(a.first, x, a.second->slice.resource) <
             std::tie(b.first, y, b.second->slice.resource);
    });
    for (auto& [draw, left] : eligible) {
      if (bucket == 0) break;
      const Wide drawn = std::min(bucket, draw * left->micros);
      const Wide micros = draw * left->micros <= bucket ? left->micros : (drawn + draw - 1) / draw;
      bucket -= drawn, sum.used += drawn, left->micros -= micros;
      running += c->running.nanos * micros;
    }
    sum.unused += bucket;
  }
  for (const Left& left : all) on_demand += left.contracted * left.micros;
}

}  // namespace mohona

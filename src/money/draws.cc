#include "money/draws.h"

#include <algorithm>

namespace mohona {

CarriedOn carried_on(const Minimum& minimum, Exact missing, Exact over) {
  const auto at_most = [](Exact amount, Money limit) { return std::min(amount, exact(limit)); };
  CarriedOn out;
  if (minimum.missed.then == Missed::Then::carry) {
    out.missing = at_most(part_of(missing, minimum.missed.ppm), minimum.missed.carry_max);
  }
  out.excess = at_most(part_of(over, minimum.excess.carry_ppm), minimum.excess.carry_max);
  return out;
}

Draws::Draws(const Book& book, TermId minimum)
    : book_(&book), id_(minimum), sums_(book.minimum(minimum).weights.size() + 1) {}

void Draws::add(Hour hour, const Charge& row) {
  const Minimum& minimum = book_->minimum(id_);
  if (minimum.prepaid) {
    if (row.commitment == id_ && row.use == Use::used) sums_.back() += Exact{row.drawn};
    return;
  }
  if (row.category == Category::purchase) {
    const bool ours = book_->terms()[row.commitment].contract == book_->terms()[id_].contract;
    if (ours && minimum.counts_fees) sums_.back() += row.billed;
    return;
  }
  if (row.billed == Exact{} || row.meter == none_id) return;
  const Offer* offer = book_->offer(row.meter, hour);
  const Meter& meter = book_->meter(row.meter);
  if (!offer || !takes(minimum.scope, meter, *offer)) return;
  std::size_t weight = 0;
  while (weight < minimum.weights.size() && !takes(minimum.weights[weight].scope, meter, *offer)) {
    ++weight;
  }
  sums_[weight] += minimum.before_discount ? row.list : row.billed;
}

Exact Draws::total(Money period) const {
  const Minimum& minimum = book_->minimum(id_);
  Exact total = sums_.back();
  for (std::size_t i = 0; i < minimum.weights.size(); ++i) {
    const Weight& weight = minimum.weights[i];
    total += std::min(part_of(sums_[i], weight.ppm), part_of(exact(period), weight.cap_ppm));
  }
  return total;
}

}  // namespace mohona

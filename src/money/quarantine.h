// Which prices may be used, and what is wrong with the others: a price without provenance, or one
// that is far from its neighbours, is not paid by anyone and must not decide where work goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/price_list.h"

namespace mohona {

// So many times above or below the median of its neighbours, a price is not believed. Low enough to
// notice one accelerator's price in the place of eight's; spot prices of one machine differ as much
// between zones, but hardly from their median.
constexpr std::int64_t far_times = 5;
// Fewer others than these have no median that says anything.
constexpr std::size_t neighbours_min = 3;

struct Quarantined {
  Listing listing;
  std::string why;  // one sentence, without a full stop
  friend bool operator==(const Quarantined&, const Quarantined&) = default;
};
struct QuarantinedEgress {
  EgressPrice price;
  std::string why;
  friend bool operator==(const QuarantinedEgress&, const QuarantinedEgress&) = default;
};

struct CheckedPrices {
  PriceList accepted;
  std::vector<Quarantined> quarantined;
  std::vector<QuarantinedEgress> quarantined_egress;
};

// Sets aside, for the first reason of these that holds:
//   * no sku, no source, no day, no price, or a price that is not above 0;
//   * a sku at a place that is said twice, for the same time: the older price if their days differ,
//     both if not. The same price twice is one price, and the newest is kept;
//   * far from the median of the others: of those with the same accelerators; where there are too
//     few, by the accelerator, by the core or the normalised unit of the same family, or of the
//     same sku elsewhere. Spot is compared with spot;
//   * a spot price above the price of the same machine on demand.
// Everything keeps its order.
CheckedPrices check_prices(const PriceList& prices);

}  // namespace mohona

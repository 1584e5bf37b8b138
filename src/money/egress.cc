#include "money/egress.h"

namespace mohona {
namespace {

int parts(const Location& place) {
  return 1 + (place.region.empty() ? 0 : 1) + (place.zone.empty() ? 0 : 1);
}

}  // namespace

const EgressPrice* egress_price(const std::vector<EgressPrice>& prices, const Location& from,
                                const Location& to) {
  const EgressPrice* best = nullptr;
  std::pair<int, int> best_rank;
  for (const EgressPrice& price : prices) {
    if (!covers(price.from, from)) continue;
    const bool named = covers(price.to, to);
    if (!named && (price.to.cloud != internet || to.cloud == from.cloud)) continue;
    const int of_from = parts(price.from);
    const std::pair rank{of_from + (named ? parts(price.to) : 0), of_from};
    if (!best || rank > best_rank) best = &price, best_rank = rank;
  }
  return best;
}

}  // namespace mohona

#include "money/egress.h"

namespace mohona {
namespace {

bool holds_place(const Location& entry, const Location& place) {
  const auto same = [](const std::string& said, const std::string& asked) {
    return said.empty() || said == asked;
  };
  return entry.cloud == place.cloud && same(entry.region, place.region) &&
         same(entry.zone, place.zone);
}

int parts(const Location& place) {
  return 1 + (place.region.empty() ? 0 : 1) + (place.zone.empty() ? 0 : 1);
}

}  // namespace

const EgressPrice* egress_price(const std::vector<EgressPrice>& prices, const Location& from,
                                const Location& to) {
  const EgressPrice* best = nullptr;
  std::pair<int, int> best_rank;
  for (const EgressPrice& price : prices) {
    if (!holds_place(price.from, from)) continue;
    const bool named = holds_place(price.to, to);
    if (!named && (price.to.cloud != internet || to.cloud == from.cloud)) continue;
    const int of_from = parts(price.from);
    const std::pair rank{of_from + (named ? parts(price.to) : 0), of_from};
    if (!best || rank > best_rank) best = &price, best_rank = rank;
  }
  return best;
}

}  // namespace mohona

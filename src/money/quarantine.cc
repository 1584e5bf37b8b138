#include "money/quarantine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>

#include "base/wide.h"

namespace mohona {
namespace {

struct Verdict {
  std::string why;
  bool repeated = false;  // nothing is wrong, but it is there already
  bool good() const { return why.empty() && !repeated; }
};
using Verdicts = std::vector<Verdict>;

std::string day_of(const Origin& origin) { return format_timestamp(*origin.as_of).substr(0, 10); }

std::string where(const Origin& origin) { return fmt::format("{}:{}", origin.file, origin.line); }

Price first_price(const Listing& listing) { return listing.offer.tiers.front().price; }

bool overlap(const Window& a, const Window& b) { return a.from < b.to && b.from < a.to; }

// --- of each by itself --------------------------------------------------------------------------

std::string lacks(const Origin& origin) {
  if (origin.source.empty()) return "no source is named";
  if (!origin.as_of) return "nothing says of which day it is";
  return "";
}

std::string lacks(const Listing& listing) {
  const Offer& offer = listing.offer;
  if (offer.sku.empty()) return "it names no sku";
  if (std::string why = lacks(listing.origin); !why.empty()) return why;
  if (offer.tiers.empty()) return "no price is given";
  for (const Tier& tier : offer.tiers) {
    if (tier.price.nanos == 0) return "a price of 0 is none";
    if (tier.price.nanos < 0) return "a price cannot be below 0";
  }
  return "";
}

// --- twice --------------------------------------------------------------------------------------

std::string newer_is_known(const Origin& newer) {
  return fmt::format("{} has a newer price, of {}", where(newer), day_of(newer));
}

std::string contradicts(const Origin& other, Price price) {
  return fmt::format("{} says ${} of the same, as of the same day", where(other),
                     format_price(price));
}

// Of what stands for the same thing, by `alike` (the same time) and `same` (the same price).
template <class T, class Alike, class Same, class PriceOf>
void settle_twice(const std::vector<T>& all, std::vector<std::size_t> group, Verdicts& verdicts,
                  Alike alike, Same same, PriceOf price_of) {
  std::stable_sort(group.begin(), group.end(), [&](std::size_t a, std::size_t b) {
    return *all[a].origin.as_of > *all[b].origin.as_of;
  });
  std::vector<std::size_t> kept;
  for (const std::size_t one : group) {
    const auto found = std::find_if(kept.begin(), kept.end(),
                                    [&](std::size_t other) { return alike(all[one], all[other]); });
    if (found == kept.end()) {
      kept.push_back(one);
      continue;
    }
    const T &first = all[*found], &second = all[one];
    if (same(first, second)) {
      verdicts[one].repeated = true;
    } else if (*first.origin.as_of > *second.origin.as_of) {
      verdicts[one].why = newer_is_known(first.origin);
    } else {
      verdicts[one].why = contradicts(first.origin, price_of(first));
      if (verdicts[*found].why.empty()) {
        verdicts[*found].why = contradicts(second.origin, price_of(second));
      }
    }
  }
}

void note_twice(const std::vector<Listing>& all, Verdicts& verdicts) {
  std::map<std::tuple<std::string, Location, bool>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Offer& offer = all[i].offer;
    if (verdicts[i].good()) groups[{offer.sku, offer.place, offer.dynamic}].push_back(i);
  }
  for (const auto& [key, group] : groups) {
    if (group.size() < 2) continue;
    settle_twice(
        all, group, verdicts,
        [](const Listing& a, const Listing& b) { return overlap(a.offer.valid, b.offer.valid); },
        [](const Listing& a, const Listing& b) { return a.offer.tiers == b.offer.tiers; },
        first_price);
  }
}

// --- far from its neighbours --------------------------------------------------------------------

// A way in which listings are alike: those of one key are neighbours, and their prices are compared
// by so many thousandths of something.
struct Likeness {
  std::string key;
  std::int64_t milli = 1'000;
  const char* each = "";  // "$2.00 a core"
  std::string others;     // "others with 8 h100"
};

std::optional<Likeness> same_gpus(const Listing& one) {
  if (one.gpu.empty()) return std::nullopt;
  const std::string what = fmt::format("{} {}", in_units(one.gpus_milli), one.gpu);
  return Likeness{what, 1'000, "", "others with " + what};
}

std::optional<Likeness> same_gpu(const Listing& one) {
  if (one.gpu.empty() || one.gpus_milli <= 0) return std::nullopt;
  return Likeness{one.gpu, one.gpus_milli, " an accelerator", "others with " + one.gpu};
}

std::optional<Likeness> same_family(const Listing& one) {
  const Offer& offer = one.offer;
  // Families are a cloud's own words. Without a size, machines of one differ a hundredfold.
  const bool cores = one.cpus_milli > 0;
  if (offer.family.empty() || (!cores && offer.size_milli == Offer{}.size_milli)) {
    return std::nullopt;
  }
  return Likeness{fmt::format("{}\n{}\n{}", offer.place.cloud, offer.family, cores),
                  cores ? one.cpus_milli : offer.size_milli,
                  cores ? " a core" : " a normalised unit", "others of family " + offer.family};
}

std::optional<Likeness> same_sku(const Listing& one) {
  return Likeness{fmt::format("{}\n{}", one.offer.place.cloud, one.offer.sku), 1'000, "",
                  "others of the same sku"};
}

// The nearest likeness first.
constexpr std::array likenesses = {same_gpus, same_gpu, same_family, same_sku};

struct Seen {
  Likeness by;
  Wide nanos = 0;
};

std::optional<Seen> seen_by(std::size_t way, const Listing& listing) {
  auto by = likenesses[way](listing);
  if (!by) return std::nullopt;
  by->key += fmt::format("\n{}\n{}", listing.offer.unit, listing.offer.dynamic);
  const Wide nanos = Wide{first_price(listing).nanos} * 1'000 / by->milli;
  return Seen{std::move(*by), nanos};
}

// `sorted` has `own` among it, which does not count. Twice the median, so that it is whole.
Wide twice_median_of_others(const std::vector<Wide>& sorted, Wide own) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), own) - sorted.begin();
  const auto other = [&](std::ptrdiff_t i) {
    return sorted[static_cast<std::size_t>(i < at ? i : i + 1)];
  };
  const std::ptrdiff_t others = std::ssize(sorted) - 1;
  return other((others - 1) / 2) + other(others / 2);
}

std::string far_from(const Seen& seen, const std::vector<Wide>& sorted) {
  const Wide twice = twice_median_of_others(sorted, seen.nanos);
  const bool above = seen.nanos * 2 > twice * far_times;
  const bool below = seen.nanos * 2 * far_times < twice;
  if (!above && !below) return "";
  const auto dollars = [](Wide nanos) { return format_price({static_cast<std::int64_t>(nanos)}); };
  return fmt::format("${}{} is more than {} times {} the median, ${}, of {} {}",
                     dollars(seen.nanos), seen.by.each, far_times, above ? "above" : "below",
                     dollars(twice / 2), sorted.size() - 1, seen.by.others);
}

void note_far(const std::vector<Listing>& all, Verdicts& verdicts) {
  std::array<std::map<std::string, std::vector<Wide>>, likenesses.size()> groups;
  for (std::size_t way = 0; way < groups.size(); ++way) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!verdicts[i].good()) continue;
      if (const auto seen = seen_by(way, all[i])) groups[way][seen->by.key].push_back(seen->nanos);
    }
    for (auto& [key, prices] : groups[way]) std::sort(prices.begin(), prices.end());
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!verdicts[i].good()) continue;
    for (std::size_t way = 0; way < groups.size(); ++way) {
      const auto seen = seen_by(way, all[i]);
      if (!seen) continue;
      const std::vector<Wide>& prices = groups[way].at(seen->by.key);
      if (prices.size() <= neighbours_min) continue;
      verdicts[i].why = far_from(*seen, prices);
      break;
    }
  }
}

// --- spot ---------------------------------------------------------------------------------------

void note_spot_above(const std::vector<Listing>& all, Verdicts& verdicts) {
  std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> on_demand;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Offer& offer = all[i].offer;
    if (verdicts[i].good() && !offer.dynamic) {
      on_demand[{offer.place.cloud, offer.sku}].push_back(i);
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Offer& spot = all[i].offer;
    if (!verdicts[i].good() || !spot.dynamic) continue;
    const auto found = on_demand.find({spot.place.cloud, on_demand_sku(spot.sku)});
    if (found == on_demand.end()) continue;
    const Listing* same = nullptr;
    for (const std::size_t other : found->second) {
      const Offer& offer = all[other].offer;
      if (!covers(offer.place, spot.place) || !overlap(offer.valid, spot.valid)) continue;
      const auto exactness = [](const Location& place) {
        return std::pair(!place.zone.empty(), !place.region.empty());
      };
      if (!same || exactness(offer.place) > exactness(same->offer.place)) same = &all[other];
    }
    if (!same || first_price(all[i]) <= first_price(*same)) continue;
    verdicts[i].why = fmt::format("spot at ${} costs more than on demand at ${} ({})",
                                  format_price(first_price(all[i])),
                                  format_price(first_price(*same)), where(same->origin));
  }
}

// --- egress -------------------------------------------------------------------------------------

void check_egress(const std::vector<EgressPrice>& all, CheckedPrices& out) {
  Verdicts verdicts(all.size());
  std::map<std::pair<Location, Location>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < all.size(); ++i) {
    verdicts[i].why = lacks(all[i].origin);
    if (verdicts[i].good()) groups[{all[i].from, all[i].to}].push_back(i);
  }
  for (const auto& [key, group] : groups) {
    settle_twice(
        all, group, verdicts, [](const auto&, const auto&) { return true; },
        [](const EgressPrice& a, const EgressPrice& b) { return a.per_gb == b.per_gb; },
        [](const EgressPrice& one) { return one.per_gb; });
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!verdicts[i].why.empty()) {
      out.quarantined_egress.push_back({all[i], verdicts[i].why});
    } else if (!verdicts[i].repeated) {
      out.accepted.egress.push_back(all[i]);
    }
  }
}

}  // namespace

CheckedPrices check_prices(const PriceList& prices) {
  const std::vector<Listing>& all = prices.listings;
  Verdicts verdicts(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) verdicts[i].why = lacks(all[i]);
  note_twice(all, verdicts);
  note_far(all, verdicts);
  note_spot_above(all, verdicts);
  CheckedPrices out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!verdicts[i].why.empty()) {
      out.quarantined.push_back({all[i], verdicts[i].why});
    } else if (!verdicts[i].repeated) {
      out.accepted.listings.push_back(all[i]);
    }
  }
  check_egress(prices.egress, out);
  return out;
}

}  // namespace mohona

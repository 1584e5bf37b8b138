// A contracts file's offers: what a sku costs at a place, without a promise.
#include <fmt/format.h>

#include "base/text.h"
#include "spec/contracts_draft.h"

namespace mohona {
namespace {

constexpr std::int64_t unit_hours_max = 1'000'000'000;

struct OfferDraft {
  Offer& offer;
  Problems& problems;
};

void read_size(const SpecNode& node, OfferDraft& draft) {
  const auto milli = parse_scaled(node.text, 1'000);
  if (node.is_scalar() && milli && *milli > 0) {
    draft.offer.size_milli = *milli;
  } else {
    wrong(node, "expected normalised units, such as 4 for large or 0.25 for nano", draft.problems);
  }
}

void read_tiers(const SpecNode& node, OfferDraft& draft) {
  constexpr std::string_view expected = "[{over: 0, price: 0.10}, {over: 1000, price: 0.08}]";
  if (!is_list(node, expected, draft.problems)) return;
  for (const SpecNode& item : node.children) {
    Tier tier;
    const SpecNode *over = item.find("over"), *price = item.find("price");
    if (!over || !price ||
        !read_whole(*over, {0, unit_hours_max}, tier.over_unit_hours, draft.problems) ||
        !read_price(*price, tier.price, draft.problems)) {
      draft.problems.add(item.place, "this is no tier", fmt::format("expected {}", expected));
      return;
    }
    const auto& tiers = draft.offer.tiers;
    if (tiers.empty() ? tier.over_unit_hours != 0
                      : tier.over_unit_hours <= tiers.back().over_unit_hours) {
      draft.problems.add(over->place, "tiers begin at 0 and go up",
                         fmt::format("expected {}", expected));
      return;
    }
    draft.offer.tiers.push_back(tier);
  }
}

constexpr std::array<Key<OfferDraft>, 12> offer_keys = {{
    {"sku", [](const SpecNode& n, OfferDraft& d) { read_text(n, d.offer.sku, d.problems); }},
    {"cloud",
     [](const SpecNode& n, OfferDraft& d) { read_cloud(n, d.offer.place.cloud, d.problems); }},
    {"region",
     [](const SpecNode& n, OfferDraft& d) { read_text(n, d.offer.place.region, d.problems); }},
    {"zone",
     [](const SpecNode& n, OfferDraft& d) { read_text(n, d.offer.place.zone, d.problems); }},
    {"family", [](const SpecNode& n, OfferDraft& d) { read_text(n, d.offer.family, d.problems); }},
    {"size", read_size},
    {"unit", [](const SpecNode& n, OfferDraft& d) { read_text(n, d.offer.unit, d.problems); }},
    {"price",
     [](const SpecNode& n, OfferDraft& d) {
       Price price;
       if (read_price(n, price, d.problems)) d.offer.tiers = {{0, price}};
     }},
    {"tiers", read_tiers},
    {"from", [](const SpecNode& n,
                OfferDraft& d) { read_local(n, Duration{0}, d.offer.valid.from, d.problems); }},
    {"to", [](const SpecNode& n,
              OfferDraft& d) { read_local(n, Duration{0}, d.offer.valid.to, d.problems); }},
    {"spot", [](const SpecNode& n, OfferDraft& d) { read_flag(n, d.offer.dynamic, d.problems); }},
}};

}  // namespace

bool read_offer_key(const SpecNode& node, Offer& out, Problems& problems) {
  OfferDraft draft{out, problems};
  for (const auto& key : offer_keys) {
    if (key.name != node.key) continue;
    key.read(node, draft);
    return true;
  }
  return false;
}

const std::vector<std::string_view>& offer_key_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> out;
    for (const auto& key : offer_keys) out.push_back(key.name);
    return out;
  }();
  return names;
}

void check_offer(const SpecNode& item, Offer& offer, Problems& problems) {
  require(item, "offer", {"sku", "cloud"}, problems);
  if (!item.find("price") == !item.find("tiers")) {
    problems.add(item.place, "this offer needs a 'price' or 'tiers'", "expected one of the two");
  }
  if (offer.tiers.empty()) offer.tiers = {{}};
}

void read_offers(const SpecNode& node, Contracts& contracts, Problems& problems) {
  read_items(node, "a list of offers", offers_max, problems, [&](const SpecNode& item) {
    Offer offer;
    offer.unit = "instance";
    OfferDraft draft{offer, problems};
    read_keys(item, offer_keys, {}, draft, problems);
    check_offer(item, offer, problems);
    contracts.offers.push_back(std::move(offer));
  });
}

}  // namespace mohona

// Prices as a price file: what parse_price_file reads.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "spec/price_file.h"

namespace mohona {
namespace {

// As it is where anyone who reads YAML takes it for a text, else in quotes, whose escapes are also
// those of JSON.
std::string scalar(const std::string& text) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr std::string_view others = "0123456789._/-";
  constexpr std::array<std::string_view, 7> not_texts = {"null", "true", "false", "yes",
                                                         "no",   "on",   "off"};
  const bool plain = !text.empty() && letters.find(text.front()) != letters.npos &&
                     std::all_of(text.begin(), text.end(), [&](char c) {
                       return letters.find(c) != letters.npos || others.find(c) != others.npos;
                     });
  if (plain && std::count(not_texts.begin(), not_texts.end(), lower(text)) == 0) return text;
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string day_or_instant(Timestamp at) {
  const std::string text = format_timestamp(at);
  return text.ends_with("T00:00:00Z") ? text.substr(0, 10) : text;
}

using Parts = std::vector<std::string>;

void add_text(Parts& parts, const char* key, const std::string& text) {
  if (!text.empty()) parts.push_back(fmt::format("{}: {}", key, scalar(text)));
}

// What differs from the head.
void add_origin(Parts& parts, const Origin& origin, const Origin& head) {
  if (origin.as_of && origin.as_of != head.as_of) {
    parts.push_back("as_of: " + day_or_instant(*origin.as_of));
  }
  if (origin.source != head.source) add_text(parts, "source", origin.source);
}

void add_price(Parts& parts, const Offer& offer) {
  if (offer.tiers.size() == 1) {
    parts.push_back("price: " + format_price(offer.tiers.front().price));
    return;
  }
  Parts tiers;
  for (const Tier& tier : offer.tiers) {
    tiers.push_back(
        fmt::format("{{over: {}, price: {}}}", tier.over_unit_hours, format_price(tier.price)));
  }
  parts.push_back(fmt::format("tiers: [{}]", fmt::join(tiers, ", ")));
}

std::string item_of(const Listing& listing, const Origin& head) {
  const Offer& offer = listing.offer;
  Parts parts;
  add_text(parts, "sku", offer.sku);
  add_text(parts, "family", offer.family);
  add_text(parts, "cloud", offer.place.cloud);
  add_text(parts, "region", offer.place.region);
  add_text(parts, "zone", offer.place.zone);
  if (!listing.gpu.empty()) {
    parts.push_back(fmt::format("accelerators: {}:{}", listing.gpu, in_units(listing.gpus_milli)));
  }
  if (listing.cpus_milli > 0) parts.push_back("cpus: " + in_units(listing.cpus_milli));
  if (listing.memory_mib > 0) parts.push_back(fmt::format("memory: {}MB", listing.memory_mib));
  if (offer.size_milli != Offer{}.size_milli) {
    parts.push_back("size: " + in_units(offer.size_milli));
  }
  if (offer.unit != "instance") add_text(parts, "unit", offer.unit);
  add_price(parts, offer);
  if (offer.dynamic) parts.emplace_back("spot: true");
  if (offer.valid.from != Timestamp::min()) {
    parts.push_back("from: " + scalar(format_timestamp(offer.valid.from)));
  }
  if (offer.valid.to != Timestamp::max()) {
    parts.push_back("to: " + scalar(format_timestamp(offer.valid.to)));
  }
  add_origin(parts, listing.origin, head);
  return fmt::format("- {{{}}}\n", fmt::join(parts, ", "));
}

std::string item_of(const EgressPrice& price, const Origin& head) {
  Parts parts = {"from: " + scalar(to_string(price.from)), "to: " + scalar(to_string(price.to)),
                 "per_gb: " + format_price(price.per_gb)};
  add_origin(parts, price.origin, head);
  return fmt::format("- {{{}}}\n", fmt::join(parts, ", "));
}

// What every price says; nothing of what they differ in, or some lack.
Origin common_origin(const PriceList& prices) {
  std::optional<Origin> out;
  const auto take = [&](const Origin& origin) {
    if (!out) out = origin;
    if (out->source != origin.source) out->source.clear();
    if (out->as_of != origin.as_of) out->as_of.reset();
  };
  for (const Listing& listing : prices.listings) take(listing.origin);
  for (const EgressPrice& price : prices.egress) take(price.origin);
  return out.value_or(Origin{});
}

}  // namespace

std::string price_file_text(const PriceList& prices) {
  const Origin head = common_origin(prices);
  Parts parts;
  add_origin(parts, head, {});
  parts.emplace_back("currency: USD");
  std::string out = fmt::format("prices: {{{}}}\n", fmt::join(parts, ", "));
  if (!prices.listings.empty()) out += "offers:\n";
  for (const Listing& listing : prices.listings) out += item_of(listing, head);
  if (!prices.egress.empty()) out += "egress:\n";
  for (const EgressPrice& price : prices.egress) out += item_of(price, head);
  return out;
}

}  // namespace mohona

// What price files say: offers and egress, each with where its price is from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/contract.h"

namespace mohona {

// An offer with what it is of, by which it is compared with others.
struct Listing {
  Offer offer;      // no tiers: the file says no price
  std::string gpu;  // in lower case; empty: it has none
  std::int64_t gpus_milli = 0;
  std::int64_t cpus_milli = 0;  // 0: not said
  std::int64_t memory_mib = 0;
  Origin origin;
  friend bool operator==(const Listing&, const Listing&) = default;
};

struct PriceList {
  std::vector<Listing> listings;
  std::vector<EgressPrice> egress;
  friend bool operator==(const PriceList&, const PriceList&) = default;
};

// Thousandths as a number: "8", "7.5", "0.125".
inline std::string in_units(std::int64_t milli) {
  std::string text = format_price({milli * 1'000'000});
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

// Of a spot offer as of the machine on demand: what stands before "/spot".
constexpr const char* spot_ending = "/spot";
inline std::string on_demand_sku(const std::string& sku) {
  return sku.ends_with(spot_ending) ? sku.substr(0, sku.size() - 5) : sku;
}

}  // namespace mohona

#include "app/prices.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/complain.h"
#include "app/terminal.h"
#include "base/file.h"
#include "base/text.h"
#include "spec/price_file.h"
#include "spec/skypilot_catalogue.h"

namespace mohona {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* about =
    R"(What each file says is checked: a price without a source or a day, of 0, said twice and differently, far
from the prices of what is like it, or of spot above on demand is set aside, with the reason. Fleet and
contracts files take the others: prices: [data/list-prices.yaml].

Examples:
  mohona prices data/list-prices.yaml
  mohona prices data/list-prices.yaml --gpu H100:8
  mohona prices aws/vms.csv --as-of 2026-11-01 --source "skypilot-catalog v8 @e385a0d" --gpu H200
  mohona prices aws/vms.csv --as-of 2026-11-01 --source … --sku p5.48xlarge --format yaml > p5.yaml

A CSV file is a catalogue of SkyPilot's: InstanceType, AcceleratorName, AcceleratorCount, vCPUs, MemoryGiB,
Price, SpotPrice, Region, AvailabilityZone. Its cloud is --cloud, or else what the path says: aws/vms.csv and
aws.csv are aws. It has neither day nor source, so say them. Google's machines with accelerators stand in it
without the price of these, which have rows of their own and are set aside.)";

bool is_table(const std::string& path) { return path.ends_with(".csv"); }

Result<PriceList> read_price_list(const std::string& path, const PricesAsked& asked) {
  auto text = read_file(path);
  if (!text) return fail(text.error());
  const Source source{path, std::move(*text), "/"};
  if (!is_table(path)) return parse_price_file(source);
  const std::string cloud = asked.cloud.empty() ? cloud_of_catalogue(path) : asked.cloud;
  if (cloud.empty()) {
    return fail(Code::invalid, path + ": nothing says of which cloud it is; say --cloud");
  }
  Origin origin{asked.source, std::nullopt, "", 0};
  if (!asked.as_of.empty()) {
    const auto day = parse_timestamp(asked.as_of);
    if (!day) return fail(day.error());
    origin.as_of = *day;
  }
  return parse_skypilot_catalogue(source, cloud, origin);
}

std::string gpus_of(const Listing& listing) {
  if (listing.gpu.empty()) return "";
  return fmt::format("{}:{}", listing.gpu, in_units(listing.gpus_milli));
}

bool is_asked(const Listing& listing, const PricesAsked& asked) {
  const std::string gpu = lower(asked.gpu);
  return (gpu.empty() || listing.gpu == gpu || gpus_of(listing) == gpu) &&
         (asked.sku.empty() || on_demand_sku(listing.offer.sku) == on_demand_sku(asked.sku)) &&
         (asked.region.empty() || listing.offer.place.region == asked.region);
}

// Egress has places only.
bool is_asked(const EgressPrice& price, const PricesAsked& asked) {
  return asked.gpu.empty() && asked.sku.empty() &&
         (asked.region.empty() || price.from.region == asked.region ||
          price.to.region == asked.region);
}

// --- JSON ---------------------------------------------------------------------------------------

Json origin_json(const Origin& origin) {
  return {{"source", origin.source},
          {"as_of", origin.as_of ? Json(format_timestamp(*origin.as_of)) : Json(nullptr)},
          {"file", origin.file},
          {"line", origin.line}};
}

Json json_of(const Listing& listing) {
  const Offer& offer = listing.offer;
  Json tiers = Json::array();
  for (const Tier& tier : offer.tiers) {
    tiers.push_back(
        {{"over_unit_hours", tier.over_unit_hours}, {"price", format_price(tier.price)}});
  }
  return {{"sku", offer.sku},
          {"cloud", offer.place.cloud},
          {"region", offer.place.region},
          {"zone", offer.place.zone},
          {"family", offer.family},
          {"unit", offer.unit},
          {"spot", offer.dynamic},
          {"accelerators", gpus_of(listing)},
          {"cpus_milli", listing.cpus_milli},
          {"memory_mib", listing.memory_mib},
          {"tiers", std::move(tiers)},
          {"origin", origin_json(listing.origin)}};
}

Json json_of(const EgressPrice& price) {
  return {{"from", to_string(price.from)},
          {"to", to_string(price.to)},
          {"per_gb", format_price(price.per_gb)},
          {"origin", origin_json(price.origin)}};
}

Json json_of(const CheckedPrices& prices) {
  Json out = {{"offers", Json::array()}, {"egress", Json::array()}, {"set_aside", Json::array()}};
  for (const Listing& one : prices.accepted.listings) out["offers"].push_back(json_of(one));
  for (const EgressPrice& one : prices.accepted.egress) out["egress"].push_back(json_of(one));
  for (const Quarantined& one : prices.quarantined) {
    out["set_aside"].push_back({{"why", one.why}, {"offer", json_of(one.listing)}});
  }
  for (const QuarantinedEgress& one : prices.quarantined_egress) {
    out["set_aside"].push_back({{"why", one.why}, {"egress", json_of(one.price)}});
  }
  return out;
}

// --- tables -------------------------------------------------------------------------------------

std::string price_text(const Offer& offer) {
  if (offer.tiers.empty()) return "-";
  const std::string first = format_price(offer.tiers.front().price);
  if (offer.tiers.size() == 1) return first;
  return fmt::format("{} ({} tiers)", first, offer.tiers.size());
}

std::string provenance(const Origin& origin) {
  return fmt::format("{}, as of {}", origin.source,
                     origin.as_of ? format_timestamp(*origin.as_of).substr(0, 10) : "no day");
}

// What one source says of one day stands together, in the order of the files.
template <class T>
std::vector<std::pair<std::string, std::vector<const T*>>> by_provenance(
    const std::vector<T>& all) {
  std::vector<std::pair<std::string, std::vector<const T*>>> out;
  std::map<std::string, std::size_t> known;
  for (const T& one : all) {
    const std::string heading = provenance(one.origin);
    const auto [at, is_new] = known.emplace(heading, out.size());
    if (is_new) out.push_back({heading, {}});
    out[at->second].second.push_back(&one);
  }
  return out;
}

void print_offers(const std::vector<Listing>& listings) {
  constexpr const char* row = "  {:<32} {:<34} {:<16} {:>16}\n";
  for (const auto& [heading, group] : by_provenance(listings)) {
    fmt::print("{}\n", printable(heading));
    fmt::print(row, "SKU", "PLACE", "ACCELERATORS", "DOLLARS AN HOUR");
    for (const Listing* one : group) {
      fmt::print(row, printable(one->offer.sku), printable(to_string(one->offer.place)),
                 gpus_of(*one), price_text(one->offer));
    }
    fmt::print("\n");
  }
}

void print_egress(const std::vector<EgressPrice>& prices) {
  constexpr const char* row = "  {:<34} {:<34} {:>13}\n";
  for (const auto& [heading, group] : by_provenance(prices)) {
    fmt::print("{}\n", printable(heading));
    fmt::print(row, "FROM", "TO", "DOLLARS A GB");
    for (const EgressPrice* one : group) {
      fmt::print(row, printable(to_string(one->from)), printable(to_string(one->to)),
                 format_price(one->per_gb));
    }
    fmt::print("\n");
  }
}

void print_set_aside(const CheckedPrices& prices) {
  const std::size_t count = prices.quarantined.size() + prices.quarantined_egress.size();
  fmt::print("{} {} set aside{}\n", count, count == 1 ? "price is" : "prices are",
             count == 0 ? "" : ":");
  for (const Quarantined& one : prices.quarantined) {
    const Offer& offer = one.listing.offer;
    fmt::print("  {}:{}: {} in {} at {}: {}\n", printable(one.listing.origin.file),
               one.listing.origin.line,
               offer.sku.empty() ? gpus_of(one.listing) : printable(offer.sku),
               printable(to_string(offer.place)), price_text(offer), one.why);
  }
  for (const QuarantinedEgress& one : prices.quarantined_egress) {
    fmt::print("  {}:{}: a GB from {} to {} at {}: {}\n", printable(one.price.origin.file),
               one.price.origin.line, printable(to_string(one.price.from)),
               printable(to_string(one.price.to)), format_price(one.price.per_gb), one.why);
  }
}

int print_file(const CheckedPrices& prices) {
  const std::string text = price_file_text(prices.accepted);
  // What would not be read back is no import.
  if (const auto again = parse_price_file({"the price file", text, "/"}); !again) {
    return complain({Code::invalid,
                     "these are more prices than a price file holds; take fewer, with --gpu, --sku "
                     "or --region: " +
                         again.error().message.substr(0, again.error().message.find('\n'))});
  }
  fmt::print("{}", text);
  const std::size_t count = prices.quarantined.size() + prices.quarantined_egress.size();
  if (count > 0) {
    fmt::print(stderr, "mohona: {} {} set aside; without --format yaml it is shown why\n", count,
               count == 1 ? "price is" : "prices are");
  }
  return exit_ok;
}

int show_prices(const PricesAsked& asked, const std::string& format, bool json) {
  const auto prices = checked_prices(asked);
  if (!prices) return complain(prices.error());
  if (json) {
    fmt::print("{}\n", json_line(json_of(*prices)));
    return exit_ok;
  }
  if (format == "yaml") return print_file(*prices);
  print_offers(prices->accepted.listings);
  print_egress(prices->accepted.egress);
  print_set_aside(*prices);
  return exit_ok;
}

}  // namespace

Result<CheckedPrices> checked_prices(const PricesAsked& asked) {
  const bool of_tables = !asked.cloud.empty() || !asked.as_of.empty() || !asked.source.empty();
  if (of_tables && std::none_of(asked.files.begin(), asked.files.end(), is_table)) {
    return fail(Code::invalid,
                "--cloud, --as-of and --source are for CSV files; a price file says them itself");
  }
  PriceList all;
  for (const std::string& path : asked.files) {
    auto more = read_price_list(path, asked);
    if (!more) return fail(more.error());
    std::move(more->listings.begin(), more->listings.end(), std::back_inserter(all.listings));
    std::move(more->egress.begin(), more->egress.end(), std::back_inserter(all.egress));
  }
  // Checked before they are chosen: what is not shown is a neighbour all the same.
  CheckedPrices out = check_prices(all);
  std::erase_if(out.accepted.listings, [&](const auto& one) { return !is_asked(one, asked); });
  std::erase_if(out.accepted.egress, [&](const auto& one) { return !is_asked(one, asked); });
  std::erase_if(out.quarantined, [&](const auto& one) { return !is_asked(one.listing, asked); });
  std::erase_if(out.quarantined_egress,
                [&](const auto& one) { return !is_asked(one.price, asked); });
  return out;
}

void add_prices(CLI::App& app, int& status) {
  struct Options {
    PricesAsked asked;
    std::string format = "table";
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* sub =
      app.add_subcommand("prices", "What price files say, and what of it is set aside and why");
  sub->footer(about);
  sub->add_option("FILE", o->asked.files, "Price files (YAML) and SkyPilot catalogues (CSV)")
      ->required();
  sub->add_option("--cloud", o->asked.cloud, "Of CSV files; their path's if not said");
  sub->add_option("--as-of", o->asked.as_of, "Of CSV files: the day of their prices");
  sub->add_option("--source", o->asked.source, "Of CSV files: who says so");
  sub->add_option("--gpu", o->asked.gpu, "Only machines with these: H100, or H100:8");
  sub->add_option("--sku", o->asked.sku, "Only this one, on demand and spot");
  sub->add_option("--region", o->asked.region, "Only in this region");
  sub->add_option("--format", o->format, "yaml: as a price file, without what is set aside")
      ->check(CLI::IsMember({"table", "yaml"}))
      ->capture_default_str();
  sub->add_flag("--json", o->json, "Print JSON for scripts");
  sub->callback([o, &status] { status = show_prices(o->asked, o->format, o->json); });
}

}  // namespace mohona

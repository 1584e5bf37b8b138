#include "spec/price_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "money/egress.h"
#include "money/quarantine.h"
#include "spec/assumptions_file.h"
#include "spec/contracts_file.h"
#include "spec/fleet_file.h"
#include "spec/test_files.h"

namespace mohona {
namespace {

using namespace std::chrono;

PriceList parsed(const std::string& text) {
  const auto prices = parse_price_file({"list.yaml", text, "/"});
  EXPECT_TRUE(prices) << prices.error().message;
  return prices ? *prices : PriceList{};
}

const Timestamp july = sys_days(2026y / July / 20), june = sys_days(2026y / June / 1);

TEST(PriceFile, HoldsOffersWithWhatTheyAreOfAndWhoSaysSo) {
  const PriceList prices = parsed(R"(
offers:
- {sku: p5.48xlarge, family: p5, size: 384, cloud: aws, region: us-east-1, accelerators: H100:8, cpus: 192, memory: 2TB, price: 55.04}
- {sku: s/spot, cloud: aws, zone: z, price: 1, spot: true, as_of: 2026-06-01, source: somebody}
- {sku: slice, cloud: gcp, accelerators: H100:0.5, price: 3, to: 2026-12-01}
prices: {as_of: 2026-07-20, source: "the price list, page 3", currency: USD}
)");
  const Listing p5{.offer = {.sku = "p5.48xlarge",
                             .place = {"aws", "us-east-1", ""},
                             .family = "p5",
                             .size_milli = 384'000,
                             .unit = "instance",
                             .tiers = {{0, {55'040'000'000}}}},
                   .gpu = "h100",
                   .gpus_milli = 8'000,
                   .cpus_milli = 192'000,
                   .memory_mib = 2 * 1'024 * 1'024,
                   .origin = {"the price list, page 3", july, "list.yaml", 3}};
  const Listing spot{.offer = {.sku = "s/spot",
                               .place = {"aws", "", "z"},
                               .unit = "instance",
                               .tiers = {{0, {1'000'000'000}}},
                               .dynamic = true},
                     .origin = {"somebody", june, "list.yaml", 4}};
  ASSERT_EQ(prices.listings.size(), 3u);
  EXPECT_EQ(prices.listings[0], p5);
  EXPECT_EQ(prices.listings[1], spot);
  EXPECT_EQ(prices.listings[2].gpus_milli, 500);
  EXPECT_EQ(prices.listings[2].offer.valid.to, Timestamp(sys_days(2026y / December / 1)));
}

TEST(PriceFile, HoldsEgress) {
  const PriceList prices = parsed(R"(
prices: {as_of: 2026-07-20, source: list, currency: USD}
egress:
- {from: aws/us-east-1, to: internet, per_gb: 0.09}
- {from: aws/us-east-1/a, to: gcp, per_gb: 0, source: other}
)");
  EXPECT_EQ(
      prices.egress,
      (std::vector<EgressPrice>{
          {{"aws", "us-east-1", ""},
           {"internet", "", ""},
           {90'000'000},
           {"list", july, "list.yaml", 4}},
          {{"aws", "us-east-1", "a"}, {"gcp", "", ""}, {0}, {"other", july, "list.yaml", 5}}}));
}

// Without them nothing is wrong with the file, and all of it is set aside.
TEST(PriceFile, MayLackADayAndASource) {
  const PriceList prices =
      parsed("prices: {currency: USD}\noffers: [{sku: a, cloud: aws, price: 1}]\n");
  EXPECT_EQ(prices.listings.at(0).origin, (Origin{"", std::nullopt, "list.yaml", 2}));
  EXPECT_EQ(check_prices(prices).quarantined.at(0).why, "no source is named");
}

TEST(PriceFile, IsWrittenAsItIsRead) {
  PriceList prices = parsed(R"(
prices: {as_of: 2026-07-20, source: "a: list # with \"signs\"", currency: USD}
offers:
- {sku: p5.48xlarge, family: p5, size: 0.25, cloud: aws, region: us-east-1, accelerators: H100:8, cpus: 7.5, memory: 512MB, price: 0.00001275}
- {sku: gb, cloud: gcp, unit: GB, tiers: [{over: 0, price: 0.1}, {over: 9, price: 0.05}]}
- {sku: "null", cloud: aws, zone: "1", price: 1, spot: true, as_of: "2026-06-01T12:00:00Z", source: other}
- {sku: slice, cloud: gcp, accelerators: H100:0.5, price: 3, from: 2026-01-01, to: 2026-12-01}
egress:
- {from: aws/us-east-1, to: internet, per_gb: 0.09}
- {from: aws, to: gcp, per_gb: 0.02, as_of: 2026-06-01}
)");
  const std::string text = price_file_text(prices);
  PriceList again = parsed(text);
  for (PriceList* list : {&prices, &again}) {
    for (Listing& one : list->listings) one.origin.line = 0;
    for (EgressPrice& one : list->egress) one.origin.line = 0;
  }
  EXPECT_EQ(again, prices) << text;
}

TEST(PriceFile, WhatAllSayStandsOnceInItsHead) {
  EXPECT_EQ(price_file_text(parsed(R"(
prices: {as_of: 2026-07-20, source: the list, currency: USD}
offers:
- {sku: a, cloud: aws, price: 1.50}
- {sku: b, cloud: aws, price: 2, as_of: 2026-06-01}
)")),
            R"(prices: {source: "the list", currency: USD}
offers:
- {sku: a, cloud: aws, price: 1.50, as_of: 2026-07-20}
- {sku: b, cloud: aws, price: 2.00, as_of: 2026-06-01}
)");
}

// The prices that come with the project are facts with a source, and nothing is wrong with them.
TEST(PriceFile, TheListThatIsShippedIsAccepted) {
  const std::string path = tests_directory() / "../data/list-prices.yaml";
  const auto prices = parse_price_file({"list-prices.yaml", read_file(path), "/"});
  ASSERT_TRUE(prices) << prices.error().message;
  const CheckedPrices checked = check_prices(*prices);
  for (const Quarantined& one : checked.quarantined) {
    ADD_FAILURE() << one.listing.offer.sku << ": " << one.why;
  }
  EXPECT_TRUE(checked.quarantined_egress.empty());
  EXPECT_EQ(checked.accepted.listings.size(), prices->listings.size());
  EXPECT_GE(checked.accepted.listings.size(), 60u);
  const EgressPrice* egress =
      egress_price(checked.accepted.egress, {"aws", "us-east-1", "a"}, {"azure", "eastus", ""});
  ASSERT_TRUE(egress);
  EXPECT_EQ(egress->per_gb, Price{90'000'000});
}

TEST(PriceFile, TheExampleOfTheDocumentsIsOne) {
  const PriceList prices = parsed(documented_example("money.md", "prices: {"));
  EXPECT_EQ(prices.listings.size(), 2u);
  EXPECT_EQ(prices.egress.size(), 2u);
  EXPECT_TRUE(check_prices(prices).quarantined.empty());
}

// --- the key `prices` of other files ------------------------------------------------------------

// A folder with a price file, for those that name it.
class PricesKey : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "mohona-prices-" + std::to_string(getpid());
    std::filesystem::create_directories(folder_);
    write("list.yaml", R"(
prices: {as_of: 2026-07-20, source: list, currency: USD}
offers:
- {sku: a, cloud: aws, region: east, price: 10}
- {sku: a, cloud: aws, region: west, price: 11}
- {sku: b, cloud: aws, price: 0}
)");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  Result<Contracts> contracts(const std::string& text) {
    return parse_contracts_file({"c.yaml", text, folder_});
  }
  std::string folder_;
};

std::vector<std::string> offers_of(const Contracts& contracts) {
  std::vector<std::string> out;
  for (const Offer& offer : contracts.offers) {
    out.push_back(fmt::format("{} {} {}", offer.sku, to_string(offer.place),
                              format_price(offer.tiers.at(0).price)));
  }
  return out;
}

TEST_F(PricesKey, AddsWhatTheFileDoesNotSayItself) {
  const auto read = contracts(
      "prices: list.yaml\noffers: [{sku: a, cloud: aws, region: east, price: 9}]\ncontracts: []\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(offers_of(*read), (std::vector<std::string>{"a aws/east 9.00", "a aws/west 11.00"}));
}

TEST_F(PricesKey, OfAFleetFileDoesTheSame) {
  const auto fleet = parse_fleet_file(
      {"f.yaml",
       "prices: [list.yaml]\npools: [{name: p, cloud: aws, shape: {cpus: 1}, nodes: 1}]\n",
       folder_});
  ASSERT_TRUE(fleet) << fleet.error().message;
  EXPECT_EQ(offers_of(fleet->contracts),
            (std::vector<std::string>{"a aws/east 10.00", "a aws/west 11.00"}));
}

TEST_F(PricesKey, OfAFileOfAssumptionsPricesItsDemand) {
  const auto read = parse_assumptions_file({"a.yaml", R"(prices: [list.yaml]
begin: 2026-01-01
years: 1
demand: [{name: d, sku: a, cloud: aws, region: west, units: 1}]
)",
                                            folder_});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->contracts.offers.size(), 2u);
}

TEST_F(PricesKey, SaysSoWhereAContractNeedsWhatIsSetAside) {
  const auto read = contracts(R"(prices: [list.yaml]
contracts:
- {name: aws, cloud: aws, reservations: [{name: odcr, sku: b, region: r, zone: z, instances: 1, from: 2026-01-01}]}
)");
  ASSERT_FALSE(read);
  EXPECT_EQ(
      read.error().message,
      "c.yaml:1:9: 'odcr' needs 'b', whose price in list.yaml:6 is set aside: a price of 0 is "
      "none\n"
      "  1 | prices: [list.yaml]\n"
      "    |         ^\n"
      "  expected an offer of it in this file, or a price file that is right\n");
}

TEST_F(PricesKey, ShowsTheFirstMistakeOfAPriceFile) {
  write("broken.yaml", "prices: {currency: EUR}\n");
  const auto read = contracts("prices: [broken.yaml]\ncontracts: []\n");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message,
            "c.yaml:1:10: broken.yaml:1:20: 'currency' cannot be 'EUR'\n"
            "  1 | prices: [broken.yaml]\n"
            "    |          ^~~~~~~~~~~\n"
            "  `mohona prices` with this file shows all that is wrong with it\n");
}

}  // namespace
}  // namespace mohona

#include "spec/skypilot_catalogue.h"

#include <gtest/gtest.h>

#include "money/quarantine.h"

namespace mohona {
namespace {

using namespace std::chrono;

const Origin said{"skypilot-catalog", Timestamp(sys_days(2026y / November / 1)), "", 0};

PriceList parsed(const std::string& text, const Origin& origin = said) {
  const auto prices = parse_skypilot_catalogue({"vms.csv", text, "/"}, "aws", origin);
  EXPECT_TRUE(prices) << prices.error().message;
  return prices ? *prices : PriceList{};
}

TEST(SkyPilotCatalogue, ARowIsAnOfferOnDemandAndOneOfSpot) {
  const PriceList prices = parsed(
      "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,"
      "Region,"
      "AvailabilityZone,Arch\n"
      "p5.48xlarge,H100,8.0,192.0,2048.0,\"{'Gpus': [{'Name': 'H100', 'Count': 8.0}]}\",55.04,"
      "14.246000,us-east-1,use1-az5,x86_64\n");
  const Listing on_demand{.offer = {.sku = "p5.48xlarge",
                                    .place = {"aws", "us-east-1", "use1-az5"},
                                    .family = "p5",
                                    .unit = "instance",
                                    .tiers = {{0, {55'040'000'000}}}},
                          .gpu = "h100",
                          .gpus_milli = 8'000,
                          .cpus_milli = 192'000,
                          .memory_mib = 2'048 * 1'024,
                          .origin = {said.source, said.as_of, "vms.csv", 2}};
  Listing spot = on_demand;
  spot.offer.sku = "p5.48xlarge/spot";
  spot.offer.tiers = {{0, {14'246'000'000}}};
  spot.offer.dynamic = true;
  EXPECT_EQ(prices.listings, (std::vector<Listing>{on_demand, spot}));
}

TEST(SkyPilotCatalogue, ColumnsMayStandInAnyOrderAndMayBeMissing) {
  const PriceList prices = parsed("Region,Price,InstanceType,vCPUs\r\neu,0.25,c.large,0.5\r\n");
  ASSERT_EQ(prices.listings.size(), 1u);
  EXPECT_EQ(prices.listings[0].offer.place, (Location{"aws", "eu", ""}));
  EXPECT_EQ(prices.listings[0].cpus_milli, 500);
  EXPECT_EQ(prices.listings[0].memory_mib, 0);
}

TEST(SkyPilotCatalogue, WhatItsFloatingPointWroteIsRoundedToNanoDollars) {
  const auto nanos = [](const std::string& price) {
    return parsed("InstanceType,Price,Region\na," + price + ",r\n")
        .listings.at(0)
        .offer.tiers.at(0)
        .price.nanos;
  };
  EXPECT_EQ(nanos("0.30000000000000004"), 300'000'000);
  EXPECT_EQ(nanos("0.0027999999999999995"), 2'800'000);
  EXPECT_EQ(nanos("0.0000000005"), 0);
  EXPECT_EQ(nanos("0.0000000015"), 2);
  EXPECT_EQ(nanos("-1"), -1'000'000'000);
  EXPECT_EQ(nanos("999999999"), 999'999'999'000'000'000);
}

// The traps of real ones: no price, a price of 0, accelerators apart from their machine.
TEST(SkyPilotCatalogue, WhatCannotBeAPriceIsSetAside) {
  const PriceList prices = parsed(
      "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,Region,Price,SpotPrice\n"
      "a,4.0,16.0,,,r,,\n"
      "Standard_ND96isr_H100_v5,96.0,1900.0,H100,8.0,r,0.0,\n"
      ",,,Gaudi HL-205,1.0,r,2.0,1.0\n"
      "b,4.0,16.0,,,r,1.0,1.5\n"
      "c,4.0,1.69921875,,,r,,0.5\n");
  std::vector<std::string> why;
  const CheckedPrices checked = check_prices(prices);
  for (const Quarantined& one : checked.quarantined) {
    why.push_back(fmt::format("{} {}", one.listing.origin.line, one.why));
  }
  EXPECT_EQ(why, (std::vector<std::string>{
                     "2 no price is given", "3 a price of 0 is none", "4 it names no sku",
                     "4 it names no sku",
                     "5 spot at $1.50 costs more than on demand at $1.00 (vms.csv:5)"}));
  EXPECT_EQ(prices.listings.at(2).gpu, "gaudi-hl-205");
  ASSERT_EQ(checked.accepted.listings.size(), 2u);
  EXPECT_EQ(checked.accepted.listings[1].offer.sku, "c/spot");
  EXPECT_EQ(checked.accepted.listings[1].memory_mib, 1'740);
}

TEST(SkyPilotCatalogue, WithoutASourceAndADayAllOfItIsSetAside) {
  const std::string text = "InstanceType,Price,Region\na,1,r\nb,2,r\n";
  EXPECT_EQ(check_prices(parsed(text, {})).quarantined.size(), 2u);
  EXPECT_EQ(check_prices(parsed(text)).quarantined.size(), 0u);
}

TEST(SkyPilotCatalogue, ItsPathNamesTheCloud) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"catalogs/v8/aws/vms.csv", "aws"},
      {"lambda.csv", "lambda"},
      {"/tmp/gcp.2024.csv", "gcp"},
      {"vms.csv", ""},
      {"a b.csv", ""},
      {"", ""},
  };
  for (const auto& [path, cloud] : table) EXPECT_EQ(cloud_of_catalogue(path), cloud) << path;
}

}  // namespace
}  // namespace mohona

// A bill's text to plain values, and what is said of a text that is none. All made up by hand.
#include "focus/import.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/text.h"
#include "focus/names.h"

namespace mohona {
namespace {

const std::string heading =
    "Tags,BilledCost,BillingAccountId,BillingCurrency,ChargeCategory,ChargeClass,ChargePeriodStart,"
    "ChargePeriodEnd,ContractedCost,EffectiveCost,ListCost,PricingQuantity,PricingUnit,"
    "ProviderName,SkuId,CommitmentDiscountId,CommitmentDiscountStatus,ConsumedQuantity,"
    "ConsumedUnit,SubAccountId\n";
const std::string row =
    "\"{\"\"team\"\": \"\"a,b\"\"}\",55.04,1234,USD,Usage,,2026-03-04T10:00:00Z,"
    "2026-03-04T11:00:00Z,55.04,5.504E+1,60,1,Hours,AWS,p5.48xlarge,NULL,,3600,Seconds,77\n";

Result<std::vector<FocusRow>> read(const std::string& text) {
  std::vector<FocusRow> rows;
  FocusReader reader("bill.csv", [&](const FocusRow& one) -> Result<void> {
    rows.push_back(one);
    return {};
  });
  std::size_t number = 0;
  std::vector<std::string_view> lines = split(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  for (const std::string_view line : lines) {
    if (auto ok = reader.line(++number, line); !ok) return fail(ok.error());
  }
  if (auto ok = reader.end(); !ok) return fail(ok.error());
  return rows;
}

// What is said when this stands in the row instead of that.
std::string wrong(const std::string& that, const std::string& with) {
  std::string text = heading + row;
  text.replace(text.find(that, heading.size()), that.size(), with);
  const auto rows = read(text);
  return rows ? "it is read" : rows.error().message;
}

TEST(Import, ARowBecomesValues) {
  const auto rows = read(heading + row);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 1u);
  FocusRow one;
  one.begin = *parse_timestamp("2026-03-04T10:00:00Z");
  one.end = *parse_timestamp("2026-03-04T11:00:00Z");
  one.cloud = "aws", one.provider = "AWS", one.account = "77", one.sku = "p5.48xlarge";
  one.quantity = BillQuantity{picos_per_unit};  // hours, not the seconds that were counted
  one.unit = "Hours";
  one.billed = one.effective = {attos_per_dollar / 100 * 5504};
  one.list = BillMoney{60 * attos_per_dollar};
  one.contracted = one.billed;
  EXPECT_EQ(rows->at(0), one);
}

TEST(Import, InstantsAsCloudsWriteThem) {
  for (const char* text : {"2026-03-04 10:00:00", "2026-03-04T10:00Z", "2026-03-04 10:00:00 UTC",
                           "2026-03-04T10:00:00.000Z", "2026-03-04T12:00:00+02:00"}) {
    std::string all = heading + row;
    all.replace(all.find("2026-03-04T10:00:00Z"), 20, text);
    const auto rows = read(all);
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->at(0).begin, *parse_timestamp("2026-03-04T10:00:00Z")) << text;
  }
}

TEST(Import, AFieldInQuotesGoesOverLinesAndAMarkBeginsTheFile) {
  std::string text = "\xEF\xBB\xBF" + heading + row;
  text.replace(text.find("a,b"), 3, "a\nb");
  const auto rows = read(text + "\n");
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->at(0).sku, "p5.48xlarge");
}

TEST(Import, AWrongCellIsToldWithLineAndColumn) {
  EXPECT_EQ(
      wrong("55.04,1234", "much,1234"),
      "bill.csv:2: BilledCost is 'much'; expected a number from -100000000000 to 100000000000");
  EXPECT_EQ(wrong("55.04,1234", "100000000000.01,1234"),
            "bill.csv:2: BilledCost is '100000000000.01'; expected a number from -100000000000 to "
            "100000000000");
  EXPECT_EQ(
      wrong("5.504E+1", ""),
      "bill.csv:2: EffectiveCost is ''; expected a number from -100000000000 to 100000000000");
  EXPECT_EQ(wrong("USD", "EUR"),
            "bill.csv:2: BillingCurrency is 'EUR'; expected USD: contracts are in US dollars only");
  EXPECT_EQ(wrong("Usage", "usage"),
            "bill.csv:2: ChargeCategory is 'usage'; expected Usage, Purchase, Tax, Credit or "
            "Adjustment");
  EXPECT_EQ(wrong("2026-03-04T11:00:00Z", "tomorrow"),
            "bill.csv:2: ChargePeriodEnd is 'tomorrow'; expected an instant, as "
            "2026-12-01T00:00:00Z");
  EXPECT_EQ(wrong("2026-03-04T11:00:00Z", "2026-03-04T09:00:00Z"),
            "bill.csv:2: ChargePeriodEnd is '2026-03-04T09:00:00Z'; expected an instant after "
            "ChargePeriodStart");
  EXPECT_EQ(wrong("60,1,", "60,one,"),
            "bill.csv:2: PricingQuantity is 'one'; expected a number from -1000000000000000 to "
            "1000000000000000");
  EXPECT_EQ(wrong("Usage,,", "Usage,Mistake,"),
            "bill.csv:2: ChargeClass is 'Mistake'; expected Correction or nothing");
  EXPECT_EQ(wrong("AWS,", ","), "bill.csv:2: ProviderName is ''; expected a name");
}

TEST(Import, ABrokenTableIsTold) {
  EXPECT_EQ(wrong(",77", ""), "bill.csv:2: 19 fields; the heading has 20");
  EXPECT_EQ(wrong("}\"", "}\"x"), "bill.csv:2: field 1 goes on after its quotes");
  EXPECT_EQ(wrong(",77", ",\"77"), "bill.csv:2: a field in quotes begins here and does not end");
  EXPECT_EQ(read("").error().message, "bill.csv: the file is empty");
  EXPECT_EQ(read("BilledCost,BillingAccountId,ChargeCategory,ChargeClass,ChargePeriodStart,"
                 "ChargePeriodEnd,ContractedCost,ListCost,PricingQuantity,PricingUnit,"
                 "ProviderName\n")
                .error()
                .message,
            "bill.csv:1: no column BillingCurrency, no column EffectiveCost");
  EXPECT_EQ(read("SkuId,SkuId\n").error().message, "bill.csv:1: there are two columns SkuId");
}

// Broken in any way, a bill is read or refused, and a refusal names the file.
TEST(Import, WhateverTheTextItIsReadOrRefused) {
  EXPECT_TRUE(rc::check([] {
    std::string text = heading + row + row;
    for (int i = 0, n = *rc::gen::inRange(1, 6); i < n; ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
      const auto length = *rc::gen::inRange<std::size_t>(0, 8);
      const auto with = *rc::gen::element<std::string>("", "\"", ",", "\n", "\r", "-", "9999999999",
                                                       "1e99", ".", "\xFF", "NULL", "Z", "\"\"");
      text.replace(at, length, with);
    }
    const auto rows = read(text);
    if (!rows) RC_ASSERT(rows.error().message.starts_with("bill.csv:"));
  }));
}

TEST(Import, CloudsHaveManyNames) {
  EXPECT_EQ(cloud_name("AWS"), "aws");
  EXPECT_EQ(cloud_name("Microsoft"), "azure");
  EXPECT_EQ(cloud_name("Google Cloud"), "gcp");
  EXPECT_EQ(cloud_name("Oracle"), "oci");
  EXPECT_EQ(cloud_name("CoreWeave"), "coreweave");
}

TEST(Import, NamesOfTheBillBecomeOurs) {
  BillNames names;
  names.ours[{BillNames::Of::sku, "XF6YS6EN"}] = "p5.48xlarge";
  names.ours[{BillNames::Of::cloud, "Hall 7"}] = "own";
  FocusRow one;
  one.sku = "XF6YS6EN", one.provider = "Hall 7", one.cloud = "hall 7", one.region = "XF6YS6EN";
  names.rename(one);
  EXPECT_EQ(one.sku, "p5.48xlarge");
  EXPECT_EQ(one.cloud, "own");
  EXPECT_EQ(one.region, "XF6YS6EN");
}

}  // namespace
}  // namespace mohona

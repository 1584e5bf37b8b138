#include "money/quarantine.h"

#include <gtest/gtest.h>

namespace mohona {
namespace {

using namespace std::chrono;

const Timestamp today = sys_days(2026y / July / 20);

// A machine with eight H100 of a sku of its own, somewhere in aws, at so many dollars.
Listing h100(const std::string& sku, std::int64_t dollars, const std::string& region = "east") {
  Listing out;
  out.offer.sku = sku;
  out.offer.place = {"aws", region, ""};
  out.offer.unit = "instance";
  out.offer.tiers = {{0, {dollars * 1'000'000'000}}};
  out.gpu = "h100";
  out.gpus_milli = 8'000;
  out.origin = {"a list", today, "list.yaml", 1};
  return out;
}

Listing spot(const std::string& sku, std::int64_t dollars) {
  Listing out = h100(sku + "/spot", dollars);
  out.offer.dynamic = true;
  return out;
}

Listing cores(const std::string& sku, std::int64_t count, std::int64_t cents) {
  Listing out = h100(sku, 0);
  out.gpu.clear();
  out.gpus_milli = 0;
  out.offer.family = sku.substr(0, sku.find('.'));
  out.cpus_milli = count * 1'000;
  out.offer.tiers = {{0, {cents * 10'000'000}}};
  return out;
}

// "sku: why" of each that is set aside; each on a line of its own.
std::vector<std::string> set_aside(std::vector<Listing> listings) {
  std::int64_t line = 0;
  for (Listing& listing : listings) listing.origin.line = ++line;
  const std::size_t all = listings.size();
  const CheckedPrices checked = check_prices({std::move(listings), {}});
  EXPECT_LE(checked.accepted.listings.size() + checked.quarantined.size(), all);
  std::vector<std::string> out;
  for (const Quarantined& one : checked.quarantined) {
    out.push_back(one.listing.offer.sku + ": " + one.why);
  }
  return out;
}

using Texts = std::vector<std::string>;

TEST(Quarantine, TakesWhatIsSaidProperly) {
  const PriceList list{{h100("a", 50), h100("b", 60), spot("a", 20)}, {}};
  const CheckedPrices checked = check_prices(list);
  EXPECT_EQ(checked.accepted, list);
  EXPECT_EQ(checked.quarantined, std::vector<Quarantined>{});
}

TEST(Quarantine, SetsAsideWhatLacksSomething) {
  Listing nobody = h100("nobody", 50), undated = h100("undated", 50), nameless = h100("", 50);
  nobody.origin.source.clear();
  undated.origin.as_of.reset();
  Listing silent = h100("silent", 50);
  silent.offer.tiers.clear();
  EXPECT_EQ(set_aside({nobody, undated, nameless, silent, h100("zero", 0), h100("less", -1)}),
            (Texts{"nobody: no source is named", "undated: nothing says of which day it is",
                   ": it names no sku", "silent: no price is given", "zero: a price of 0 is none",
                   "less: a price cannot be below 0"}));
}

TEST(Quarantine, SetsAsideBothOfTwoThatContradict) {
  EXPECT_EQ(set_aside({h100("a", 50), h100("b", 55), h100("a", 60), h100("a", 50, "west")}),
            (Texts{"a: list.yaml:3 says $60.00 of the same, as of the same day",
                   "a: list.yaml:1 says $50.00 of the same, as of the same day"}));
}

TEST(Quarantine, OfTwoDaysTheNewerIsTaken) {
  Listing old = h100("a", 50);
  old.origin.as_of = today - days(30);
  EXPECT_EQ(set_aside({old, h100("a", 60)}),
            (Texts{"a: list.yaml:2 has a newer price, of 2026-07-20"}));
  // One after the other they are no contradiction.
  Listing first = h100("a", 50), then = h100("a", 60);
  first.offer.valid.to = then.offer.valid.from = today;
  EXPECT_EQ(set_aside({first, then}), Texts{});
}

TEST(Quarantine, TheSamePriceTwiceIsOnePrice) {
  const Listing one = h100("a", 50);
  const CheckedPrices checked = check_prices({{one, one}, {}});
  EXPECT_EQ(checked.accepted.listings, std::vector<Listing>{one});
  EXPECT_TRUE(checked.quarantined.empty());
}

TEST(Quarantine, SetsAsideWhatIsFarFromTheMedianOfTheOthers) {
  // Of 40, 50 and 60 the median is 50: from 10 to 250 is near.
  const auto others = [](Listing one) {
    return set_aside({h100("a", 40), h100("b", 50), h100("c", 60), std::move(one)});
  };
  EXPECT_EQ(others(h100("edge", 250)), Texts{});
  EXPECT_EQ(others(h100("edge", 10)), Texts{});
  EXPECT_EQ(others(h100("sentinel", 99'999)),
            (Texts{"sentinel: $99999.00 is more than 5 times above the median, $50.00, of 3 others "
                   "with 8 h100"}));
  // The price of one accelerator where that of eight belongs.
  EXPECT_EQ(
      others(h100("single", 7)),
      (Texts{"single: $7.00 is more than 5 times below the median, $50.00, of 3 others with 8 "
             "h100"}));
}

TEST(Quarantine, TwoOthersHaveNoMedianThatSaysAnything) {
  EXPECT_EQ(set_aside({h100("a", 40), h100("b", 50), h100("c", 9'999)}), Texts{});
}

TEST(Quarantine, ManySentinelsDoNotHideEachOther) {
  EXPECT_EQ(set_aside({h100("a", 40), h100("b", 50), h100("c", 60), h100("d", 55),
                       h100("x", 99'999), h100("y", 99'999)})
                .size(),
            2u);
}

TEST(Quarantine, FallsBackToTheSameAcceleratorWhateverItsCount) {
  std::vector<Listing> list = {h100("a", 40), h100("b", 48), h100("c", 56)};
  Listing four = h100("four", 200);
  four.gpus_milli = 4'000;
  list.push_back(four);
  EXPECT_EQ(set_aside(list),
            (Texts{"four: $50.00 an accelerator is more than 5 times above the median, $6.00, of 3 "
                   "others with h100"}));
}

TEST(Quarantine, ComparesMachinesOfAFamilyByTheCore) {
  EXPECT_EQ(set_aside({cores("m7i.large", 2, 10), cores("m7i.xlarge", 4, 20),
                       cores("m7i.48xlarge", 192, 960), cores("m7i.2xlarge", 8, 400),
                       cores("c7i.large", 2, 400)}),
            (Texts{"m7i.2xlarge: $0.50 a core is more than 5 times above the median, $0.05, of 3 "
                   "others of family m7i"}));
}

TEST(Quarantine, SpotIsComparedWithSpotAndNotDearerThanOnDemand) {
  EXPECT_EQ(set_aside({h100("a", 50), spot("a", 51), spot("b", 90)}),
            (Texts{"a/spot: spot at $51.00 costs more than on demand at $50.00 (list.yaml:1)"}));
  EXPECT_EQ(set_aside({h100("a", 50), spot("a", 50)}), Texts{});
  // The price in its own region counts, not the one of everywhere.
  EXPECT_EQ(set_aside({h100("a", 40, ""), h100("a", 60, "east"), spot("a", 51)}), Texts{});
}

TEST(Quarantine, EgressNeedsProvenanceAndOnePrice) {
  const Origin origin{"a list", today, "list.yaml", 1};
  const EgressPrice internal{{"aws", "east", ""}, {"aws", "", ""}, {0}, origin};
  EgressPrice nobody{{"aws", "west", ""}, {"internet", "", ""}, {90'000'000}, origin};
  nobody.origin.source.clear();
  EgressPrice one{{"gcp", "", ""}, {"internet", "", ""}, {90'000'000}, origin};
  EgressPrice other = one;
  other.per_gb = {120'000'000};
  other.origin.line = 2;
  const CheckedPrices checked = check_prices({{}, {internal, nobody, one, other}});
  EXPECT_EQ(checked.accepted.egress, std::vector<EgressPrice>{internal});
  EXPECT_EQ(checked.quarantined_egress,
            (std::vector<QuarantinedEgress>{
                {nobody, "no source is named"},
                {one, "list.yaml:2 says $0.12 of the same, as of the same day"},
                {other, "list.yaml:1 says $0.09 of the same, as of the same day"}}));
}

}  // namespace
}  // namespace mohona

#include "money/egress.h"

#include <gtest/gtest.h>

namespace mohona {
namespace {

EgressPrice price(Location from, Location to, std::int64_t cents) {
  return {std::move(from), std::move(to), {cents * 10'000'000}, {}};
}

const std::vector<EgressPrice> prices = {
    price({"aws", "", ""}, {"internet", "", ""}, 9),
    price({"aws", "sa", ""}, {"internet", "", ""}, 15),
    price({"aws", "", ""}, {"aws", "", ""}, 2),
    price({"aws", "east", ""}, {"aws", "west", ""}, 1),
    price({"aws", "east", ""}, {"gcp", "", ""}, 4),
    price({"aws", "east", "a"}, {"aws", "", ""}, 3),
};

// In cents; -1: no entry says.
std::int64_t cents(const Location& from, const Location& to) {
  const EgressPrice* found = egress_price(prices, from, to);
  return found ? found->per_gb.nanos / 10'000'000 : -1;
}

TEST(Egress, TheMostExactEntryWins) {
  EXPECT_EQ(cents({"aws", "north", ""}, {"aws", "south", ""}), 2);
  EXPECT_EQ(cents({"aws", "east", ""}, {"aws", "west", ""}), 1);
  EXPECT_EQ(cents({"aws", "east", ""}, {"aws", "north", ""}), 2);
  EXPECT_EQ(cents({"aws", "east", ""}, {"gcp", "us", "c"}), 4);
}

TEST(Egress, WhereTheyAreAsExactTheOriginDecides) {
  // Zone a to all of aws, and east to west: four parts each.
  EXPECT_EQ(cents({"aws", "east", "a"}, {"aws", "west", ""}), 3);
}

TEST(Egress, AnotherCloudThatIsNotNamedIsBeyondTheInternet) {
  EXPECT_EQ(cents({"aws", "north", ""}, {"gcp", "us", ""}), 9);
  EXPECT_EQ(cents({"aws", "sa", ""}, {"azure", "", ""}), 15);
  EXPECT_EQ(cents({"aws", "sa", ""}, {"internet", "", ""}), 15);
}

TEST(Egress, WhatNoEntrySaysIsNotGuessed) {
  EXPECT_EQ(cents({"gcp", "us", ""}, {"aws", "east", ""}), -1);
  EXPECT_EQ(egress_price({price({"aws", "", ""}, {"internet", "", ""}, 9)}, {"aws", "east", ""},
                         {"aws", "west", ""}),
            nullptr);
}

}  // namespace
}  // namespace mohona

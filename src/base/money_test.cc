#include "base/money.h"

#include <gtest/gtest.h>

#include <limits>

namespace mohona {
namespace {

using namespace std::chrono;

TEST(Money, ChargeIsExactAndRoundsOnceHalfToEven) {
  EXPECT_EQ(charge({55'040'000'000}, minutes(30), 1, {1, 1}), Money{27'520'000});
  EXPECT_EQ(charge({55'040'000'000}, minutes(30), 2, {1, 4}), Money{13'760'000});
  // 1 nano-dollar an hour for 500 and for 1,500 hours: half a micro-dollar goes to the even side.
  EXPECT_EQ(charge({1}, hours(500), 1, {1, 1}), Money{0});
  EXPECT_EQ(charge({1}, hours(1'500), 1, {1, 1}), Money{2});
  EXPECT_EQ(charge({1'000'000'000'000}, hours(24 * 365 * 7), 62'500, {8, 8}).micros,
            3'832'500'000'000'000'000);
}

TEST(Money, TimeWithinABudgetIsWhatChargeWouldReach) {
  EXPECT_EQ(time_within({27'520'000}, {55'040'000'000}, 1, {1, 1}), minutes(30));
  EXPECT_EQ(time_within({1}, {0}, 1, {1, 1}), Duration::max());
}

TEST(Money, PricesShowAllTheirDigits) {
  EXPECT_EQ(format_price({55'040'000'000}), "55.04");
  EXPECT_EQ(format_price({7'000'000'000}), "7.00");
  EXPECT_EQ(format_price({12'750}), "0.00001275");
  EXPECT_EQ(format_price({1}), "0.000000001");
  EXPECT_EQ(format_price({-1'500'000'000}), "-1.50");
  EXPECT_EQ(format_price({std::numeric_limits<std::int64_t>::min()}), "-9223372036.854775808");
}

TEST(Money, IsReadAndWritten) {
  EXPECT_EQ(parse_money("$12.5")->micros, 12'500'000);
  EXPECT_EQ(parse_money("0.000001")->micros, 1);
  EXPECT_EQ(parse_price("0.00000001")->nanos, 10);
  EXPECT_EQ(parse_price("55.04")->nanos, 55'040'000'000);
  for (const char* wrong : {"", "$", ".", "1.2.3", "-1", "1e3", "0.0000001", "99999999999999999"}) {
    EXPECT_FALSE(parse_money(wrong)) << wrong;
  }
  EXPECT_EQ(format_money({27'520'000}), "$27.52");
  EXPECT_EQ(format_money({342}), "$0.000342");
  EXPECT_EQ(format_money({0}), "$0.00");
  EXPECT_EQ(format_money({-1'995'000}), "-$2.00");
  EXPECT_EQ(format_money_exact({27'520'001}), "27.520001");
}

}  // namespace
}  // namespace mohona

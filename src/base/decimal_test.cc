#include "base/decimal.h"

#include <gtest/gtest.h>

#include <optional>

namespace mohona {
namespace {

TEST(Decimal, IsExactAndRoundedOnce) {
  const auto picos = [](std::string_view text) -> std::optional<std::int64_t> {
    const auto value = parse_decimal(text, 12, 1'000);
    if (!value) return {};
    return static_cast<std::int64_t>(*value);
  };
  EXPECT_EQ(picos("12.5"), 12'500'000'000'000);
  EXPECT_EQ(picos("-0.000000000001"), -1);
  EXPECT_EQ(picos("1e-12"), 1);
  EXPECT_EQ(picos("+1.5E-3"), 1'500'000'000);
  EXPECT_EQ(picos("0.0000000000005"), 0);  // half to even
  EXPECT_EQ(picos("0.0000000000015"), 2);
  EXPECT_EQ(picos("0.00000000000050000000001"), 1);
  EXPECT_EQ(picos("7E-60"), 0);
  EXPECT_EQ(picos("0.0000000000000000000000000000000000000000001"), 0);
  EXPECT_EQ(picos("1000"), 1'000'000'000'000'000);
  for (const char* none :
       {"", "-", ".", "1000.000000000001", "1e4", "1e", "1e999999999", "0x1", "1,5", "1.2.3", " 1",
        "$1", "nan", "1234567890123456789012345678901234567"}) {
    EXPECT_FALSE(picos(none)) << none;
  }
}

}  // namespace
}  // namespace mohona

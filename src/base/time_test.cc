#include "base/time.h"

#include <gtest/gtest.h>

namespace mohona {
namespace {

using namespace std::chrono;

TEST(Time, DurationsAreReadAsPeopleWriteThem) {
  const std::vector<std::pair<const char*, Duration>> table = {
      {"90s", seconds(90)}, {"90", seconds(90)},          {"1h30m", minutes(90)},
      {"2d", hours(48)},    {"500ms", milliseconds(500)}, {"1.5h", minutes(90)},
      {"0", seconds(0)},
  };
  for (const auto& [text, expected] : table) {
    const auto read = parse_duration(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, expected) << text;
  }
  for (const char* wrong : {"", "s", "1x", "-1s", "1h30", "nan", "inf", "1e9d", "99999999999d"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
}

TEST(Time, DurationsAreShownInTwoUnits) {
  EXPECT_EQ(format_duration(milliseconds(85)), "85ms");
  EXPECT_EQ(format_duration(milliseconds(4'250)), "4.2s");
  EXPECT_EQ(format_duration(seconds(123)), "2m 03s");
  EXPECT_EQ(format_duration(hours(1) + minutes(5)), "1h 05m");
  EXPECT_EQ(format_duration(hours(49)), "2d 01h");
}

TEST(Time, InstantsAreReadWithTheirZone) {
  const auto utc = parse_timestamp("2026-12-01T06:00:00Z");
  ASSERT_TRUE(utc);
  EXPECT_EQ(format_timestamp(*utc), "2026-12-01T06:00:00Z");
  EXPECT_EQ(*parse_timestamp("2026-12-01 08:00:00+02:00"), *utc);
  EXPECT_EQ(*parse_timestamp("2026-12-01T06:00:00.250Z"), *utc);
  EXPECT_EQ(format_timestamp(*parse_timestamp("2028-02-29")), "2028-02-29T00:00:00Z");
  for (const char* wrong : {"", "tomorrow", "2026-02-30", "2026-12-01T06:00:00",
                            "2026-12-01T25:00:00Z", "2026-12-01T06:00:00Zjunk"}) {
    EXPECT_FALSE(parse_timestamp(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace mohona

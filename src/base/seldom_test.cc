#include "base/seldom.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mohona {
namespace {

struct Policy {
  int grace = 30;
  friend bool operator==(const Policy&, const Policy&) = default;
};

TEST(Seldom, ReadsAsItsValue) {
  const Seldom<std::string> none, there = "s3://data";
  EXPECT_EQ(none, "");
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(there, "s3://data");
  EXPECT_EQ(there->substr(0, 2), "s3");
  EXPECT_EQ(Seldom<Policy>()->grace, 30);

  Seldom<std::vector<int>> numbers;
  numbers = {1, 2, 3};
  int sum = 0;
  for (const int number : numbers) sum += number;
  EXPECT_EQ(sum, 6);
}

TEST(Seldom, EqualValuesAreEqualHoweverTheyCameAbout) {
  Seldom<Policy> edited;
  edited.edit().grace = 60;
  EXPECT_NE(edited, Seldom<Policy>());
  EXPECT_EQ(edited, Policy{60});
  edited.edit().grace = 30;
  EXPECT_EQ(edited, Seldom<Policy>());
  EXPECT_EQ(Seldom<Policy>(), edited);

  Seldom<std::string> text = "b";
  EXPECT_LT(Seldom<std::string>("a"), text);
  EXPECT_LT(Seldom<std::string>(), text);
  text = "";
  EXPECT_EQ(text, Seldom<std::string>());
}

TEST(Seldom, CopiesAreTheirOwn) {
  Seldom<std::string> one = "one";
  Seldom<std::string> other = one;
  other.edit() += " more";
  EXPECT_EQ(one, "one");
  EXPECT_EQ(other, "one more");
  const Seldom<std::string> moved = std::move(one);
  EXPECT_EQ(moved, "one");
}

TEST(Seldom, TakesTheRoomOfAPointer) {
  EXPECT_EQ(sizeof(Seldom<std::vector<std::string>>), sizeof(void*));
}

}  // namespace
}  // namespace mohona

#include "base/text.h"

#include <gtest/gtest.h>

#include "base/ids.h"

namespace mohona {
namespace {

TEST(Text, TheNearestNameIsNearOrNone) {
  EXPECT_EQ(nearest("resouces", {"resources", "run", "setup"}), "resources");
  EXPECT_EQ(nearest("Nmae", {"name", "needs"}), "name");
  EXPECT_EQ(nearest("zebra", {"name", "run"}), "");
}

TEST(Text, NamesEnterTheEnvironment) {
  EXPECT_EQ(environment_name("my-corpus.v2"), "MY_CORPUS_V2");
}

TEST(Ids, AreReadBackAsWritten) {
  const AttemptId id{JobId{17}, 0, 2};
  EXPECT_EQ(to_string(id), "17.0.2");
  EXPECT_EQ(parse_attempt_id("17.0.2"), id);
  for (const char* wrong : {"", "17", "17.0", "17.0.2.1", "a.0.1", "17..2", "17.0.x"}) {
    EXPECT_EQ(parse_attempt_id(wrong), AttemptId{}) << wrong;
  }
}

TEST(Text, PrintableReplacesWhatATerminalWouldObeyAndWhatIsNotUtf8) {
  EXPECT_EQ(printable("plain \xc3\xa9"), "plain \xc3\xa9");
  EXPECT_EQ(printable("a\x1b[31mb\nc\x7f"), "a?[31mb?c?");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "?2J");  // the one-character CSI
  EXPECT_EQ(printable("\xff\xc3"), "??");
  EXPECT_EQ(printable("ab\xc3\xa9", 3), "ab");  // no half characters
}

TEST(Text, NestingOfJsonIsCountedOutsideOfStrings) {
  EXPECT_TRUE(nested_within("[[{}]]", 3));
  EXPECT_FALSE(nested_within("[[{}]]", 2));
  EXPECT_TRUE(nested_within("[[],[],[]]", 2));
  EXPECT_TRUE(nested_within(R"(["[[[[", "\"[[["])", 1));
  EXPECT_TRUE(nested_within("]]]][", 1));
  EXPECT_FALSE(nested_within(std::string(1'000'000, '['), 64));
}

}  // namespace
}  // namespace mohona

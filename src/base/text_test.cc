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

}  // namespace
}  // namespace mohona

#include "model/node_ranges.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace mohona {
namespace {

TEST(NodeRanges, AreReadAndWrittenInOrderAndMerged) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"0", "0"},           {"0-15,32", "0-15,32"}, {"32,0-15", "0-15,32"}, {"0-3,4-7", "0-7"},
      {"0-9,3-4", "0-9"},   {"5,5,5", "5"},         {" 0-1 , 3 ", "0-1,3"}, {"7-7", "7"},
      {"999999", "999999"},
  };
  for (const auto& [text, expected] : table) {
    const auto ranges = parse_node_ranges(text);
    ASSERT_TRUE(ranges) << text;
    EXPECT_EQ(format_node_ranges(*ranges), expected);
  }
  for (const char* bad : {"", ",", "1,", "a", "3-1", "-1", "1-", "1--2", "0x1", "+1", "1 2",
                          "1000000", "99999999999999999999"}) {
    EXPECT_FALSE(parse_node_ranges(bad)) << bad;
  }
}

std::set<std::int64_t> nodes_of(const NodeRanges& ranges) {
  std::set<std::int64_t> out;
  for (const NodeRange& range : ranges) {
    for (std::int64_t i = range.first; i <= range.last; ++i) out.insert(i);
  }
  return out;
}

NodeRanges any_ranges() {
  NodeRanges out;
  for (int i = *rc::gen::inRange(0, 6); i > 0; --i) {
    const std::int64_t first = *rc::gen::inRange(0, 30);
    out.push_back({first, first + *rc::gen::inRange(0, 6)});
  }
  return out;
}

RC_GTEST_PROP(NodeRanges, AreSets, ()) {
  const NodeRanges a = any_ranges(), b = any_ranges();
  const auto in_a = nodes_of(a), in_b = nodes_of(b);
  std::set<std::int64_t> either = in_a, only_a;
  either.insert(in_b.begin(), in_b.end());
  std::set_difference(in_a.begin(), in_a.end(), in_b.begin(), in_b.end(),
                      std::inserter(only_a, only_a.end()));
  RC_ASSERT(nodes_of(united(a, b)) == either);
  RC_ASSERT(nodes_of(without(a, b)) == only_a);
  RC_ASSERT(count_nodes(a) == std::ssize(in_a));
  RC_ASSERT(normalised(without(a, b)) == without(a, b));
  if (!a.empty()) RC_ASSERT(parse_node_ranges(format_node_ranges(a)) == normalised(a));
}

}  // namespace
}  // namespace mohona

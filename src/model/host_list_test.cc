#include "model/host_list.h"

#include <gtest/gtest.h>

namespace mohona {
namespace {

TEST(HostList, IsReadAsSlurmWritesIt) {
  struct Case {
    const char* text;
    std::vector<std::string> names;
  };
  for (const Case& c : std::vector<Case>{
           {"login", {"login"}},
           {"a,b", {"a", "b"}},
           {"node[1-3]", {"node1", "node2", "node3"}},
           {"node[1-2,07],login", {"node1", "node2", "node07", "login"}},
           {"gpu[08-11]-ib", {"gpu08-ib", "gpu09-ib", "gpu10-ib", "gpu11-ib"}},
           {"[2-3,9]", {"2", "3", "9"}},
       }) {
    EXPECT_EQ(parse_host_list(c.text), c.names) << c.text;
  }
}

TEST(HostList, AnythingElseIsNone) {
  for (const char* text : {"", "a,", "node[", "node]", "node[3-1]", "node[a]", "node[]",
                           "n[1-2]m[1-2]", "node[1-9999999]", "node[1--2]", "node[[1]]"}) {
    EXPECT_EQ(parse_host_list(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace mohona

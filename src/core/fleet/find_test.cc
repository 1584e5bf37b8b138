#include "core/fleet/find.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace mohona {
namespace {

using namespace std::chrono_literals;

Pool hall(std::int64_t nodes, std::int64_t leaf) {
  Pool pool;
  pool.name = "hall";
  pool.nodes = nodes;
  pool.shape = {"s", 8'000, 0, "h100", 8};
  pool.topology.leaf = leaf;
  return pool;
}

const Demand whole_node{8'000, 0, "h100", 8, 0};

// Kept for a gang, and also for what comes after it: it has to be gone before the first of those,
// whichever was kept first.
TEST(Find, ANodeThatIsKeptForTwoOthersIsLeftBeforeTheFirst) {
  const Timestamp day{};
  for (const bool early_first : {false, true}) {
    Space space(hall(1, 1));
    const NodeSet node = {{0, 1}};
    for (const Duration at : {early_first ? 2h : 10h, early_first ? 10h : 2h}) {
      space.hold({0, true, node, day + at});
    }
    Request request;
    request.demand = &whole_node;
    request.own = space.hold({1, false, node, day + 1h});
    request.end = day + 2h;
    EXPECT_TRUE(find(space, request));
    request.end = day + 2h + 30min;
    EXPECT_FALSE(find(space, request)) << early_first;
  }
}

// Where a gang finds no room it finds none either when fewer nodes than it lacks have become free,
// whichever they are.
RC_GTEST_PROP(Find, NeverLacksTooMany, ()) {
  Pool pool = hall(*rc::gen::inRange(1, 24), *rc::gen::inRange(1, 6));
  pool.topology.block = *rc::gen::inRange(0, 3);
  Space space(pool);
  std::vector<NodeIndex> taken;
  for (NodeIndex i = 0; i < space.nodes(); ++i) {
    if (*rc::gen::inRange(0, 3) == 0) continue;
    Grant grant;
    append(grant.whole, i, space.leaf_size());
    space.take(grant, whole_node, i);
    taken.push_back(i);
  }
  Request request;
  request.demand = &whole_node;
  request.nearness.segment = *rc::gen::element<std::int64_t>(1, 2, 4);
  request.nearness.within = *rc::gen::element(Level::leaf, Level::block, Level::anywhere);
  if (pool.topology.block == 0 && request.nearness.within == Level::block) return;
  request.min_nodes = request.nearness.segment * *rc::gen::inRange(1, 9);
  request.max_nodes = request.min_nodes + request.nearness.segment * *rc::gen::inRange(0, 3);
  const Found found = look(space, request);
  if (found.grant) return;
  RC_ASSERT(found.lacks >= 1);
  for (std::int64_t i = 1; i < found.lacks && !taken.empty(); ++i) {
    std::swap(taken[*rc::gen::inRange<std::size_t>(0, taken.size())], taken.back());
    Grant grant;
    append(grant.whole, taken.back(), space.leaf_size());
    space.give_back(grant, whole_node, taken.back());
    taken.pop_back();
  }
  RC_ASSERT(!find(space, request));
}

}  // namespace
}  // namespace mohona

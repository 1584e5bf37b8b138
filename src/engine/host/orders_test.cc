#include "engine/host/orders.h"

#include <gtest/gtest.h>

#include "model/json_text.h"

namespace mohona::host {
namespace {

Launch gang_of(std::int64_t granted) {
  auto spec = std::make_shared<JobSpec>();
  spec->name = "gang";
  spec->run = "true";
  spec->num_nodes = 10'000;
  spec->min_nodes = 1;
  Launch launch;
  launch.spec = spec;
  launch.attempt.id = {JobId{1}, 0, 1};
  launch.attempt.pool = "hall";
  for (std::int64_t node = 0; node < granted; ++node) launch.attempt.holdings.push_back({node, {}});
  return launch;
}

Order order_of(const Launch& launch) {
  std::vector<std::string> addresses;
  for (const Holding& h : launch.attempt.holdings) {
    addresses.push_back(fmt::format("10.0.{}.{}", h.node / 256, h.node % 256));
  }
  return *make_order(Places("/home/of/mohona"), launch, Where::slurm, addresses, 0, "");
}

// The list of nodes is in it once: an order grows with the gang, not with its square.
TEST(Orders, TheSizeOfAnOrderIsLinearInTheRanks) {
  const auto bytes = [](std::int64_t ranks) {
    return json_text::to_text(order_of(gang_of(ranks))).size();
  };
  const std::size_t thousand = bytes(1'000), two_thousand = bytes(2'000);
  EXPECT_LT(two_thousand, thousand * 21 / 10);
  EXPECT_LT(two_thousand / 2'000, 400u);
}

TEST(Orders, AnElasticGangHasTheRanksOfTheNodesThatItWasGranted) {
  const Order order = order_of(gang_of(3));
  EXPECT_EQ(order.ranks.size(), 3u);
  const auto value = [&](std::string_view name) {
    for (const auto& [key, text] : order.environment) {
      if (key == name) return text;
    }
    return std::string("unset");
  };
  EXPECT_EQ(value("WORLD_SIZE"), "3");
  EXPECT_EQ(value("SKYPILOT_NUM_NODES"), "3");
  EXPECT_EQ(value("SKYPILOT_NODE_IPS"), "10.0.0.0\n10.0.0.1\n10.0.0.2");
}

TEST(Orders, AnAttemptThatHoldsNothingOrTooFewAddressesIsRefused) {
  const auto refused = make_order(Places("/h"), gang_of(2), Where::slurm, {"10.0.0.1"}, 0, "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "attempt 1.0.1 holds 2 nodes and has 1 addresses");
  EXPECT_FALSE(make_order(Places("/h"), gang_of(0), Where::slurm, {}, 0, ""));
}

}  // namespace
}  // namespace mohona::host

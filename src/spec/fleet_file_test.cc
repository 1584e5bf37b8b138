#include "spec/fleet_file.h"

#include <gtest/gtest.h>

namespace mohona {
namespace {

TEST(FleetFile, HoldsPools) {
  const auto fleet = parse_fleet_file({"fleet.yaml", R"(
pools:
- name: aws-spot
  cloud: AWS
  region: us-east-1
  zone: us-east-1a
  shape: {name: p5.48xlarge, cpus: 2, memory: 4GB, accelerators: H100:8}
  nodes: 2
  engine: local
  purchase: spot
  price: 0.35
- {name: here, cloud: local, shape: {cpus: 0.5}, nodes: 1, share_nodes: true, purchase: reserved}
)",
                                       "/"});
  ASSERT_TRUE(fleet) << fleet.error().message;
  const Pool spot{.name = "aws-spot",
                  .cloud = "aws",
                  .region = "us-east-1",
                  .zone = "us-east-1a",
                  .shape = {"p5.48xlarge", 2'000, 4'096, "h100", 8},
                  .nodes = 2,
                  .engine = "local",
                  .purchase = Purchase::spot,
                  .price = {350'000'000}};
  const Pool here{.name = "here",
                  .cloud = "local",
                  .shape = {.cpus_milli = 500},
                  .nodes = 1,
                  .share_nodes = true,
                  .purchase = Purchase::reserved};
  EXPECT_EQ(fleet->pools, (std::vector<Pool>{spot, here}));
}

}  // namespace
}  // namespace mohona

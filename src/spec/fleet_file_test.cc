#include "spec/fleet_file.h"

#include <gtest/gtest.h>

#include "model/codec.h"
#include "spec/test_files.h"

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
  EXPECT_EQ(fleet->queues, std::vector<Queue>{});
  EXPECT_EQ(fleet->scheduling, SchedulingPolicy{});
}

// What `keys` say beside a pool of 64 nodes, as the journal's facts would hold it.
std::string effect_of(const std::string& pool_keys, const std::string& keys = "") {
  const auto fleet =
      parse_fleet_file({"fleet.yaml",
                        "pools:\n- {name: hall, cloud: local, shape: {cpus: 8}, nodes: 64" +
                            (pool_keys.empty() ? "" : ", " + pool_keys) + "}\n" + keys + "\n",
                        "/"});
  if (!fleet) return fleet.error().message;
  PoolRecord record{.pool = fleet->pools.at(0), .reservations = fleet->reservations};
  record.pool.name = record.pool.cloud = "";
  record.pool.nodes = 0;
  record.pool.shape = {};
  return encode(QueuesDefined{fleet->queues, fleet->scheduling}) + encode(record);
}

struct Row {
  const char* keys;
  const char* effect;
};

TEST(FleetFile, TheExampleOfTheDocumentsIsOne) {
  const std::string text = read_file(tests_directory() / "../docs/fleet.md");
  const std::size_t begin = text.find("```yaml\n") + 8;
  const auto fleet =
      parse_fleet_file({"fleet.yaml", text.substr(begin, text.find("```", begin) - begin), "/"});
  ASSERT_TRUE(fleet) << fleet.error().message;
  EXPECT_EQ(fleet->pools.size(), 2u);
  EXPECT_EQ(fleet->queues.size(), 4u);
  EXPECT_EQ(fleet->scheduling, SchedulingPolicy{});  // it shows the defaults
  EXPECT_EQ(fleet->reservations.size(), 2u);
}

TEST(FleetFile, PoolsHaveTopologyAndFeatures) {
  constexpr Row rows[] = {
      {"", "{}{}"},
      {"topology: {leaf: 18}", R"({}{"pool":{"topology":{"leaf":18}}})"},
      {"topology: {leaf: 64, block: 16, fabric: 4}",
       R"({}{"pool":{"topology":{"leaf":64,"block":16,"fabric":4}}})"},
      {"account: '1234-5678'", R"({}{"pool":{"account":"1234-5678"}})"},
      {"features: ib", R"({}{"pool":{"features":[{"name":"ib"}]}})"},
      {"features: [ib, nvme]", R"({}{"pool":{"features":[{"name":"ib"},{"name":"nvme"}]}})"},
      {"features: [{name: fast, nodes: \"32,0-15\"}]",
       R"({}{"pool":{"features":[{"name":"fast","nodes":[{"last":15},{"first":32,"last":32}]}]}})"},
      {"features: [ib, {name: fast, nodes: 0-3,8,9}]",
       R"({}{"pool":{"features":[{"name":"ib"},)"
       R"({"name":"fast","nodes":[{"last":3},{"first":8,"last":9}]}]}})"},
      {"features: {nodes: [0-3, 63], name: fast}",
       R"({}{"pool":{"features":[{"name":"fast","nodes":[{"last":3},{"first":63,"last":63}]}]}})"},
  };
  for (const Row& row : rows) EXPECT_EQ(effect_of(row.keys), row.effect) << row.keys;
}

TEST(FleetFile, APartitionOfASlurmClusterIsAPoolThatTheClusterCompletes) {
  const auto fleet = parse_fleet_file({"fleet.yaml", R"(
pools:
- {name: batch, cloud: hall, engine: slurm}
- name: big
  cloud: hall
  shape: {name: p5.48xlarge}
  hosts: [node1, "node[3-4]"]
  slurm: {partition: gpu, account: lab, qos: high, reservation: r, gpu: H100,
          conf: /etc/slurm/slurm.conf, rest: "http://head:6820", token: /root/token}
)",
                                       "/nowhere"});
  ASSERT_TRUE(fleet) << fleet.error().message;
  const Pool& batch = fleet->pools[0];
  EXPECT_EQ(batch.engine, "slurm");
  EXPECT_EQ(batch.engine_options, (Variables{{"partition", "batch"}}));
  EXPECT_EQ(batch.nodes, 0);
  const Pool& big = fleet->pools[1];
  EXPECT_EQ(big.engine, "slurm");
  EXPECT_EQ(big.shape.name, "p5.48xlarge");
  EXPECT_EQ(big.hosts, (std::vector<std::string>{"node1", "node3", "node4"}));
  EXPECT_EQ(big.engine_options, (Variables{{"partition", "gpu"},
                                           {"account", "lab"},
                                           {"qos", "high"},
                                           {"reservation", "r"},
                                           {"gpu", "H100"},
                                           {"conf", "/etc/slurm/slurm.conf"},
                                           {"rest", "http://head:6820"},
                                           {"token", "/root/token"}}));
}

TEST(FleetFile, HoldsQueuesAndAPolicy) {
  constexpr Row rows[] = {
      {"queues:\nscheduling:\nreservations:", "{}{}"},
      {"queues: []", "{}{}"},
      {"queues: [{name: a}]", R"({"queues":[{"name":"a"}]}{})"},
      {"queues: [{name: a, guarantee: 30%, borrow: 20%, lend: 12.3456%, weight: 2}]",
       R"({"queues":[{"name":"a","guarantee_ppm":300000,"borrow_ppm":200000,)"
       R"("lend_ppm":123456,"weight":2}]}{})"},
      {"queues: [{name: a, budget: 5000/month}]",
       R"({"queues":[{"name":"a","budget":{"amount":{"micros":5000000000}}}]}{})"},
      {"queues: [{name: a, budget: $12.50 / week}]",
       R"({"queues":[{"name":"a","budget":{"amount":{"micros":12500000},"per":"week"}}]}{})"},
      {"queues: [{name: a, guarantee: 100%, borrow: none, lend: none}]",
       R"({"queues":[{"name":"a","guarantee_ppm":1000000,"borrow_ppm":0,"lend_ppm":0}]}{})"},
      {"queues: [{name: a, borrow: unlimited, lend: all}]", R"({"queues":[{"name":"a"}]}{})"},
      {"queues: [{name: b, parent: a, guarantee: .0001%}, {name: a, guarantee: 0.0001%}]",
       R"({"queues":[{"name":"b","parent":"a","guarantee_ppm":1},)"
       R"({"name":"a","guarantee_ppm":1}]}{})"},
      {"scheduling: {ageing: 2h, reservations: 0, patience: 0s, preemption: lower_priority, "
       "min_run: 90}",
       R"({"scheduling":{"ageing":7200000000,"reservations_max":0,"patience":0,)"
       R"("preempt":"lower_priority","min_run":90000000}}{})"},
      {"scheduling: {order: learned}", R"({"scheduling":{"order":"learned"}}{})"},
      {"scheduling: {order: srsf}", R"({"scheduling":{"order":"srsf"}}{})"},
      {"scheduling: {order: age}", "{}{}"},
      {"scheduling: {packing: learned}", R"({"scheduling":{"packing":"learned"}}{})"},
      {"scheduling: {packing: best_fit}", "{}{}"},
      {"scheduling: {overflow: {wait_limit: 3m}}",
       R"({"scheduling":{"overflow_wait":180000000}}{})"},
      {"scheduling: {overflow: {wait_limit: 0s}}", R"({"scheduling":{"overflow_wait":0}}{})"},
      {"scheduling: {ageing: never, preemption: never}",
       R"({"scheduling":{"ageing":0,"preempt":"never"}}{})"},
      {"scheduling: {ageing: 1h, reservations: 8, patience: 30m, preemption: reclaim, "
       "min_run: 10m}",
       "{}{}"},
  };
  for (const Row& row : rows) EXPECT_EQ(effect_of("", row.keys), row.effect) << row.keys;
}

TEST(FleetFile, HoldsReservations) {
  const std::string times = ", from: 2026-12-01T00:00:00Z, to: 2026-12-02T00:00:00Z";
  const std::string in_journal = R"("from":1796083200000000,"to":1796169600000000)";
  const Row rows[] = {
      {"nodes: 4", R"("nodes":4,)"},
      {"nodes: 4-4", R"("where":[{"first":4,"last":4}],)"},
      {"nodes: 0-15,32", R"("where":[{"last":15},{"first":32,"last":32}],)"},
      {"nodes: \"0-15,32\"", R"("where":[{"last":15},{"first":32,"last":32}],)"},
      {"nodes: [3]", R"("where":[{"first":3,"last":3}],)"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(effect_of("", "reservations: [{name: r, pool: hall, " + std::string(row.keys) +
                                times + "}]"),
              R"({}{"reservations":[{"name":"r","pool":"hall",)" + std::string(row.effect) +
                  in_journal + "}]}")
        << row.keys;
  }
  // Before the queues and pools that it names; without queues any name is one.
  EXPECT_EQ(
      effect_of("", "reservations: [{name: r, pool: hall, nodes: 1, queues: any" + times + "}]"),
      R"({}{"reservations":[{"name":"r","pool":"hall","nodes":1,)" + in_journal +
          R"(,"queues":["any"]}]})");
  EXPECT_EQ(effect_of("", "reservations: [{name: r, pool: hall, nodes: 1, maintenance: true" +
                              times + "}]\nqueues: [{name: a}]"),
            R"({"queues":[{"name":"a"}]}{"reservations":[{"name":"r","pool":"hall","nodes":1,)" +
                in_journal + R"(,"maintenance":true}]})");
}

}  // namespace
}  // namespace mohona

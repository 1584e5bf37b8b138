#include "engine/slurm/inventory.h"

#include <gtest/gtest.h>

namespace mohona::slurm {
namespace {

NodeInfo node(const std::string& name) {
  NodeInfo out;
  out.name = name;
  out.partitions = {"batch"};
  out.features = {"ib"};
  out.cpus = 16;
  out.memory_mib = 64'000;
  out.gpu = "h100";
  out.gpus = 8;
  out.states = {"IDLE"};
  return out;
}

Pool pool() {
  Pool out;
  out.name = "lab";
  out.engine = "slurm";
  out.shape.name = "p5";
  return out;
}

std::string complaint_of(const std::vector<NodeInfo>& nodes, Pool wanted,
                         const std::string& partition = "batch") {
  const auto done = complete_pool(nodes, partition, {}, wanted);
  return done ? "" : done.error().message;
}

TEST(SlurmInventory, APartitionTellsWhatAPoolIs) {
  std::vector<NodeInfo> nodes = {node("n1"), node("n2"), node("n3")};
  nodes[1].features.push_back("nvme");
  nodes[2].partitions = {"other"};
  Pool lab = pool();
  ASSERT_TRUE(complete_pool(nodes, "batch", {}, lab));
  EXPECT_EQ(lab.hosts, (std::vector<std::string>{"n1", "n2"}));
  EXPECT_EQ(lab.nodes, 2);
  EXPECT_TRUE(lab.whole_only);
  EXPECT_EQ(lab.shape, (Shape{"p5", 16'000, 64'000, "h100", 8}));
  EXPECT_EQ(lab.features, (std::vector<Feature>{{"ib", {}}, {"nvme", {{1, 1}}}}));
}

TEST(SlurmInventory, HostsKeepTheirPlaces) {
  Pool lab = pool();
  ASSERT_TRUE(complete_pool({node("n1"), node("n2"), node("n4")}, "batch", {"n2", "n3"}, lab));
  EXPECT_EQ(lab.hosts, (std::vector<std::string>{"n2", "n3", "n1", "n4"}));  // n3 has gone
}

TEST(SlurmInventory, HostsThatAPoolNamesAreThoseInItsOrder) {
  Pool lab = pool();
  lab.hosts = {"n4", "n1"};
  ASSERT_TRUE(complete_pool({node("n1"), node("n2"), node("n4")}, "batch", {"n1", "n2"}, lab));
  EXPECT_EQ(lab.hosts, (std::vector<std::string>{"n4", "n1"}));
}

TEST(SlurmInventory, WhatTheClusterDoesNotHaveIsSaid) {
  std::vector<NodeInfo> nodes = {node("n1"), node("n2"), node("n3"), node("n4")};
  EXPECT_EQ(complaint_of(nodes, pool(), "gpu"), "the cluster has no partition 'gpu'; it has batch");
  Pool wrong = pool();
  wrong.hosts = {"n9"};
  EXPECT_EQ(complaint_of(nodes, wrong), "the partition 'batch' has no node 'n9'");
  nodes[1].gpus = 0;
  EXPECT_EQ(complaint_of(nodes, pool()),
            "its nodes are not all alike:\n"
            "  n1, n3 and 1 more: 16 cores, 64000 MiB, 8 h100\n"
            "  n2: 16 cores, 64000 MiB\n"
            "name the nodes of one kind in its 'hosts', and make a pool of its own for each kind");
  Pool some = pool();
  some.hosts = {"n1", "n3"};
  EXPECT_EQ(complaint_of(nodes, some), "");
}

TEST(SlurmInventory, NodesOutOfWorksWayHaveAReason) {
  struct Case {
    std::vector<std::string> states;
    NodeState state;
    const char* reason;
  };
  Pool lab = pool();
  lab.hosts = {"n1"};
  for (const Case& c : std::vector<Case>{
           {{"DOWN"}, NodeState::down, "Slurm: down, fans"},
           {{"IDLE", "DRAIN"}, NodeState::draining, "Slurm: drained, fans"},
           {{"MIXED", "NO_RESPOND"}, NodeState::down, "Slurm: no_respond, fans"},
           {{"DOWN", "DRAIN"}, NodeState::down, "Slurm: down, fans"},
           {{"IDLE", "MAINT"}, NodeState::cordoned, "Slurm: maint, fans"},
           {{"RESERVED"}, NodeState::cordoned, "Slurm: reserved, fans"},
       }) {
    NodeInfo n1 = node("n1");
    n1.states = c.states;
    n1.reason = "fans";
    EXPECT_EQ(report_nodes(lab, "batch", {n1}, {}),
              (std::vector<NodeReport>{{0, c.state, c.reason, {}}}));
  }
  for (const std::vector<std::string>& states :
       {std::vector<std::string>{"IDLE"}, {"MIXED"}, {"ALLOCATED"}, {"ALLOCATED", "COMPLETING"}}) {
    NodeInfo n1 = node("n1");
    n1.states = states;
    EXPECT_TRUE(report_nodes(lab, "batch", {n1}, {}).empty());
  }
  EXPECT_EQ(report_nodes(lab, "batch", {}, {}),
            (std::vector<NodeReport>{
                {0, NodeState::down, "Slurm: n1 is not in the partition batch any more", {}}}));
}

TEST(SlurmInventory, WhatOthersHoldIsWhatWeDoNot) {
  Pool lab = pool();
  lab.shape = {"p5", 16'000, 64'000, "h100", 8};
  lab.hosts = {"n1", "n2"};
  NodeInfo n1 = node("n1"), n2 = node("n2");
  n1.cpus_used = 10;
  n1.memory_mib_used = 5'000;
  n1.gpus_used = 5;
  n2.cpus_used = 2;
  // Slurm knows which devices it gave to whom; we count: ours are 0 and 3 in our books.
  const std::map<std::string, Own> own = {{"n1", {4, 2'000, 2, {0, 3}}}, {"n2", {4, 0, 0, {}}}};
  EXPECT_EQ(report_nodes(lab, "batch", {n1, n2}, own),
            (std::vector<NodeReport>{{0, NodeState::up, "", {6'000, 3'000, {1, 2, 4}}}}));
}

TEST(SlurmInventory, ALoadCountsWhenItIsSeenTwice) {
  const std::vector<NodeReport> before = {{0, NodeState::up, "", {4'000, 100, {0, 1}}},
                                          {2, NodeState::up, "", {1'000, 0, {}}}};
  std::vector<NodeReport> reports = {{0, NodeState::up, "", {2'000, 500, {0}}},
                                     {1, NodeState::up, "", {8'000, 0, {}}}};
  believe_twice(reports, before);
  EXPECT_EQ(reports, (std::vector<NodeReport>{{0, NodeState::up, "", {2'000, 100, {0}}},
                                              {1, NodeState::up, "", {}}}));
}

}  // namespace
}  // namespace mohona::slurm

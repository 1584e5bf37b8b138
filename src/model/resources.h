// What work asks of one machine, and what machines are offered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/money.h"
#include "base/seldom.h"

namespace mohona {

enum class Purchase { reserved, on_demand, spot };

// What one node of a gang holds. Cores in thousandths, memory in MiB.
struct Demand {
  std::int64_t cpus_milli = 1'000;
  std::int64_t memory_mib = 0;
  std::string gpu;  // the accelerator's name, lower case; empty with `gpus`: any will do
  std::int64_t gpus = 0;
  std::int64_t gpu_milli = 0;  // thousandths of one GPU, for work that takes less than a whole one
  friend bool operator==(const Demand&, const Demand&) = default;
  friend auto operator<=>(const Demand&, const Demand&) = default;
};

// One acceptable way to run: a demand and where it may be met. Empty text means anywhere.
struct Choice {
  Demand demand;
  Seldom<std::string> cloud, region, zone;
  Seldom<std::string> instance_type;
  bool use_spot = false;             // SkyPilot's meaning: true is spot only, false never spot
  std::int64_t speed_milli = 1'000;  // how fast the work runs here, beside the other choices
  friend bool operator==(const Choice&, const Choice&) = default;
  friend auto operator<=>(const Choice&, const Choice&) = default;
};

// SkyPilot's `resources`: any of the choices (the cheapest wins) or, `ordered`, the first that
// fits. Never empty: a job that says nothing has one default choice.
struct Resources {
  std::vector<Choice> choices = {Choice{}};
  bool ordered = false;
  Seldom<std::vector<std::string>> ports;
  bool limit_cpus = false;    // the file said `cpus`: hold the work to them
  bool limit_memory = false;  // the file said `memory`: likewise
  friend bool operator==(const Resources&, const Resources&) = default;
};

// What a machine is.
struct Shape {
  std::string name;
  std::int64_t cpus_milli = 0;
  std::int64_t memory_mib = 0;
  std::string gpu;
  std::int64_t gpus = 0;
  friend bool operator==(const Shape&, const Shape&) = default;
};

// Nodes of a pool by index: the closed ranges "0-15,32", in order, without overlap.
struct NodeRange {
  std::int64_t first = 0, last = 0;
  friend bool operator==(const NodeRange&, const NodeRange&) = default;
};
using NodeRanges = std::vector<NodeRange>;

// How a pool's nodes hang together. Nodes 0 to leaf-1 share a leaf (an NVLink domain or a rack),
// and so on; 0: the level above is not divided. A leaf has at most 64 nodes.
struct Topology {
  std::int64_t leaf = 0;    // nodes a leaf
  std::int64_t block = 0;   // leaves a block
  std::int64_t fabric = 0;  // blocks a fabric
  friend bool operator==(const Topology&, const Topology&) = default;
};

// A name that some nodes of a pool carry, for work that asks for it. No nodes: all of them do.
struct Feature {
  std::string name;
  NodeRanges nodes;
  friend bool operator==(const Feature&, const Feature&) = default;
};

// Machines of one shape in one zone, on one engine, paid in one way.
struct Pool {
  std::string name;
  std::string cloud, region, zone;
  Shape shape;
  std::int64_t nodes = 0;
  bool share_nodes = false;  // several members of one gang may stand on one node (this machine)
  std::string engine = "local";
  Purchase purchase = Purchase::on_demand;
  Price price;  // per node-hour
  Topology topology;
  std::vector<Feature> features;
  std::string account;  // who is billed for it; commitments serve their own account first
  // What the engine alone understands: {"partition", "batch"}.
  std::vector<std::pair<std::string, std::string>> engine_options;
  std::vector<std::string> hosts;  // its nodes' names, where its engine knows them by name
  std::string controller;          // the only one that reaches them: a machine of its own
  bool whole_only = false;         // it gives no part of a core or of a GPU
  friend bool operator==(const Pool&, const Pool&) = default;
};

}  // namespace mohona

#include "engine/slurm/inventory.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "model/node_ranges.h"

namespace mohona::slurm {
namespace {

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Shape shape_of(const NodeInfo& node) {
  Shape shape;
  shape.cpus_milli = node.cpus * 1'000;
  shape.memory_mib = node.memory_mib;
  shape.gpu = node.gpu;
  shape.gpus = node.gpus;
  return shape;
}

std::string words_of(const Shape& shape) {
  return fmt::format("{} cores, {} MiB{}", shape.cpus_milli / 1'000, shape.memory_mib,
                     shape.gpus > 0 ? fmt::format(", {} {}", shape.gpus, shape.gpu) : "");
}

// "node1, node2 and 14 more"
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 2;
  const std::vector<std::string> first(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(shown, names.size())));
  if (names.size() <= shown) return join(first, " and ");
  return fmt::format("{} and {} more", join(first, ", "), names.size() - shown);
}

Result<void> be_of_one_shape(const std::vector<const NodeInfo*>& members) {
  std::vector<std::pair<Shape, std::vector<std::string>>> shapes;
  for (const NodeInfo* node : members) {
    const Shape shape = shape_of(*node);
    const auto same = std::find_if(shapes.begin(), shapes.end(),
                                   [&](const auto& known) { return known.first == shape; });
    if (same == shapes.end()) {
      shapes.push_back({shape, {node->name}});
    } else {
      same->second.push_back(node->name);
    }
  }
  if (shapes.size() == 1) return {};
  std::string text = "its nodes are not all alike:";
  for (const auto& [shape, names] : shapes) {
    text += fmt::format("\n  {}: {}", some_of(names), words_of(shape));
  }
  return fail(Code::invalid, text +
                                 "\nname the nodes of one kind in its 'hosts', and make a pool of "
                                 "its own for each kind");
}

void add_features(const std::vector<NodeInfo>& nodes, Pool& pool) {
  std::map<std::string, NodeRanges> carried;
  for (const NodeInfo& node : nodes) {
    const auto at = std::find(pool.hosts.begin(), pool.hosts.end(), node.name);
    if (at == pool.hosts.end()) continue;
    const std::int64_t index = at - pool.hosts.begin();
    for (const std::string& feature : node.features) {
      carried[feature] = united(carried[feature], {{index, index}});
    }
  }
  for (auto& [name, where] : carried) {
    const bool said = std::any_of(pool.features.begin(), pool.features.end(),
                                  [&key = name](const Feature& f) { return f.name == key; });
    if (said) continue;
    if (count_nodes(where) == pool.nodes) where.clear();  // all of them
    pool.features.push_back({name, where});
  }
}

// What Slurm's states mean for work that waits; nullopt: the node takes it.
std::optional<std::pair<NodeState, std::string>> state_of(const NodeInfo& node) {
  const auto because = [&](std::string_view what) {
    return fmt::format("Slurm: {}{}{}", what, node.reason.empty() ? "" : ", ", node.reason);
  };
  for (const std::string_view gone :
       {"DOWN", "FAIL", "FAILING", "ERROR", "UNKNOWN", "NO_RESPOND", "NOT_RESPONDING",
        "POWERED_DOWN", "POWERING_DOWN", "POWER_DOWN", "POWERING_UP", "INVAL"}) {
    if (contains(node.states, gone)) return {{NodeState::down, because(lower(gone))}};
  }
  if (contains(node.states, "DRAIN")) return {{NodeState::draining, because("drained")}};
  for (const std::string_view kept : {"MAINT", "MAINTENANCE", "RESERVED", "REBOOT_REQUESTED",
                                      "REBOOT_ISSUED", "REBOOT", "FUTURE"}) {
    if (contains(node.states, kept)) return {{NodeState::cordoned, because(lower(kept))}};
  }
  return std::nullopt;
}

// So many devices that are not ours are held by others: which ones, only their cluster knows, and
// it hands them out by itself. Those that we do not count as ours come first.
std::vector<std::int64_t> foreign_devices(std::int64_t count, const Shape& shape, const Own& own) {
  std::vector<std::int64_t> devices;
  for (std::int64_t device = 0; device < shape.gpus && std::ssize(devices) < count; ++device) {
    const bool ours =
        std::find(own.devices.begin(), own.devices.end(), device) != own.devices.end();
    if (!ours) devices.push_back(device);
  }
  return devices;
}

}  // namespace

Result<void> complete_pool(const std::vector<NodeInfo>& nodes, const std::string& partition,
                           const std::vector<std::string>& known_hosts, Pool& pool) {
  std::vector<const NodeInfo*> members;
  std::set<std::string> partitions;
  for (const NodeInfo& node : nodes) {
    partitions.insert(node.partitions.begin(), node.partitions.end());
    const bool wanted = pool.hosts.empty() || contains(pool.hosts, node.name);
    if (contains(node.partitions, partition) && wanted) members.push_back(&node);
  }
  if (!partitions.contains(partition)) {
    return fail(Code::invalid, fmt::format("the cluster has no partition '{}'; it has {}",
                                           partition, fmt::join(partitions, ", ")));
  }
  for (const std::string& host : pool.hosts) {
    const bool there = std::any_of(members.begin(), members.end(),
                                   [&](const NodeInfo* node) { return node->name == host; });
    if (!there && !contains(known_hosts, host)) {
      return fail(Code::invalid,
                  fmt::format("the partition '{}' has no node '{}'", partition, host));
    }
  }
  if (members.empty()) {
    return fail(Code::invalid, fmt::format("the partition '{}' has no nodes", partition));
  }
  if (auto ok = be_of_one_shape(members); !ok) return ok;
  std::vector<std::string> hosts = pool.hosts.empty() ? known_hosts : pool.hosts;
  for (const NodeInfo* node : members) {
    if (!contains(hosts, node->name)) hosts.push_back(node->name);
  }
  pool.hosts = std::move(hosts);
  pool.nodes = std::ssize(pool.hosts);
  pool.whole_only = true;
  const std::string name = pool.shape.name;
  pool.shape = shape_of(*members.front());
  pool.shape.name = name;
  // Where gres.conf gives its GPUs no type, people say it.
  for (const auto& [key, value] : pool.engine_options) {
    if (key == "gpu" && pool.shape.gpus > 0) pool.shape.gpu = lower(value);
  }
  add_features(nodes, pool);
  return {};
}

void add_jobs(const JobRequest& request, const std::vector<JobInfo>& jobs,
              std::map<std::string, Own>& own) {
  const std::int64_t nodes = std::ssize(request.nodes);
  for (const JobInfo& job : jobs) {
    if (job.phase != JobPhase::running) continue;
    for (const std::string& host : request.nodes) {
      Own& here = own[host];
      // Slurm may give more cores than were asked for: whole ones of two threads each.
      here.cpus += std::max(request.cpus_per_node, job.cpus / nodes);
      here.memory_mib += request.memory_mib_per_node;
      here.gpus += request.gpus_per_node;
    }
  }
}

void add_devices(const Pool& pool, const std::vector<Holding>& holdings,
                 std::map<std::string, Own>& own) {
  for (const Holding& holding : holdings) {
    if (holding.node >= std::ssize(pool.hosts)) continue;
    auto& devices = own[pool.hosts[static_cast<std::size_t>(holding.node)]].devices;
    devices.insert(devices.end(), holding.devices.begin(), holding.devices.end());
  }
}

std::vector<NodeReport> report_nodes(const Pool& pool, const std::string& partition,
                                     const std::vector<NodeInfo>& nodes,
                                     const std::map<std::string, Own>& own) {
  std::map<std::string, const NodeInfo*> by_name;
  for (const NodeInfo& node : nodes) by_name[node.name] = &node;
  std::vector<NodeReport> reports;
  for (std::int64_t i = 0; i < std::ssize(pool.hosts); ++i) {
    const std::string& host = pool.hosts[static_cast<std::size_t>(i)];
    const auto found = by_name.find(host);
    NodeReport report{i, NodeState::up, "", {}};
    if (found == by_name.end() || !contains(found->second->partitions, partition)) {
      report.state = NodeState::down;
      report.reason = fmt::format("Slurm: {} is not in the partition {} any more", host, partition);
      reports.push_back(std::move(report));
      continue;
    }
    const NodeInfo& node = *found->second;
    if (const auto state = state_of(node)) std::tie(report.state, report.reason) = *state;
    const auto held = own.find(host);
    const Own ours = held == own.end() ? Own{} : held->second;
    const std::int64_t cpus = std::max<std::int64_t>(0, node.cpus_used - ours.cpus);
    const std::int64_t memory = std::max<std::int64_t>(0, node.memory_mib_used - ours.memory_mib);
    const std::int64_t gpus = std::max<std::int64_t>(0, node.gpus_used - ours.gpus);
    report.load = {cpus * 1'000, memory, foreign_devices(gpus, pool.shape, ours)};
    if (report != NodeReport{i, NodeState::up, "", {}}) reports.push_back(std::move(report));
  }
  return reports;
}

void believe_twice(std::vector<NodeReport>& reports, const std::vector<NodeReport>& before) {
  for (NodeReport& report : reports) {
    const auto same = std::find_if(before.begin(), before.end(),
                                   [&](const NodeReport& b) { return b.node == report.node; });
    if (same == before.end()) {
      report.load = {};
      continue;
    }
    report.load.cpus_milli = std::min(report.load.cpus_milli, same->load.cpus_milli);
    report.load.memory_mib = std::min(report.load.memory_mib, same->load.memory_mib);
    if (same->load.devices.size() < report.load.devices.size()) {
      report.load.devices = same->load.devices;
    }
  }
}

std::vector<NodeReport> report_all(const Pool& pool, const std::string& reason) {
  std::vector<NodeReport> reports;
  for (std::int64_t i = 0; i < pool.nodes; ++i) {
    reports.push_back({i, NodeState::cordoned, "Slurm: " + reason, {}});
  }
  return reports;
}

}  // namespace mohona::slurm

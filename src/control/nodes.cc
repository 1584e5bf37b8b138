// How what an engine says of a pool's nodes becomes inputs.
#include "control/effects.h"
#include "model/node_ranges.h"

namespace mohona {
namespace {

struct NodeView {
  NodeState state = NodeState::up;
  std::string reason, by;
  friend bool operator==(const NodeView&, const NodeView&) = default;
};

}  // namespace

void compare_nodes(const PoolRecord& record, const std::string& by,
                   const std::vector<NodeReport>& reports, std::vector<Input>& inputs) {
  std::map<std::int64_t, NodeView> known;
  for (const NodesChanged& entry : record.nodes) {
    for (const NodeRange& range : entry.nodes) {
      for (std::int64_t i = range.first; i <= range.last; ++i) {
        known[i] = {entry.state, entry.reason, entry.by};
      }
    }
  }
  std::map<std::int64_t, ForeignLoad> loads;
  for (const NodeLoaded& loaded : record.loads) loads[loaded.node] = loaded.load;

  // Those of one state and reason change together.
  std::map<std::pair<NodeState, std::string>, NodeRanges> changes;
  std::map<std::int64_t, NodeView> wanted;
  for (const NodeReport& report : reports) {
    if (report.state != NodeState::up) wanted[report.node] = {report.state, report.reason, by};
    if (loads[report.node] != report.load) {
      inputs.push_back(LoadNode{record.pool.name, report.node, report.load});
    }
    loads.erase(report.node);
  }
  for (const auto& [node, load] : loads) {
    if (load != ForeignLoad{}) inputs.push_back(LoadNode{record.pool.name, node, {}});
  }
  for (const auto& [node, view] : wanted) {
    const auto found = known.find(node);
    if (found != known.end() && found->second.by != by) continue;
    // A node that has drained is down as far as the state is concerned; that is no news.
    const bool drained = found != known.end() && view.state == NodeState::draining &&
                         found->second.reason == view.reason;
    if (found != known.end() && (found->second == view || drained)) continue;
    changes[{view.state, view.reason}].push_back({node, node});
  }
  for (const auto& [node, view] : known) {
    if (view.by == by && !wanted.contains(node)) {
      changes[{NodeState::up, ""}].push_back({node, node});
    }
  }
  for (const auto& [to, nodes] : changes) {
    inputs.push_back(ChangeNodes{record.pool.name, normalised(nodes), to.first, to.second, by});
  }
}

}  // namespace mohona

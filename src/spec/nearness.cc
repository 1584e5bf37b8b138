// How many nodes a job takes, how near to each other they stand, and what they carry.
#include <fmt/format.h>

#include "spec/draft.h"

namespace mohona {
namespace {

constexpr std::size_t features_max = 64;

// A rack is what most fleets have for a leaf.
void read_level(const SpecNode& node, Level& out, Problems& problems) {
  constexpr std::array<std::string_view, 4> levels = {"leaf", "block", "fabric", "rack"};
  if (node.is_scalar() && node.text == "rack") {
    out = Level::leaf;
  } else if (node.is_scalar() &&
             std::find(levels.begin(), levels.end(), node.text) != levels.end()) {
    out = *parse_name<Level>(node.text);
  } else {
    wrong(node, suggestion(node.text, {levels.begin(), levels.end()}), problems);
  }
}

constexpr std::array<Key<Draft>, 3> topology_keys = {{
    {"within",
     [](const SpecNode& n, Draft& d) { read_level(n, d.spec().nearness.within, d.problems); }},
    {"prefer",
     [](const SpecNode& n, Draft& d) { read_level(n, d.spec().nearness.prefer, d.problems); }},
    {"segment",
     [](const SpecNode& n, Draft& d) {
       read_whole(n, {1, segment_max}, d.spec().nearness.segment, d.problems);
     }},
}};

// Whether the node says how many nodes; else that is noted already, and nothing follows from it.
bool is_count(const SpecNode* node) {
  Problems inside;
  std::int64_t count = 0;
  return node && read_whole(*node, {1, gang_nodes_max}, count, inside);
}

}  // namespace

void read_topology(const SpecNode& node, Draft& draft) {
  if (!is_map(node, "{within: block, prefer: leaf, segment: 4}", draft.problems)) return;
  read_keys(node, topology_keys, {}, draft, draft.problems);
  const Nearness& near = draft.spec().nearness;
  const SpecNode* prefer = node.find("prefer");
  if (prefer && prefer->is_scalar() && near.prefer > near.within) {
    wrong(*prefer, fmt::format("expected no more than 'within', which is {}", name(near.within)),
          draft.problems);
  }
}

void read_features(const SpecNode& node, Draft& draft) {
  const auto take = [&](const SpecNode& item) {
    if (item.is_scalar() && is_name(item.text)) {
      add_feature(item.text, draft.spec());
    } else {
      wrong(item, "expected names of features, such as [ib, nvme]; each node carries all of them",
            draft.problems);
    }
  };
  if (!node.is_list()) {
    take(node);
  } else if (node.children.size() > features_max) {
    draft.problems.add(node.place, fmt::format("'features' has {} items", node.children.size()),
                       fmt::format("expected at most {}", features_max));
  } else {
    for (const SpecNode& item : node.children) take(item);
  }
}

void add_feature(const std::string& name, JobSpec& spec) {
  auto& all = spec.features.edit();
  if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
}

void check_nodes(Draft& draft) {
  JobSpec& spec = draft.spec();
  const SpecNode* min = draft.document.find("min_nodes");
  const SpecNode* max = draft.document.find("max_nodes");
  const SpecNode* num = draft.document.find("num_nodes");
  if (max && num) {
    draft.problems.add(max->key_place, "'max_nodes' stands beside 'num_nodes'",
                       "expected one of the two: they say the same");
  }
  if (min && !max && !num) {
    draft.problems.add(min->key_place, "'min_nodes' has no 'max_nodes' beside it",
                       "expected max_nodes: N");
  } else if (min && is_count(max ? max : num) && spec.min_nodes > spec.num_nodes) {
    wrong(*min,
          fmt::format("expected at most '{}', {}", max ? "max_nodes" : "num_nodes", spec.num_nodes),
          draft.problems);
  }
  if (spec.min_nodes == spec.num_nodes) spec.min_nodes = 0;  // one way to say it
  if ((max && !is_count(max)) || (num && !is_count(num))) return;
  const SpecNode* topology = draft.document.find("topology");
  if (const SpecNode* segment = topology ? topology->find("segment") : nullptr) {
    check_segment(*segment, draft);
  }
}

// Segments of different sizes would not all be what the work expects of a segment.
void check_segment(const SpecNode& segment, Draft& draft) {
  const JobSpec& spec = draft.spec();
  for (const std::int64_t nodes : {spec.num_nodes, spec.min_nodes}) {
    if (nodes % spec.nearness.segment == 0) continue;
    wrong(segment, fmt::format("expected a number that divides {}, the number of nodes", nodes),
          draft.problems);
  }
}

}  // namespace mohona

// A fleet file's pools: machines, what they cost, and how they hang together.
#include <fmt/format.h>

#include <set>

#include "base/text.h"
#include "spec/fleet_draft.h"

namespace mohona {
namespace {

constexpr std::int64_t pools_max = 10'000;
constexpr std::int64_t leaf_nodes_max = 64;
constexpr std::int64_t division_max = 10'000;  // leaves a block, blocks a fabric
constexpr std::size_t features_max = 1'000;

void read_amount(const SpecNode& node, std::optional<Amount> amount, std::string_view expected,
                 std::int64_t& out, Problems& problems) {
  if (node.is_scalar() && amount && !amount->or_more) {
    out = amount->value;
  } else {
    wrong(node, std::string(expected), problems);
  }
}

constexpr std::array<Key<PoolDraft>, 4> shape_keys = {{
    {"name", [](const SpecNode& n, PoolDraft& d) { read_text(n, d.pool.shape.name, d.problems); }},
    {"cpus",
     [](const SpecNode& n, PoolDraft& d) {
       read_amount(n, parse_cpus(n.text, Round::down), "expected a number of cores, such as 192",
                   d.pool.shape.cpus_milli, d.problems);
     }},
    {"memory",
     [](const SpecNode& n, PoolDraft& d) {
       read_amount(n, parse_memory(n.text, Round::down),
                   "expected an amount of memory, such as 16GB or 512MB", d.pool.shape.memory_mib,
                   d.problems);
     }},
    {"accelerators",
     [](const SpecNode& n, PoolDraft& d) {
       const auto gpus = read_accelerators(n, Parts::refused, d.problems);
       if (gpus.size() > 1) wrong(n, "expected accelerators of one kind", d.problems);
       if (gpus.size() != 1) return;
       d.pool.shape.gpu = gpus[0].name;
       d.pool.shape.gpus = gpus[0].count;
     }},
}};

void read_shape(const SpecNode& node, PoolDraft& draft) {
  if (!is_map(node, "{name: NAME, cpus: N, memory: 16GB, accelerators: H100:8}", draft.problems)) {
    return;
  }
  read_keys(node, shape_keys, {}, draft, draft.problems);
  if (!node.find("cpus") && draft.pool.engine != "slurm") {
    lacks(node, "cpus", node.key_place, "'shape' has no 'cpus'", "expected cpus: N",
          draft.problems);
  }
}

void read_engine(const SpecNode& node, PoolDraft& draft) {
  constexpr std::array<std::string_view, 4> engines = {"local", "ssh", "slurm", "kubernetes"};
  if (node.is_scalar() && std::find(engines.begin(), engines.end(), node.text) != engines.end()) {
    draft.pool.engine = node.text;
  } else {
    wrong(node, suggestion(node.text, {engines.begin(), engines.end()}), draft.problems);
  }
}

void read_price(const SpecNode& node, PoolDraft& draft) {
  const auto price = parse_price(node.text);
  if (node.is_scalar() && price) {
    draft.pool.price = *price;
  } else {
    wrong(node, "expected dollars per node-hour, such as 0.35", draft.problems);
  }
}

constexpr std::array<Key<PoolDraft>, 3> topology_keys = {{
    {"leaf",
     [](const SpecNode& n, PoolDraft& d) {
       read_whole(n, {1, leaf_nodes_max}, d.pool.topology.leaf, d.problems);
     }},
    {"block",
     [](const SpecNode& n, PoolDraft& d) {
       read_whole(n, {1, division_max}, d.pool.topology.block, d.problems);
     }},
    {"fabric",
     [](const SpecNode& n, PoolDraft& d) {
       read_whole(n, {1, division_max}, d.pool.topology.fabric, d.problems);
     }},
}};

void read_topology(const SpecNode& node, PoolDraft& draft) {
  if (!is_map(node, "{leaf: NODES, block: LEAVES, fabric: BLOCKS}", draft.problems)) return;
  read_keys(node, topology_keys, {}, draft, draft.problems);
  const auto needs = [&](const char* level, const char* below, const char* unit) {
    const SpecNode* wide = node.find(level);
    if (!wide || node.find(below)) return;
    draft.problems.add(wide->key_place,
                       fmt::format("'{}' counts {}, and there is no '{}'", level, unit, below),
                       fmt::format("expected {}: N beside it", below));
  };
  needs("block", "leaf", "leaves");
  needs("fabric", "block", "blocks");
}

struct FeatureDraft {
  Feature feature;
  std::int64_t pool_nodes;
  Problems& problems;
};

constexpr std::array<Key<FeatureDraft>, 2> feature_keys = {{
    {"name", [](const SpecNode& n, FeatureDraft& d) { read_name(n, d.feature.name, d.problems); }},
    {"nodes",
     [](const SpecNode& n, FeatureDraft& d) {
       read_node_list(n, d.pool_nodes, d.feature.nodes, d.problems);
     }},
}};

// "ib", or {name: fast, nodes: 0-15,32}. Returns where the name stands.
Place read_feature(const SpecNode& node, FeatureDraft& draft) {
  if (!node.is_map()) {
    if (node.is_scalar() && is_name(node.text)) {
      draft.feature.name = node.text;
    } else {
      wrong(node, "expected names such as ib, or {name: fast, nodes: \"0-15,32\"}", draft.problems);
    }
    return node.place;
  }
  const SpecNode whole = with_whole_node_lists(node);
  read_keys(whole, feature_keys, {}, draft, draft.problems);
  if (const SpecNode* name = whole.find("name")) return name->place;
  lacks(whole, "name", node.place, "this feature has no 'name'", "expected name: NAME",
        draft.problems);
  return node.place;
}

void read_features(const SpecNode& node, PoolDraft& draft) {
  const std::vector<SpecNode> one = {node};
  const std::vector<SpecNode>& items = node.is_list() ? node.children : one;
  if (items.size() > features_max) {
    draft.problems.add(node.place, fmt::format("'features' has {} items", items.size()),
                       fmt::format("expected at most {}", features_max));
    return;
  }
  std::set<std::string> names;
  for (const SpecNode& item : items) {
    FeatureDraft feature{{}, draft.pool.nodes, draft.problems};
    const Place place = read_feature(item, feature);
    const std::string& name = feature.feature.name;
    if (name.empty()) continue;
    if (!names.insert(name).second) {
      draft.problems.add(place, fmt::format("the feature {} is named twice", in_quotes(name)),
                         "expected each once, with all its nodes");
    }
    draft.pool.features.push_back(std::move(feature.feature));
  }
}

constexpr std::array<Key<PoolDraft>, 15> pool_keys = {{
    {"name", [](const SpecNode& n, PoolDraft& d) { read_name(n, d.pool.name, d.problems); }},
    {"cloud", [](const SpecNode& n, PoolDraft& d) { read_cloud(n, d.pool.cloud, d.problems); }},
    {"region", [](const SpecNode& n, PoolDraft& d) { read_text(n, d.pool.region, d.problems); }},
    {"zone", [](const SpecNode& n, PoolDraft& d) { read_text(n, d.pool.zone, d.problems); }},
    {"account", [](const SpecNode& n, PoolDraft& d) { read_text(n, d.pool.account, d.problems); }},
    {"shape", read_shape},
    {"nodes",
     [](const SpecNode& n, PoolDraft& d) {
       read_whole(n, {1, pool_nodes_max}, d.pool.nodes, d.problems);
     }},
    {"share_nodes",
     [](const SpecNode& n, PoolDraft& d) { read_flag(n, d.pool.share_nodes, d.problems); }},
    {"engine", read_engine},
    {"purchase",
     [](const SpecNode& n, PoolDraft& d) { read_choice(n, d.pool.purchase, d.problems); }},
    {"price", read_price},
    {"topology", read_topology},
    {"features", [](const SpecNode& n, PoolDraft& d) { d.features = &n; }},
    {"slurm", read_slurm},
    {"hosts", read_hosts},
}};

Pool read_pool(const SpecNode& node, Problems& problems) {
  PoolDraft draft{{}, problems};
  if (!is_map(node, "a map such as {name: here, cloud: local, shape: {cpus: 8}, nodes: 1}",
              problems)) {
    return draft.pool;
  }
  // Which keys there may be depends on it.
  const SpecNode* engine = node.find("engine");
  const bool slurm = node.find("slurm") || (engine && engine->text == "slurm");
  if (slurm) draft.pool.engine = "slurm";
  read_keys(node, pool_keys, {}, draft, problems);
  check_slurm(node, draft);
  if (draft.features) read_features(*draft.features, draft);
  for (const std::string_view key : {"name", "cloud", "shape", "nodes"}) {
    if (slurm && (key == "shape" || key == "nodes")) continue;
    if (!node.find(key))
      lacks(node, key, node.place, fmt::format("this pool has no '{}'", key),
            "expected name, cloud, shape and nodes", problems);
  }
  return draft.pool;
}

}  // namespace

void read_pools(const SpecNode& node, FleetDraft& draft) {
  if (!is_list(node, "a list of pools", draft.problems)) return;
  if (node.children.empty() || std::ssize(node.children) > pools_max) {
    draft.problems.add(node.place, fmt::format("'pools' has {} items", node.children.size()),
                       fmt::format("expected 1 to {} pools", pools_max));
    return;
  }
  std::set<std::string> names;
  for (const SpecNode& item : node.children) {
    draft.fleet.pools.push_back(read_pool(item, draft.problems));
    const SpecNode* name = item.find("name");
    if (!name || names.insert(draft.fleet.pools.back().name).second) continue;
    draft.problems.add(name->place, fmt::format("two pools are named {}", in_quotes(name->text)),
                       "expected a name of its own for each");
  }
}

bool read_node_list(const SpecNode& node, std::int64_t pool_nodes, NodeRanges& out,
                    Problems& problems) {
  std::string text = node.text;
  bool fine = node.is_scalar() || node.is_list();
  for (const SpecNode& item : node.children) {
    fine = fine && item.is_scalar();
    text += (text.empty() ? "" : ",") + item.text;
  }
  const auto nodes = fine ? parse_node_ranges(text) : std::nullopt;
  if (!nodes) {
    wrong(node, "expected the indices of nodes, such as 0-15,32", problems);
    return false;
  }
  if (pool_nodes > 0 && nodes->back().last >= pool_nodes) {
    wrong(node,
          fmt::format("expected nodes from 0 to {}: the pool has {}", pool_nodes - 1, pool_nodes),
          problems);
    return false;
  }
  return out = *nodes, true;
}

SpecNode with_whole_node_lists(const SpecNode& map) {
  SpecNode out = map;
  out.children.clear();
  for (const SpecNode& child : map.children) {
    const bool continues = child.is_null() && !out.children.empty() &&
                           out.children.back().key == "nodes" && out.children.back().is_scalar() &&
                           parse_node_ranges(child.key);
    if (!continues) {
      out.children.push_back(child);
      continue;
    }
    SpecNode& list = out.children.back();
    list.text += "," + child.key;
    list.place.length = child.key_place.begin + child.key_place.length - list.place.begin;
  }
  return out;
}

}  // namespace mohona

#include "spec/fleet_file.h"

#include <fmt/format.h>

#include <set>

#include "base/text.h"
#include "spec/fields.h"
#include "spec/yaml.h"

namespace mohona {
namespace {

constexpr std::int64_t pool_nodes_max = 1'000'000;
constexpr std::int64_t pools_max = 10'000;

struct PoolDraft {
  Pool pool;
  Problems& problems;
};

void read_amount(const Node& node, std::optional<Amount> amount, std::string_view expected,
                 std::int64_t& out, Problems& problems) {
  if (node.is_scalar() && amount && !amount->or_more) {
    out = amount->value;
  } else {
    wrong(node, std::string(expected), problems);
  }
}

constexpr std::array<Key<PoolDraft>, 4> shape_keys = {{
    {"name", [](const Node& n, PoolDraft& d) { read_text(n, d.pool.shape.name, d.problems); }},
    {"cpus",
     [](const Node& n, PoolDraft& d) {
       read_amount(n, parse_cpus(n.text), "expected a number of cores, such as 192",
                   d.pool.shape.cpus_milli, d.problems);
     }},
    {"memory",
     [](const Node& n, PoolDraft& d) {
       read_amount(n, parse_memory(n.text), "expected an amount of memory, such as 16GB or 512MB",
                   d.pool.shape.memory_mib, d.problems);
     }},
    {"accelerators",
     [](const Node& n, PoolDraft& d) {
       const auto gpus = read_accelerators(n, d.problems);
       if (gpus.size() > 1) wrong(n, "expected accelerators of one kind", d.problems);
       if (gpus.size() != 1) return;
       d.pool.shape.gpu = gpus[0].name;
       d.pool.shape.gpus = gpus[0].count;
     }},
}};

void read_shape(const Node& node, PoolDraft& draft) {
  if (!is_map(node, "{name: NAME, cpus: N, memory: 16GB, accelerators: H100:8}", draft.problems)) {
    return;
  }
  read_keys(node, shape_keys, {}, draft, draft.problems);
  if (!node.find("cpus")) {
    draft.problems.add(node.key_place, "'shape' has no 'cpus'", "expected cpus: N");
  }
}

void read_engine(const Node& node, PoolDraft& draft) {
  constexpr std::array<std::string_view, 4> engines = {"local", "ssh", "slurm", "kubernetes"};
  if (node.is_scalar() && std::find(engines.begin(), engines.end(), node.text) != engines.end()) {
    draft.pool.engine = node.text;
  } else {
    wrong(node, suggestion(node.text, {engines.begin(), engines.end()}), draft.problems);
  }
}

void read_price(const Node& node, PoolDraft& draft) {
  const auto price = parse_price(node.text);
  if (node.is_scalar() && price) {
    draft.pool.price = *price;
  } else {
    wrong(node, "expected dollars per node-hour, such as 0.35", draft.problems);
  }
}

constexpr std::array<Key<PoolDraft>, 10> pool_keys = {{
    {"name", [](const Node& n, PoolDraft& d) { read_name(n, d.pool.name, d.problems); }},
    {"cloud",
     [](const Node& n, PoolDraft& d) {
       read_name(n, d.pool.cloud, d.problems);
       d.pool.cloud = lower(d.pool.cloud);
     }},
    {"region", [](const Node& n, PoolDraft& d) { read_text(n, d.pool.region, d.problems); }},
    {"zone", [](const Node& n, PoolDraft& d) { read_text(n, d.pool.zone, d.problems); }},
    {"shape", read_shape},
    {"nodes",
     [](const Node& n, PoolDraft& d) {
       read_whole(n, {1, pool_nodes_max}, d.pool.nodes, d.problems);
     }},
    {"share_nodes",
     [](const Node& n, PoolDraft& d) { read_flag(n, d.pool.share_nodes, d.problems); }},
    {"engine", read_engine},
    {"purchase", [](const Node& n, PoolDraft& d) { read_choice(n, d.pool.purchase, d.problems); }},
    {"price", read_price},
}};

Pool read_pool(const Node& node, Problems& problems) {
  PoolDraft draft{{}, problems};
  if (!is_map(node, "a map such as {name: here, cloud: local, shape: {cpus: 8}, nodes: 1}",
              problems)) {
    return draft.pool;
  }
  read_keys(node, pool_keys, {}, draft, problems);
  for (const std::string_view key : {"name", "cloud", "shape", "nodes"}) {
    if (!node.find(key))
      problems.add(node.place, fmt::format("this pool has no '{}'", key),
                   "expected name, cloud, shape and nodes");
  }
  return draft.pool;
}

struct FleetDraft {
  Fleet fleet;
  Problems& problems;
};

void read_pools(const Node& node, FleetDraft& draft) {
  if (!is_list(node, "a list of pools", draft.problems)) return;
  if (node.children.empty() || std::ssize(node.children) > pools_max) {
    draft.problems.add(node.place, fmt::format("'pools' has {} items", node.children.size()),
                       fmt::format("expected 1 to {} pools", pools_max));
    return;
  }
  std::set<std::string> names;
  for (const Node& item : node.children) {
    draft.fleet.pools.push_back(read_pool(item, draft.problems));
    const Node* name = item.find("name");
    if (!name || names.insert(draft.fleet.pools.back().name).second) continue;
    draft.problems.add(name->place, fmt::format("two pools are named {}", in_quotes(name->text)),
                       "expected a name of its own for each");
  }
}

constexpr std::array<Key<FleetDraft>, 1> fleet_keys = {{{"pools", read_pools}}};

}  // namespace

Result<Fleet> parse_fleet_file(const Source& given) {
  const Source source = with_plain_lines(given);
  Problems problems;
  FleetDraft draft{{}, problems};
  std::vector<Node> documents;
  if (check_text(source.text, problems)) documents = parse_yaml(source.text, problems);
  if (problems.none()) {
    constexpr std::string_view expected = "expected pools: [...]";
    if (documents.size() != 1) {
      problems.add(documents.empty() ? Place{} : documents[1].place,
                   documents.empty() ? "the file is empty" : "a fleet file has one document",
                   std::string(expected));
    } else if (!documents[0].is_map() || !documents[0].find("pools")) {
      problems.add(documents[0].place, "the file has no 'pools'", std::string(expected));
    }
    if (!documents.empty() && documents[0].is_map()) {
      read_keys(documents[0], fleet_keys, {}, draft, problems);
    }
  }
  if (!problems.none()) return fail(problems.error(source));
  return std::move(draft.fleet);
}

}  // namespace mohona

// A fleet file's pools that are partitions of Slurm clusters.
#include <fmt/format.h>

#include "model/host_list.h"
#include "spec/fleet_draft.h"

namespace mohona {
namespace {

void add_option(const SpecNode& node, std::string_view name, PoolDraft& draft) {
  std::string value;
  if (!read_text(node, value, draft.problems)) return;
  draft.pool.engine_options.emplace_back(name, std::move(value));
}

// Where the controller was started from says nothing about a file that it reads years later.
void add_path(const SpecNode& node, std::string_view name, PoolDraft& draft) {
  if (node.is_scalar() && node.text.starts_with('/')) return add_option(node, name, draft);
  wrong(node, "expected an absolute path, such as /etc/slurm/slurm.conf", draft.problems);
}

constexpr std::array<Key<PoolDraft>, 8> slurm_keys = {{
    {"partition", [](const SpecNode& n, PoolDraft& d) { add_option(n, "partition", d); }},
    {"account", [](const SpecNode& n, PoolDraft& d) { add_option(n, "account", d); }},
    {"qos", [](const SpecNode& n, PoolDraft& d) { add_option(n, "qos", d); }},
    {"reservation", [](const SpecNode& n, PoolDraft& d) { add_option(n, "reservation", d); }},
    {"gpu", [](const SpecNode& n, PoolDraft& d) { add_option(n, "gpu", d); }},
    {"conf", [](const SpecNode& n, PoolDraft& d) { add_path(n, "conf", d); }},
    {"rest",
     [](const SpecNode& n, PoolDraft& d) {
       if (n.is_scalar() && (n.text.starts_with("unix:/") || n.text.starts_with("http://"))) {
         return add_option(n, "rest", d);
       }
       wrong(n, "expected where slurmrestd listens: unix:/run/slurmrestd.sock or http://HOST:6820",
             d.problems);
     }},
    {"token", [](const SpecNode& n, PoolDraft& d) { add_path(n, "token", d); }},
}};

}  // namespace

void read_slurm(const SpecNode& node, PoolDraft& draft) {
  if (!is_map(node, "{partition: NAME, account: NAME, conf: /etc/slurm/slurm.conf}",
              draft.problems)) {
    return;
  }
  read_keys(node, slurm_keys, {}, draft, draft.problems);
  const SpecNode* rest = node.find("rest");
  if (rest && rest->text.starts_with("http://") && !node.find("token")) {
    draft.problems.add(rest->place, "'rest' over http has no 'token'",
                       "expected token: FILE, with what `scontrol token` prints after the '='");
  }
}

void read_hosts(const SpecNode& node, PoolDraft& draft) {
  std::string text = node.text;
  bool fine = node.is_scalar() || node.is_list();
  for (const SpecNode& item : node.children) {
    fine = fine && item.is_scalar();
    text += (text.empty() ? "" : ",") + item.text;
  }
  const auto hosts = fine ? parse_host_list(text) : std::nullopt;
  if (!hosts) {
    return wrong(node, "expected names of nodes, such as node[1-16] or [node1, node7]",
                 draft.problems);
  }
  draft.pool.hosts = *hosts;
}

void check_slurm(const SpecNode& pool, PoolDraft& draft) {
  Pool& read = draft.pool;
  const SpecNode* engine = pool.find("engine");
  if (const SpecNode* slurm = pool.find("slurm"); slurm && engine && engine->text != "slurm") {
    draft.problems.add(slurm->key_place,
                       fmt::format("'slurm' stands beside engine: {}", engine->text),
                       "expected engine: slurm");
    return;
  }
  if (read.engine != "slurm") {
    if (const SpecNode* hosts = pool.find("hosts")) {
      draft.problems.add(hosts->key_place, "'hosts' names nodes of a Slurm cluster",
                         "expected engine: slurm beside it");
    }
    return;
  }
  const auto told = [&](const SpecNode* node, std::string_view what) {
    if (!node) return;
    draft.problems.add(node->key_place,
                       fmt::format("'{}' is what the Slurm cluster tells by itself", what),
                       "leave it out; 'hosts' takes some of a partition's nodes");
  };
  told(pool.find("nodes"), "nodes");
  if (const SpecNode* shape = pool.find("shape")) {
    for (const std::string_view key : {"cpus", "memory", "accelerators"}) {
      told(shape->find(key), key);
    }
  }
  const bool named = std::any_of(read.engine_options.begin(), read.engine_options.end(),
                                 [](const auto& o) { return o.first == "partition"; });
  if (!named) read.engine_options.emplace_back("partition", read.name);
}

}  // namespace mohona

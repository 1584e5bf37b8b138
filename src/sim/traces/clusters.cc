// Fleets of the public traces.
#include <fmt/format.h>

#include "base/gz_lines.h"
#include "base/text.h"
#include "sim/traces/table.h"
#include "sim/traces/traces.h"

namespace mohona {
namespace {

constexpr std::int64_t nodes_max = 1'000'000;

Pool pool_of(const std::string& name, std::int64_t nodes, std::int64_t gpus) {
  Pool pool;
  pool.name = pool.cloud = name;
  pool.nodes = nodes;
  pool.shape.gpus = gpus;
  pool.shape.gpu = gpus > 0 ? "gpu" : "";
  pool.shape.cpus_milli = 96'000;
  return pool;
}

// "4x8": nodes × GPUs; "128x96c": nodes × cores, which members of a gang may share.
Result<Fleet> written_out(const std::string& text) {
  const auto by = split(text, 'x');
  std::string_view each = by.back();
  const bool cores = each.ends_with('c');
  if (cores) each.remove_suffix(1);
  const auto nodes = parse_whole(by.front()), units = parse_whole(each);
  if (by.size() != 2 || !nodes || !units || *nodes < 1 || *nodes > nodes_max || *units < 1 ||
      (!cores && *units > 64)) {
    return fail(
        Code::invalid,
        fmt::format("--cluster {}: write NODESxGPUS as in 8x8, NODESxCORESc, or the path of "
                    "a cluster file",
                    text));
  }
  Pool pool = pool_of("cluster", *nodes, cores ? 0 : *units);
  if (cores) pool.shape.cpus_milli = *units * 1'000, pool.share_nodes = true;
  return Fleet{{pool}, {}, {}, {}};
}

}  // namespace

Result<Fleet> read_cluster(const std::string& name) {
  if (!name.empty() && name.find_first_not_of("0123456789xc") == std::string::npos) {
    return written_out(name);
  }
  std::string head;
  const auto first = for_lines(name, [&](std::size_t, std::string_view line) -> Result<void> {
    if (head.empty()) head = line;
    return {};
  });
  if (!first) return fail(first.error());
  Fleet fleet;
  Result<void> ok;
  if (head.starts_with("num_switch")) {
    ok = read_table(name, {"num_switch", "num_node_p_switch", "num_gpu_p_node"},
                    [&](const TableRow& row) -> Result<void> {
                      const auto switches = row.whole("num_switch"),
                                 nodes = row.whole("num_node_p_switch"),
                                 gpus = row.whole("num_gpu_p_node");
                      for (const auto* v : {&switches, &nodes, &gpus}) {
                        if (!*v) return fail(v->error());
                        if (**v < 1 || **v > nodes_max) return row.error("out of range");
                      }
                      fleet.pools.push_back(pool_of("cluster", *switches * *nodes, *gpus));
                      return {};
                    });
  } else if (head.starts_with("vc,")) {
    std::int64_t all = 0;
    ok = read_table(name, {"vc", "node num"}, [&](const TableRow& row) -> Result<void> {
      const auto nodes = row.whole("node num");
      if (!nodes) return fail(nodes.error());
      if (*nodes < 1 || *nodes > nodes_max) return row.error("out of range");
      all += *nodes;
      fleet.queues.push_back({.name = std::string(row.text("vc")), .guarantee_ppm = *nodes});
      return {};
    });
    // What a virtual cluster has is its guarantee; what it leaves idle, the others may use.
    for (Queue& queue : fleet.queues) queue.guarantee_ppm = queue.guarantee_ppm * 1'000'000 / all;
    if (ok) fleet.pools.push_back(pool_of("cluster", all, 8));
  } else if (head.starts_with("sn,")) {
    std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::string>, std::int64_t> kinds;
    ok = read_table(name, {"sn", "cpu_milli", "memory_mib", "gpu", "model"},
                    [&](const TableRow& row) -> Result<void> {
                      const auto cpus = row.whole("cpu_milli"), memory = row.whole("memory_mib"),
                                 gpus = row.whole("gpu");
                      for (const auto* v : {&cpus, &memory, &gpus}) {
                        if (!*v) return fail(v->error());
                      }
                      std::string model(row.text("model"));
                      for (char& c : model) {
                        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
                      }
                      ++kinds[{*gpus, *cpus, *memory, model}];
                      return {};
                    });
    for (const auto& [kind, nodes] : kinds) {
      const auto& [gpus, cpus, memory, model] = kind;
      Pool pool = pool_of(fmt::format("{}x{}-{}c-{}g", gpus, model.empty() ? "none" : model,
                                      cpus / 1'000, memory / 1'024),
                          nodes, gpus);
      pool.shape.cpus_milli = cpus;
      pool.shape.memory_mib = memory;
      pool.shape.gpu = model;
      fleet.pools.push_back(std::move(pool));
    }
  } else {
    return fail(Code::invalid,
                fmt::format("{}: neither a cluster of Muri, nor Philly's virtual clusters, nor a "
                            "list of openb's nodes: '{}'",
                            name, head));
  }
  if (!ok) return fail(ok.error());
  if (fleet.pools.empty()) return fail(Code::invalid, name + ": there is no node in it");
  return fleet;
}

}  // namespace mohona

// Fleets of the public traces.
#include <fmt/format.h>

#include "base/gz_lines.h"
#include "base/text.h"
#include "core/fleet/space.h"
#include "sim/traces/traces.h"
#include "traces/openb.h"
#include "traces/table.h"

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

Result<Fleet> read_muri_cluster(const std::string& path) {
  Fleet fleet;
  const auto ok = for_rows(
      path, {"num_switch", "num_node_p_switch", "num_gpu_p_node"},
      [&](const TableRow& row) -> Result<void> {
        const auto switches = row.whole("num_switch", {1, 1'000}),
                   nodes = row.whole("num_node_p_switch", {1, 1'000}),
                   gpus = row.whole("num_gpu_p_node", {1, gpus_per_node_max});
        for (const auto* v : {&switches, &nodes, &gpus}) {
          if (!*v) return fail(v->error());
        }
        const auto name = fleet.pools.empty() ? std::string("cluster")
                                              : fmt::format("cluster-{}", fleet.pools.size() + 1);
        fleet.pools.push_back(pool_of(name, *switches * *nodes, *gpus));
        return {};
      });
  if (!ok) return fail(ok.error());
  return fleet;
}

// What a virtual cluster has is its guarantee; what it leaves idle, the others may use.
Result<Fleet> read_philly_cluster(const std::string& path) {
  Fleet fleet;
  std::int64_t all = 0;
  const auto ok = for_rows(path, {"vc", "node num"}, [&](const TableRow& row) -> Result<void> {
    const auto nodes = row.whole("node num", {1, nodes_max});
    if (!nodes) return fail(nodes.error());
    all += *nodes;
    fleet.queues.push_back({.name = std::string(row.text("vc")), .guarantee_ppm = *nodes});
    return {};
  });
  if (!ok) return fail(ok.error());
  for (Queue& queue : fleet.queues) queue.guarantee_ppm = queue.guarantee_ppm * 1'000'000 / all;
  if (all > 0) fleet.pools.push_back(pool_of("cluster", all, 8));
  return fleet;
}

Result<Fleet> read_openb_cluster(const std::string& path) {
  auto nodes = read_openb_nodes(path, true);
  if (!nodes) return fail(nodes.error());
  for (Pool& pool : nodes->pools) pool.cloud = pool.name;
  return Fleet{std::move(nodes->pools), {}, {}, {}};
}

}  // namespace

Result<Fleet> read_cluster(const std::string& name) {
  if (!name.empty() && name.find_first_not_of("0123456789xc") == std::string::npos) {
    return written_out(name);
  }
  std::string head;
  const auto first =
      for_lines(name, [&](std::size_t number, std::string_view line) -> Result<void> {
        if (number == 1) head = line;
        return {};
      });
  if (!first) return fail(first.error());
  Result<Fleet> fleet =
      fail(Code::invalid,
           fmt::format("{}: neither a cluster of Muri, nor Philly's virtual clusters, nor "
                       "a list of openb's nodes: '{}'",
                       name, head));
  if (head.starts_with("num_switch")) fleet = read_muri_cluster(name);
  if (head.starts_with("vc,")) fleet = read_philly_cluster(name);
  if (head.starts_with("sn,")) fleet = read_openb_cluster(name);
  if (fleet && fleet->pools.empty()) return fail(Code::invalid, name + ": there is no node in it");
  return fleet;
}

}  // namespace mohona

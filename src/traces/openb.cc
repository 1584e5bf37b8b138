#include "traces/openb.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "core/fleet/space.h"
#include "traces/table.h"

namespace mohona {
namespace {

constexpr std::int64_t number_max = 1'000'000'000;  // of cores, MiB and so on

// Nothing there: 0.
Result<std::int64_t> number(const TableRow& row, std::string_view column,
                            std::int64_t max = number_max) {
  if (row.text(column).empty()) return std::int64_t{0};
  return row.whole(column, {0, max});
}

Result<OpenbTask> task_of(const TableRow& row) {
  OpenbTask task;
  const auto cpus = number(row, "cpu_milli"), memory = number(row, "memory_mib");
  const auto gpus = number(row, "num_gpu", gpus_per_node_max);
  const auto milli = number(row, "gpu_milli", 1'000);
  for (const auto* field : {&cpus, &memory, &gpus, &milli}) {
    if (!*field) return fail(field->error());
  }
  task.demand.cpus_milli = *cpus;
  task.demand.memory_mib = *memory;
  if (*gpus == 1 && *milli > 0 && *milli < 1'000) {
    task.demand.gpu_milli = *milli;
  } else {
    task.demand.gpus = *gpus;
  }
  for (const std::string_view model : split(row.text("gpu_spec"), '|')) {
    if (!trim(model).empty()) task.models.push_back(lower(trim(model)));
  }
  std::sort(task.models.begin(), task.models.end());
  task.models.erase(std::unique(task.models.begin(), task.models.end()), task.models.end());
  return task;
}

}  // namespace

Result<OpenbNodes> read_openb_nodes(const std::string& path, bool also_without_gpus) {
  OpenbNodes out;
  std::vector<Pool>& pools = out.pools;
  const auto read = for_rows(
      path, {"cpu_milli", "memory_mib", "gpu", "model"}, [&](const TableRow& row) -> Result<void> {
        const auto cpus = number(row, "cpu_milli"), memory = number(row, "memory_mib");
        const auto gpus = number(row, "gpu", gpus_per_node_max);
        for (const auto* field : {&cpus, &memory, &gpus}) {
          if (!*field) return fail(field->error());
        }
        if (*gpus == 0 && !also_without_gpus) return {};
        if (*gpus > 0 && row.text("model").empty()) return row.wrong("GPUs without a model");
        Shape shape{"", *cpus, *memory, lower(row.text("model")), *gpus};
        auto same = std::find_if(pools.begin(), pools.end(),
                                 [&](const Pool& pool) { return pool.shape == shape; });
        if (same == pools.end()) {
          Pool pool;
          pool.name = *gpus > 0 ? fmt::format("{:02}-{}x{}", pools.size() + 1, *gpus, shape.gpu)
                                : fmt::format("{:02}-cpu", pools.size() + 1);
          pool.shape = std::move(shape);
          same = pools.insert(pools.end(), std::move(pool));
        }
        out.order.push_back({static_cast<std::uint32_t>(same - pools.begin()),
                             static_cast<std::uint32_t>(same->nodes)});
        ++same->nodes;
        return {};
      });
  if (!read) return fail(read.error());
  if (pools.empty()) return fail(Code::invalid, fmt::format("{}: no node has a GPU", path));
  return out;
}

Result<void> for_openb_tasks(const std::string& path, const TakeOpenbTask& take) {
  return for_rows(path, {"cpu_milli", "memory_mib", "num_gpu", "gpu_milli"},
                  [&](const TableRow& row) -> Result<void> {
                    auto task = task_of(row);
                    if (!task) return fail(task.error());
                    OpenbTimes times;
                    const auto from = number(row, "creation_time"),
                               to = number(row, "deletion_time");
                    if (!from) return fail(from.error());
                    if (!to) return fail(to.error());
                    times.created = std::chrono::seconds(*from);
                    if (*to > *from) times.runs = std::chrono::seconds(*to - *from);
                    return take(std::move(*task), times);
                  });
}

Result<std::vector<OpenbTask>> read_openb_tasks(const std::string& path) {
  std::vector<OpenbTask> tasks;
  bool any = false;
  const auto read = for_openb_tasks(path, [&](OpenbTask task, const OpenbTimes&) -> Result<void> {
    any |= task.demand.gpus + task.demand.gpu_milli > 0;
    tasks.push_back(std::move(task));
    return {};
  });
  if (!read) return fail(read.error());
  if (!any) return fail(Code::invalid, fmt::format("{}: no task asks for a GPU", path));
  return tasks;
}

}  // namespace mohona

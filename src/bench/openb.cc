#include "bench/openb.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/gz_lines.h"
#include "base/text.h"
#include "core/fleet/space.h"

namespace mohona {
namespace {

constexpr std::int64_t number_max = 1'000'000'000;  // of cores, MiB and so on

// One line after the heading, its fields by the names of their columns.
class Row {
 public:
  Row(std::string where, const std::vector<std::string>& columns,
      std::vector<std::string_view> fields)
      : where_(std::move(where)), columns_(columns), fields_(std::move(fields)) {}

  std::string_view text(std::string_view column) const {
    const auto found = std::find(columns_.begin(), columns_.end(), column);
    const auto at = static_cast<std::size_t>(found - columns_.begin());
    return at < fields_.size() ? trim(fields_[at]) : std::string_view();
  }
  // Nothing there: 0.
  Result<std::int64_t> number(std::string_view column, std::int64_t max = number_max) const {
    const std::string_view word = text(column);
    std::int64_t out = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
    if (word.empty()) return std::int64_t{0};
    if (error != std::errc{} || end != word.data() + word.size() || out < 0 || out > max) {
      return wrong(
          fmt::format("{} is '{}'; expected a whole number from 0 to {}", column, word, max));
    }
    return out;
  }
  Failure wrong(const std::string& what) const {
    return fail(Code::invalid, fmt::format("{}: {}", where_, what));
  }

 private:
  std::string where_;
  const std::vector<std::string>& columns_;
  std::vector<std::string_view> fields_;
};

template <class F>
Result<void> for_rows(const std::string& path, const std::vector<std::string_view>& needed, F&& f) {
  std::vector<std::string> columns;
  auto read = for_lines(path, [&](std::size_t number, std::string_view line) -> Result<void> {
    const std::string where = fmt::format("{}:{}", path, number);
    if (number == 1) {
      for (const std::string_view name : split(line, ',')) columns.emplace_back(trim(name));
      for (const std::string_view name : needed) {
        if (std::find(columns.begin(), columns.end(), name) == columns.end()) {
          return fail(Code::invalid, fmt::format("{}: no column '{}'; expected at least {}", where,
                                                 name, fmt::join(needed, ",")));
        }
      }
      return {};
    }
    if (trim(line).empty()) return {};
    std::vector<std::string_view> fields = split(line, ',');
    if (fields.size() != columns.size()) {
      return fail(Code::invalid, fmt::format("{}: {} fields; the heading has {}", where,
                                             fields.size(), columns.size()));
    }
    return f(Row(where, columns, std::move(fields)));
  });
  if (!read) return read;
  if (columns.empty()) return fail(Code::invalid, fmt::format("{}: the file is empty", path));
  return {};
}

Result<OpenbTask> task_of(const Row& row) {
  OpenbTask task;
  const auto cpus = row.number("cpu_milli"), memory = row.number("memory_mib");
  const auto gpus = row.number("num_gpu", gpus_per_node_max);
  const auto milli = row.number("gpu_milli", 1'000);
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

Result<OpenbNodes> read_openb_nodes(const std::string& path) {
  OpenbNodes out;
  std::vector<Pool>& pools = out.pools;
  const auto read = for_rows(
      path, {"cpu_milli", "memory_mib", "gpu", "model"}, [&](const Row& row) -> Result<void> {
        const auto cpus = row.number("cpu_milli"), memory = row.number("memory_mib");
        const auto gpus = row.number("gpu", gpus_per_node_max);
        for (const auto* field : {&cpus, &memory, &gpus}) {
          if (!*field) return fail(field->error());
        }
        if (*gpus == 0) return {};
        if (row.text("model").empty()) return row.wrong("GPUs without a model");
        Shape shape{"", *cpus, *memory, lower(row.text("model")), *gpus};
        auto same = std::find_if(pools.begin(), pools.end(),
                                 [&](const Pool& pool) { return pool.shape == shape; });
        if (same == pools.end()) {
          Pool pool;
          pool.name = fmt::format("{:02}-{}x{}", pools.size() + 1, *gpus, shape.gpu);
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

Result<std::vector<OpenbTask>> read_openb_tasks(const std::string& path) {
  std::vector<OpenbTask> tasks;
  bool any = false;
  const auto read = for_rows(path, {"cpu_milli", "memory_mib", "num_gpu", "gpu_milli"},
                             [&](const Row& row) -> Result<void> {
                               auto task = task_of(row);
                               if (!task) return fail(task.error());
                               any |= task->demand.gpus + task->demand.gpu_milli > 0;
                               tasks.push_back(std::move(*task));
                               return {};
                             });
  if (!read) return fail(read.error());
  if (!any) return fail(Code::invalid, fmt::format("{}: no task asks for a GPU", path));
  return tasks;
}

}  // namespace mohona

// Muri's training traces: job_id, num_gpu, submit_time and iteration_time in ms, iterations,
// model_name. Upstream multiplies the iteration time by 1.015. What a start costs is in a JSON file
// of seconds by GPUs and model, by default the one beside the trace.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/wide.h"
#include "model/attempt.h"
#include "sim/traces/readers.h"
#include "traces/table.h"

namespace mohona {
namespace {

constexpr auto default_overhead = std::chrono::seconds(10);
constexpr std::int64_t gpus_per_node = 8;

using Overheads = std::map<std::string, std::map<std::string, Duration>>;  // by GPUs, by model

Result<Overheads> read_overheads(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(Code::not_found, fmt::format("{}: cannot be read", path));
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object()) return fail(Code::invalid, fmt::format("{}: is no JSON object", path));
  Overheads out;
  for (const auto& [gpus, models] : json.items()) {
    if (!models.is_object()) continue;  // a remark
    for (const auto& [model, seconds] : models.items()) {
      if (!seconds.is_number()) {
        return fail(Code::invalid, fmt::format("{}: {}, {}: not a number", path, gpus, model));
      }
      out[gpus][model] = std::chrono::milliseconds(std::llround(seconds.get<double>() * 1e3));
    }
  }
  return out;
}

// The file beside the trace that says it by its name; none: every start costs the default.
Result<Overheads> find_overheads(const std::string& trace, const std::string& told) {
  if (!told.empty()) return read_overheads(told);
  std::vector<std::string> found;
  std::error_code ignored;
  const auto folder = std::filesystem::path(trace).parent_path();
  for (const auto& entry :
       std::filesystem::directory_iterator(folder.empty() ? "." : folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("overhead") && name.ends_with(".json")) found.push_back(entry.path());
  }
  if (found.empty()) return Overheads{};
  return read_overheads(*std::min_element(found.begin(), found.end()));
}

}  // namespace

Result<Workload> read_muri(const std::string& path, const TraceOptions& options, Timestamp begin) {
  const auto overheads = find_overheads(path, options.overheads);
  if (!overheads) return fail(overheads.error());
  Workload out;
  const auto ok = for_rows(
      path, {"num_gpu", "submit_time", "iterations", "model_name", "iteration_time"},
      [&](const TableRow& row) -> Result<void> {
        const auto gpus = row.whole("num_gpu", {1, 100'000});
        const auto submit = row.millionths("submit_time");
        const auto iterations = row.whole("iterations", {1, steps_max});
        const auto time = row.millionths("iteration_time");
        for (const auto* value : {&gpus, &submit, &iterations, &time}) {
          if (!*value) return fail(value->error());
        }
        // ms × 1.015 × iterations, in µs.
        const auto runs =
            static_cast<std::int64_t>(static_cast<Wide>(*iterations) * *time * 1'015 / 1'000'000);
        const std::string model(row.text("model_name"));
        Arrival job = trace_job(model.empty() ? "job" : model, begin + Duration(*submit / 1'000),
                                Duration(runs), options);
        use_gpus(job.spec, *gpus, gpus_per_node);
        job.does.overhead = default_overhead;
        if (const auto size = overheads->find(std::string(row.text("num_gpu")));
            size != overheads->end()) {
          if (const auto found = size->second.find(model); found != size->second.end()) {
            job.does.overhead = found->second;
          }
        }
        if (options.know == Know::progress) {
          job.spec.progress = ProgressSpec{*iterations, false};
          job.does.steps = *iterations;
        }
        out.arrivals.push_back(std::move(job));
        return {};
      });
  if (!ok) return fail(ok.error());
  return out;
}

}  // namespace mohona

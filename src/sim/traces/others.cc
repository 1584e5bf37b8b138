// Philly, openb, Starburst, and the Standard Workload Format of the Parallel Workloads Archive.
#include <fmt/format.h>

#include "base/gz_lines.h"
#include "base/text.h"
#include "base/time.h"
#include "sim/traces/readers.h"
#include "traces/openb.h"
#include "traces/table.h"

namespace mohona {
namespace {

constexpr std::int64_t gpus_per_node = 8;
constexpr std::int64_t micros = 1'000'000;

// "a" of hours in millionths is exactly 3,600 µs each.
Duration hours_of(std::int64_t millionths) { return Duration(millionths * 3'600); }

// Work that begins anew when it is stopped.
void cannot_move(Arrival& job) {
  job.spec.kind = Kind::task;
  job.spec.checkpoint.reset();
  job.does.keeps_on_stop = false;
}

}  // namespace

// timestamp, duration in seconds, num_gpus, gpu_time, cluster (the virtual cluster: a queue).
Result<Workload> read_philly(const std::string& path, const TraceOptions& options,
                             Timestamp begin) {
  Workload out;
  std::optional<Timestamp> first;
  const auto ok = for_rows(
      path, {"timestamp", "duration", "num_gpus"}, [&](const TableRow& row) -> Result<void> {
        const auto at = parse_timestamp(std::string(row.text("timestamp")) + "Z");
        if (!at) return row.wrong("timestamp: " + at.error().message);
        const auto duration = row.millionths("duration");
        if (!duration) return fail(duration.error());
        const auto gpus = row.whole("num_gpus", {0, 100'000});
        if (!gpus) return fail(gpus.error());
        if (*gpus == 0) return {};
        Arrival job = trace_job("job", *at, Duration(*duration), options);
        use_gpus(job.spec, *gpus, gpus_per_node);
        if (const auto queue = row.text("cluster"); !queue.empty()) job.spec.queue = queue;
        if (!first || job.at < *first) first = job.at;
        out.arrivals.push_back(std::move(job));
        return {};
      });
  if (!ok) return fail(ok.error());
  for (Arrival& job : out.arrivals) job.at = begin + (job.at - *first);
  return out;
}

// Tasks on one node each, which nothing stops. One that says nothing of its end runs an hour.
Result<Workload> read_openb(const std::string& path, const TraceOptions& options, Timestamp begin) {
  Workload out;
  const auto ok =
      for_openb_tasks(path, [&](const OpenbTask& task, const OpenbTimes& times) -> Result<void> {
        Arrival job = trace_job("task", begin + times.created,
                                times.runs.value_or(std::chrono::hours(1)), options);
        cannot_move(job);
        job.spec.resources.choices.clear();
        for (const std::string& model :
             task.models.empty() ? std::vector<std::string>{""} : task.models) {
          Choice choice{.demand = task.demand};
          choice.demand.gpu = model;
          job.spec.resources.choices.push_back(std::move(choice));
        }
        out.arrivals.push_back(std::move(job));
        return {};
      });
  if (!ok) return fail(ok.error());
  return out;
}

// job, arrival_h, runtime_h, num_gpus. Nothing is stopped; the run time is known at arrival.
Result<Workload> read_starburst(const std::string& path, const TraceOptions& options,
                                Timestamp begin) {
  Workload out;
  const auto ok = for_rows(
      path, {"arrival_h", "runtime_h", "num_gpus"}, [&](const TableRow& row) -> Result<void> {
        const auto arrival = row.millionths("arrival_h"), runs = row.millionths("runtime_h"),
                   gpus = row.whole("num_gpus", {1, 100'000});
        for (const auto* value : {&arrival, &runs, &gpus}) {
          if (!*value) return fail(value->error());
        }
        Arrival job = trace_job("job", begin + hours_of(*arrival), hours_of(*runs), options);
        use_gpus(job.spec, *gpus, gpus_per_node);
        cannot_move(job);
        out.arrivals.push_back(std::move(job));
        return {};
      });
  if (!ok) return fail(ok.error());
  return out;
}

// Eighteen fields a line, ';' begins a remark: 2 submit, 4 run time in seconds, 5 processors used,
// 8 processors asked for, 9 time asked for, 12 user, 15 queue; -1: not known. A processor is a
// core.
Result<Workload> read_swf(const std::string& path, const TraceOptions& options, Timestamp begin) {
  Workload out;
  const auto ok = for_lines(path, [&](std::size_t number, std::string_view line) -> Result<void> {
    std::vector<std::int64_t> fields;
    std::size_t at = 0;
    while ((at = line.find_first_not_of(" \t", at)) != std::string_view::npos) {
      if (line[at] == ';') break;
      const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
      const auto value = parse_millionths(line.substr(at, end - at));
      if (!value) {
        return fail(Code::invalid,
                    fmt::format("{}, line {}: {}", path, number, value.error().message));
      }
      fields.push_back(*value);
      at = end;
    }
    if (fields.empty()) return {};
    if (fields.size() != 18) {
      return fail(Code::invalid, fmt::format("{}, line {}: {} fields, where SWF has 18", path,
                                             number, fields.size()));
    }
    const std::int64_t cores = std::max(fields[4], fields[7]) / micros;
    if (fields[3] <= 0 || cores <= 0) return {};  // cancelled before it began
    const std::string name =
        fields[11] > 0 ? fmt::format("user{}", fields[11] / micros) : std::string("job");
    Arrival job = trace_job(name, begin + Duration(fields[1]), Duration(fields[3]), options);
    cannot_move(job);
    job.spec.resources.choices.front().demand = {1'000, 0, "", 0, 0};
    job.spec.num_nodes = cores;  // members of a gang may share nodes there
    if (fields[8] > 0) job.spec.max_duration = Duration(fields[8]);
    if (fields[14] > 0) job.spec.queue = fmt::format("queue{}", fields[14] / micros);
    out.arrivals.push_back(std::move(job));
    return {};
  });
  if (!ok) return fail(ok.error());
  return out;
}

}  // namespace mohona

#include "sim/traces/traces.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/traces/readers.h"

namespace mohona {

void use_gpus(JobSpec& spec, std::int64_t gpus, std::int64_t per_node) {
  const std::int64_t nodes = std::max<std::int64_t>(1, (gpus + per_node - 1) / per_node);
  spec.num_nodes = nodes;
  Demand& demand = spec.resources.choices.front().demand;
  demand.cpus_milli = 0;
  demand.gpus = (gpus + nodes - 1) / nodes;
}

Arrival trace_job(const std::string& name, Timestamp at, Duration runs,
                  const TraceOptions& options) {
  Arrival out;
  out.at = at;
  out.spec.name = name;
  out.spec.kind = Kind::train;
  out.spec.run = "true";
  out.spec.checkpoint = Checkpoint{"checkpoint"};
  out.spec.stop.edit().grace = Duration{0};
  out.does.runs = std::max(runs, Duration{1});
  out.does.keeps_on_stop = true;
  if (options.know == Know::all) out.spec.estimate = out.does.runs;
  return out;
}

Result<Workload> read_trace(const std::string& name, const TraceOptions& options, Timestamp begin) {
  const auto colon = name.find(':');
  const std::string kind = name.substr(0, colon);
  const std::string path = colon == std::string::npos ? "" : name.substr(colon + 1);
  if (path.empty()) {
    return fail(Code::invalid,
                fmt::format("--trace {}: write KIND:FILE, as in muri:trace1.csv.gz", name));
  }
  Result<Workload> out =
      fail(Code::invalid,
           fmt::format(
               "--trace {}: there is no kind '{}'; there are muri, philly, openb, starburst, swf",
               name, kind));
  if (kind == "muri") out = read_muri(path, options, begin);
  if (kind == "philly") out = read_philly(path, options, begin);
  if (kind == "openb") out = read_openb(path, options, begin);
  if (kind == "starburst") out = read_starburst(path, options, begin);
  if (kind == "swf") out = read_swf(path, options, begin);
  if (!out) return out;
  if (out->arrivals.empty()) return fail(Code::invalid, path + ": there is no job in it");
  std::stable_sort(out->arrivals.begin(), out->arrivals.end(),
                   [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
  return out;
}

}  // namespace mohona

// One reader a kind of trace; read_trace chooses.
#pragma once

#include "sim/traces/traces.h"

namespace mohona {

Result<Workload> read_muri(const std::string& path, const TraceOptions& options, Timestamp begin);
Result<Workload> read_philly(const std::string& path, const TraceOptions& options, Timestamp begin);
Result<Workload> read_openb(const std::string& path, const TraceOptions& options, Timestamp begin);
Result<Workload> read_starburst(const std::string& path, const TraceOptions& options,
                                Timestamp begin);
Result<Workload> read_swf(const std::string& path, const TraceOptions& options, Timestamp begin);

// A job of a trace: it can be stopped and goes on where it was.
Arrival trace_job(const std::string& name, Timestamp at, Duration runs,
                  const TraceOptions& options);
// So many GPUs, on as few nodes of so many as they need.
void use_gpus(JobSpec& spec, std::int64_t gpus, std::int64_t per_node);

}  // namespace mohona

#include "control/reports.h"

#include "base/text.h"

namespace mohona {
namespace {

// Of what an engine says about an attempt or a node. It is kept in the journal, once for each end.
constexpr std::size_t detail_bytes_max = 4'096;
constexpr std::int64_t port_max = 65'535;
// As many tasks as a job may have (docs/jobs.md), and the longest path that Linux takes.
constexpr std::size_t shards_max = 1'000'000;
constexpr std::size_t shard_bytes_max = 4'096;
constexpr std::int64_t exit_code_max = 255;

bool is_known(Phase phase) {
  return phase == Phase::launched || phase == Phase::running || phase == Phase::ended;
}

void mend_steps(Report& report) {
  if (!report.steps) return;
  StepsReport steps = *report.steps;
  const auto sane = [](std::int64_t n) { return n >= 0 && n <= steps_max; };
  if (!sane(steps.done) || (steps.total && !sane(*steps.total)) ||
      steps.metrics.size() > metrics_max) {
    report.steps = {};
    return;
  }
  for (auto& [name, value] : steps.metrics) {
    name = printable(name, metric_bytes_max);
    value = printable(value, metric_bytes_max);
  }
  if (steps.metrics != report.steps->metrics) report.steps = std::move(steps);
}

}  // namespace

bool mend(Report& report) {
  if (report.attempt.job.value == 0 || report.attempt.number == 0) return false;
  if (!is_known(report.phase)) return false;
  report.waits_for = printable(report.waits_for, detail_bytes_max);
  if (report.port < 0 || report.port > port_max) report.port = 0;
  mend_steps(report);
  if (report.phase != Phase::ended) return true;
  Outcome& outcome = report.outcome;
  if (outcome.end != End::exited && outcome.end != End::lost && outcome.end != End::not_launched &&
      outcome.end != End::refused) {
    return false;
  }
  if (outcome.exit_code < 0 || outcome.exit_code > exit_code_max) {
    outcome.detail =
        fmt::format("exit code {} makes no sense; {}", outcome.exit_code, outcome.detail);
    outcome.exit_code = exit_code_max;
  }
  outcome.detail = printable(outcome.detail, detail_bytes_max);
  return true;
}

void mend(std::vector<NodeReport>& reports, const Pool& pool) {
  std::erase_if(reports, [&](const NodeReport& report) {
    return report.node < 0 || report.node >= pool.nodes || report.load.cpus_milli < 0 ||
           report.load.memory_mib < 0;
  });
  for (NodeReport& report : reports) report.reason = printable(report.reason, detail_bytes_max);
}

Result<std::vector<std::string>> mend(std::vector<std::string> shards) {
  if (shards.size() > shards_max) {
    return fail(Code::invalid, fmt::format("its shards.inputs match {} files; a job has at most {}",
                                           shards.size(), shards_max));
  }
  for (const std::string& shard : shards) {
    if (shard.size() > shard_bytes_max || !is_utf8(shard)) {
      return fail(Code::invalid, fmt::format("the name of {} is not UTF-8 or too long; rename it",
                                             printable(shard, detail_bytes_max)));
    }
  }
  return shards;
}

}  // namespace mohona

#include "sim/results.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>

#include "base/wide.h"

namespace mohona {
namespace {

double seconds(Duration d) { return static_cast<double>(d.count()) / 1e6; }

double mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The smallest value that so many of the values do not exceed.
double quantile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size()))) - 1;
  return values[std::min(at, values.size() - 1)];
}

}  // namespace

double rounded(double value) { return std::round(value * 100) / 100; }

Json figures_of(const std::vector<JobOutcome>& jobs) {
  std::vector<double> completion, wait;
  std::vector<const JobOutcome*> by_work;
  Timestamp first = Timestamp::max(), last = Timestamp::min();
  std::int64_t restarts = 0, ended = 0;
  for (const JobOutcome& job : jobs) {
    restarts += job.restarts;
    first = std::min(first, job.submitted);
    if (!job.ended) continue;
    ++ended;
    last = std::max(last, *job.ended);
    completion.push_back(seconds(job.completion()));
    wait.push_back(seconds(job.waited()));
    by_work.push_back(&job);
  }
  std::stable_sort(by_work.begin(), by_work.end(), [](const JobOutcome* a, const JobOutcome* b) {
    return static_cast<Wide>(a->runs.count()) * a->gpu_milli >
           static_cast<Wide>(b->runs.count()) * b->gpu_milli;
  });
  std::vector<double> largest;
  for (std::size_t i = 0; i < (by_work.size() + 9) / 10; ++i) {
    largest.push_back(seconds(by_work[i]->waited()));
  }
  Json out;
  out["jobs"] = jobs.size();
  out["ended"] = ended;
  out["average_completion_seconds"] = rounded(mean(completion));
  out["average_wait_seconds"] = rounded(mean(wait));
  out["p99_completion_seconds"] = rounded(quantile(completion, 0.99));
  out["makespan_seconds"] = ended > 0 ? rounded(seconds(last - first)) : 0.0;
  out["largest_tenth_wait_seconds"] = rounded(mean(largest));
  out["restarts"] = restarts;
  return out;
}

Json overflow_figures_of(const std::vector<JobOutcome>& jobs) {
  Money bill;
  std::vector<double> wait;
  std::int64_t sent_away = 0;
  for (const JobOutcome& job : jobs) {
    bill += job.cost;
    sent_away += job.cost.micros > 0;
    if (job.ended) wait.push_back(seconds(job.waited()) / 3'600);
  }
  return {{"bill_usd", rounded(static_cast<double>(bill.micros) / 1e6)},
          {"mean_wait_hours", std::round(mean(wait) * 1e6) / 1e6},
          {"sent_away", sent_away}};
}

double completion_bound_seconds(const std::vector<JobOutcome>& jobs, std::int64_t gpus) {
  if (jobs.empty() || gpus <= 0) return 0;
  // The fluid: one machine as fast as all GPUs, shortest remaining work first, which is optimal
  // there.
  std::vector<const JobOutcome*> line;
  for (const JobOutcome& job : jobs) line.push_back(&job);
  std::stable_sort(line.begin(), line.end(), [](const JobOutcome* a, const JobOutcome* b) {
    return a->submitted < b->submitted;
  });
  const auto work = [&](const JobOutcome& job) {
    return seconds(job.runs) * static_cast<double>(job.gpu_milli) / 1e3 / static_cast<double>(gpus);
  };
  double alone = 0, fluid = 0, now = 0;
  for (const JobOutcome* job : line) alone += seconds(job->runs);
  std::priority_queue<std::pair<double, double>, std::vector<std::pair<double, double>>,
                      std::greater<>>
      left;  // work left, submitted
  std::size_t next = 0;
  while (next < line.size() || !left.empty()) {
    const double arrival =
        next < line.size() ? seconds(line[next]->submitted - line[0]->submitted) : 1e300;
    if (left.empty()) {
      now = std::max(now, arrival);
    } else {
      const auto [least, submitted] = left.top();
      left.pop();
      if (now + least <= arrival) {
        now += least;
        fluid += now - submitted;
        continue;
      }
      left.emplace(least - (arrival - now), submitted);
      now = arrival;
    }
    left.emplace(work(*line[next]), arrival);
    ++next;
  }
  return std::max(alone, fluid) / static_cast<double>(jobs.size());
}

}  // namespace mohona

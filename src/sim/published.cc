#include "sim/published.h"

#include <algorithm>
#include <numeric>

namespace mohona {
namespace {

struct Job {
  const Arrival* arrival = nullptr;
  std::int64_t gpus = 0;
  double left = 0;  // seconds of work; fractional, as published
  double overhead = 0;
  double before = 0;
  bool running = false;
};

// The GPUs of a cluster, node by node.
class Nodes {
 public:
  Nodes(std::size_t nodes, std::int64_t each) : free_(nodes, each), each_(each) {}

  bool place(std::int64_t gpus) {
    if (gpus <= each_) return take_first(gpus, free_.size());
    std::vector<std::size_t> empty;
    for (std::size_t i = 0; i < free_.size() && std::ssize(empty) < gpus / each_; ++i) {
      if (free_[i] == each_) empty.push_back(i);
    }
    if (std::ssize(empty) < gpus / each_) return false;
    const auto before = free_;
    for (const std::size_t i : empty) free_[i] = 0;
    if (gpus % each_ == 0 || take_first(gpus % each_, free_.size())) return true;
    free_ = before;
    return false;
  }
  bool full() const {
    return std::all_of(free_.begin(), free_.end(), [](std::int64_t f) { return f == 0; });
  }

 private:
  bool take_first(std::int64_t gpus, std::size_t nodes) {
    for (std::size_t i = 0; i < nodes; ++i) {
      if (free_[i] < gpus) continue;
      free_[i] -= gpus;
      return true;
    }
    return false;
  }
  std::vector<std::int64_t> free_;
  std::int64_t each_;
};

double seconds(Duration d) { return static_cast<double>(d.count()) / 1e6; }

}  // namespace

std::vector<JobOutcome> replay_published(const Fleet& fleet, const Workload& workload,
                                         QueueOrder order) {
  const Pool& pool = fleet.pools.front();
  const auto& arrivals = workload.arrivals;
  std::vector<JobOutcome> out(arrivals.size());
  std::vector<Job> jobs;  // those that are there, in the order of arrival
  const Timestamp begin = arrivals.front().at;
  const auto instant = [&](double t) {
    return begin + Duration(static_cast<std::int64_t>(t * 1e6 + 0.5));
  };
  std::size_t next = 0;
  double now = 0;
  while (next < arrivals.size() || !jobs.empty()) {
    double then = 1e300;
    if (next < arrivals.size()) then = seconds(arrivals[next].at - begin);
    for (const Job& job : jobs) {
      if (job.running) then = std::min(then, now + job.left);
    }
    for (Job& job : jobs) {
      job.before = job.left;
      if (job.running) job.left -= then - now;
    }
    now = then;
    std::erase_if(jobs, [&](const Job& job) {
      if (!job.running || job.left > 1e-6) return false;
      JobOutcome& done = out[static_cast<std::size_t>(job.arrival - arrivals.data())];
      done.ended = instant(now);
      done.state = JobState::succeeded;
      return true;
    });
    for (; next < arrivals.size() && seconds(arrivals[next].at - begin) <= now; ++next) {
      const Arrival& arrival = arrivals[next];
      JobOutcome& outcome = out[next];
      outcome.submitted = arrival.at;
      outcome.runs = arrival.does.runs;
      outcome.gpu_milli = gpu_milli_of(arrival.spec);
      jobs.push_back({&arrival, gpu_milli_of(arrival.spec) / 1'000, seconds(arrival.does.runs),
                      seconds(arrival.does.overhead)});
    }
    for (Job& job : jobs) {
      if (job.running) job.left = std::min(job.left + job.overhead, job.before);
    }
    std::vector<std::size_t> line(jobs.size());
    std::iota(line.begin(), line.end(), std::size_t{0});
    const auto key = [&](std::size_t i) {
      return order == QueueOrder::srsf ? jobs[i].left * static_cast<double>(jobs[i].gpus)
                                       : jobs[i].left;
    };
    std::stable_sort(line.begin(), line.end(),
                     [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    Nodes nodes(static_cast<std::size_t>(pool.nodes), pool.shape.gpus);
    for (const std::size_t i : line) {
      jobs[i].running = !nodes.full() && nodes.place(jobs[i].gpus);
      JobOutcome& outcome = out[static_cast<std::size_t>(jobs[i].arrival - arrivals.data())];
      if (jobs[i].running && !outcome.started) outcome.started = instant(now);
    }
  }
  return out;
}

}  // namespace mohona

#include "sim/overflow_rules.h"

#include <cmath>
#include <queue>

namespace mohona {
namespace {

// Hours, and hours for each GPU-hour, as published for load 1.
constexpr double constant_wait_hours = 0.24362703932129168;
constexpr double compute_wait_hours = 0.07805625;

std::int64_t gpus_of(const Arrival& job) { return gpu_milli_of(job.spec) / 1'000; }

Duration patience_of(OverflowRule rule, const Arrival& job) {
  const double work = static_cast<double>(job.does.runs.count() * gpus_of(job));
  const double micros = rule == OverflowRule::no_wait         ? 0
                        : rule == OverflowRule::constant_wait ? constant_wait_hours * 3.6e9
                                                              : compute_wait_hours * work;
  return Duration(std::llround(micros));
}

struct End {
  Timestamp at;
  std::size_t node = 0;
  std::int64_t gpus = 0;
  friend bool operator>(const End& a, const End& b) { return a.at > b.at; }
};

class Line {
 public:
  Line(const Pool& pool, const Workload& workload, OverflowRule rule, Price price)
      : arrivals_(workload.arrivals),
        rule_(rule),
        price_(price),
        free_(static_cast<std::size_t>(pool.nodes), pool.shape.gpus),
        out_(arrivals_.size()) {}

  std::vector<JobOutcome> run() {
    std::size_t next = 0;
    while (next < arrivals_.size() || !line_.empty()) {
      Timestamp now = next < arrivals_.size() ? arrivals_[next].at : Timestamp::max();
      if (!ends_.empty()) now = std::min(now, ends_.top().at);
      for (const std::size_t job : line_) now = std::min(now, gives_up(job));
      for (; !ends_.empty() && ends_.top().at <= now; ends_.pop()) {
        free_[ends_.top().node] += ends_.top().gpus;
      }
      for (; next < arrivals_.size() && arrivals_[next].at <= now; ++next) line_.push_back(next);
      turn(now);
    }
    return std::move(out_);
  }

 private:
  Timestamp gives_up(std::size_t job) const {
    return arrivals_[job].at + patience_of(rule_, arrivals_[job]);
  }

  void turn(Timestamp now) {
    std::vector<std::size_t> rest;
    bool blocked = false;
    for (const std::size_t job : line_) {
      const auto node = blocked ? std::nullopt : tightest(gpus_of(arrivals_[job]));
      if (node) {
        free_[*node] -= gpus_of(arrivals_[job]);
        ends_.push({now + arrivals_[job].does.runs, *node, gpus_of(arrivals_[job])});
        start(job, now, false);
      } else if (gives_up(job) <= now) {
        start(job, now, true);
      } else {
        rest.push_back(job);
        blocked = blocked || rule_ == OverflowRule::constant_wait;
      }
    }
    line_ = std::move(rest);
  }

  std::optional<std::size_t> tightest(std::int64_t gpus) const {
    std::optional<std::size_t> best;
    for (std::size_t n = 0; n < free_.size(); ++n) {
      if (free_[n] >= gpus && (!best || free_[n] < free_[*best])) best = n;
    }
    return best;
  }

  void start(std::size_t job, Timestamp now, bool in_cloud) {
    const Arrival& arrival = arrivals_[job];
    JobOutcome& one = out_[job];
    one.submitted = arrival.at;
    one.started = now;
    one.ended = now + arrival.does.runs;
    one.state = JobState::succeeded;
    one.runs = arrival.does.runs;
    one.gpu_milli = gpu_milli_of(arrival.spec);
    one.queue = arrival.spec.queue;
    if (in_cloud) one.cost = charge(price_, arrival.does.runs, gpus_of(arrival), {1, 1});
  }

  const std::vector<Arrival>& arrivals_;
  OverflowRule rule_;
  Price price_;
  std::vector<std::int64_t> free_;
  std::vector<std::size_t> line_;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  std::vector<JobOutcome> out_;
};

}  // namespace

std::optional<OverflowRule> parse_overflow_rule(const std::string& name) {
  if (name == "no-wait") return OverflowRule::no_wait;
  if (name == "constant-wait") return OverflowRule::constant_wait;
  if (name == "compute-wait") return OverflowRule::compute_wait;
  return std::nullopt;
}

std::vector<JobOutcome> replay_overflow(const Fleet& fleet, const Workload& workload,
                                        OverflowRule rule, Price price) {
  return Line(fleet.pools.front(), workload, rule, price).run();
}

}  // namespace mohona

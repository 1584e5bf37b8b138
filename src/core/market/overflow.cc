#include "core/market/overflow.h"

#include <algorithm>

#include "base/wide.h"

namespace mohona {
namespace {

// --- the weights, in thousandths of a GPU of the cloud

// An hour of waiting at a mean wait that is just the limit.
constexpr std::int64_t wait_milli = 6'400;
// An hour for which a job outstays all others on its node, for each GPU beside it: they do not come
// free together, and whoever needs them all goes to the cloud.
constexpr std::int64_t outstays_milli = 20;
// Each GPU that stays free beside it while it runs: a tight place leaves the wide ones to others.
constexpr std::int64_t loose_milli = 4;

// The first jobs do not swing it: as if so many had come before them that waited as long as the
// limit says.
constexpr std::int64_t pseudo_jobs = 50;
constexpr std::int64_t worth_max_milli = 1'000 * wait_milli;
// No plan makes the mean wait pass this part of the limit, but for what so many jobs may wait in
// all: with 475 jobs or more it stays within the limit, and the first ones may wait as well.
constexpr std::int64_t hard_pct = 95, spare_jobs = 25;

constexpr Wide million = 1'000'000;
// A plan that has taken so many steps (bookings looked at) is improved no further: about a
// millisecond.
constexpr std::size_t steps_max = 500'000;

std::int64_t free_at(const OwnedNode& node, Timestamp t) {
  std::int64_t free = node.gpus;
  for (const Booking& b : node.booked) free -= b.from <= t && t < b.until ? b.gpus : 0;
  return free;
}

std::int64_t least_free(const OwnedNode& node, Timestamp from, Timestamp until) {
  std::int64_t least = free_at(node, from);
  for (const Booking& b : node.booked) {
    if (from < b.from && b.from < until) least = std::min(least, free_at(node, b.from));
  }
  return least;
}

bool may_use(const OverflowJob& job, const OwnedNode& node) {
  return job.gpus <= node.gpus &&
         (job.kinds.empty() ||
          std::find(job.kinds.begin(), job.kinds.end(), node.kind) != job.kinds.end());
}

// The earliest instant from `now` on at which the job fits, in a gap or after all others.
std::optional<Timestamp> earliest(const OwnedNode& node, const OverflowJob& job, Timestamp now) {
  if (!may_use(job, node)) return std::nullopt;
  const auto fits = [&](Timestamp t) { return least_free(node, t, t + job.runs) >= job.gpus; };
  if (fits(now)) return now;
  std::optional<Timestamp> best;
  for (const Booking& b : node.booked) {
    if (b.until > now && (!best || b.until < *best) && fits(b.until)) best = b.until;
  }
  return best;
}

// An order in which nodes are given, and who goes to the cloud.
struct Order {
  std::vector<std::size_t> jobs;
  std::vector<bool> leaves;  // by job
};

struct Outcome {
  Duration over{0};  // waits beyond what may still be waited
  Wide cost = 0;     // thousandths of a GPU-microsecond
  std::vector<OverflowChoice> choices;
  bool better_than(const Outcome& other) const {
    return std::tie(over, cost) < std::tie(other.over, other.cost);
  }
};

class Planner {
 public:
  Planner(const std::vector<OwnedNode>& nodes, const std::vector<OverflowJob>& jobs,
          const WaitTally& tally, Duration limit, Timestamp now)
      : nodes_(nodes),
        jobs_(jobs),
        worth_(worth_of_waiting_milli(tally, limit)),
        may_wait_(std::max(Duration{0},
                           limit * (tally.jobs + spare_jobs) / 100 * hard_pct - tally.waited)),
        now_(now) {}

  // From nobody leaving, in the order of arrival, by the best single change while one is better: a
  // job leaves or stays after all, or gets its turn at another place.
  Outcome search() {
    Order order;
    for (std::size_t i = 0; i < std::min(jobs_.size(), planned_jobs_max); ++i) {
      order.jobs.push_back(i);
    }
    order.leaves.resize(jobs_.size());
    for (const std::size_t i : order.jobs) order.leaves[i] = !can_stay(jobs_[i]);
    Outcome best = evaluate(order);
    while (best_change(order, best)) {
    }
    return best;
  }

 private:
  bool can_stay(const OverflowJob& job) const {
    return job.may_wait && std::any_of(nodes_.begin(), nodes_.end(),
                                       [&](const OwnedNode& node) { return may_use(job, node); });
  }

  bool best_change(Order& order, Outcome& best) {
    Order found = order;
    bool better = false;
    const auto look = [&](Order&& other) {
      if (steps_ > steps_max) return;
      Outcome outcome = evaluate(other);
      if (!outcome.better_than(best)) return;
      best = std::move(outcome), found = std::move(other), better = true;
    };
    for (std::size_t at = 0; at < order.jobs.size(); ++at) {
      const std::size_t i = order.jobs[at];
      if (steps_ > steps_max) break;
      if (jobs_[i].may_leave && can_stay(jobs_[i])) {
        Order other = order;
        other.leaves[i] = !other.leaves[i];
        look(std::move(other));
      }
      if (order.leaves[i]) continue;
      for (std::size_t to = 0; to < order.jobs.size(); ++to) {
        if (to == at) continue;
        Order other = order;
        other.jobs.erase(other.jobs.begin() + static_cast<std::ptrdiff_t>(at));
        other.jobs.insert(other.jobs.begin() + static_cast<std::ptrdiff_t>(to), i);
        look(std::move(other));
      }
    }
    order = std::move(found);
    return better;
  }

  Outcome evaluate(const Order& order) const {
    Outcome out;
    std::vector<OwnedNode> nodes = nodes_;
    Duration waits{0};
    for (const std::size_t i : order.jobs) {
      const OverflowJob& job = jobs_[i];
      if (order.leaves[i]) {
        if (!job.may_leave) continue;  // nothing can be done for it
        out.cost += static_cast<Wide>(job.gpus) * job.runs.count() * 1'000;
        out.choices.push_back({job.id, std::nullopt, now_});
        continue;
      }
      const auto [choice, cost] = place(nodes, job);
      out.cost += cost;
      waits += choice.start - now_;
      nodes[*choice.node].booked.push_back({job.gpus, choice.start, choice.start + job.runs});
      out.choices.push_back(choice);
    }
    out.over = std::max(Duration{0}, waits - may_wait_);
    return out;
  }

  // The node on which it costs the least, the first among equal ones.
  std::pair<OverflowChoice, Wide> place(const std::vector<OwnedNode>& nodes,
                                        const OverflowJob& job) const {
    OverflowChoice best{job.id, std::nullopt, now_};
    Wide least = 0;
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      steps_ += (nodes[n].booked.size() + 1) * (nodes[n].booked.size() + 1);
      const auto start = earliest(nodes[n], job, now_);
      if (!start) continue;
      const Wide cost = cost_of(nodes[n], job, *start);
      if (best.node && cost >= least) continue;
      best.node = n, best.start = *start, least = cost;
    }
    return {best, least};
  }

  Wide cost_of(const OwnedNode& node, const OverflowJob& job, Timestamp start) const {
    const Timestamp end = start + job.runs;
    Timestamp drained = start;
    for (const Booking& b : node.booked) drained = std::max(drained, b.until);
    const Duration outstays = std::max(Duration{0}, end - drained);
    return static_cast<Wide>((start - now_).count()) * worth_ +
           static_cast<Wide>(outstays.count()) * (node.gpus - job.gpus) * outstays_milli +
           static_cast<Wide>(job.runs.count()) * (least_free(node, start, end) - job.gpus) *
               loose_milli;
  }

  const std::vector<OwnedNode>& nodes_;
  const std::vector<OverflowJob>& jobs_;
  std::int64_t worth_;
  Duration may_wait_;
  Timestamp now_;
  mutable std::size_t steps_ = 0;
};

}  // namespace

std::int64_t worth_of_waiting_milli(const WaitTally& tally, Duration wait_limit) {
  if (wait_limit <= Duration{0}) return worth_max_milli;
  const Wide waited = tally.waited.count() + static_cast<Wide>(pseudo_jobs) * wait_limit.count();
  const Wide should = static_cast<Wide>(tally.jobs + pseudo_jobs) * wait_limit.count();
  const Wide ratio_ppm = std::min<Wide>(waited * million / should, 100 * million);
  Wide worth = wait_milli;
  for (int power = 0; power < 3; ++power) worth = worth * ratio_ppm / million;
  return static_cast<std::int64_t>(std::clamp<Wide>(worth, 1, worth_max_milli));
}

std::vector<OverflowChoice> plan_overflow(const std::vector<OwnedNode>& nodes,
                                          const std::vector<OverflowJob>& jobs,
                                          const WaitTally& tally, Duration wait_limit,
                                          Timestamp now) {
  return Planner(nodes, jobs, tally, wait_limit, now).search().choices;
}

}  // namespace mohona

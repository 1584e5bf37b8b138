#include "bench/reservations.h"

#include "bench/world.h"

namespace mohona {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using Weighted = Dice::Weighted;

constexpr std::int64_t load_percent = 92;
constexpr hours warm_up{48}, window{48}, patience{24 * 9};
constexpr Weighted limits[] = {{10, 30}, {20, 60}, {25, 120}, {20, 240}, {15, 480}, {10, 720}};
constexpr Weighted sizes[] = {{20, 1}, {6, 2}, {4, 4}, {2, 8}, {1, 16}, {1, 32}};

enum class Way { keeping, no_limits, nothing };
constexpr const char* names[] = {"keeping", "no limits", "nothing"};

struct Arrival {
  Timestamp at;
  Work work;
};

Work any_work(Dice& dice) {
  Work work;
  Choice choice;
  choice.demand = {96'000, 1'024 * 1'024, "h100", gpus_a_node, 0};
  if (dice.one_in(4)) {  // a part of a node
    const std::int64_t gpus = std::int64_t{1} << dice.below(3);
    choice.demand = {gpus * 12'000, gpus * 128 * 1'024, "h100", gpus, 0};
  } else {
    work.needs.min_nodes = work.needs.max_nodes = dice.pick(sizes);
  }
  work.needs.choices = {choice};
  const Duration limit = minutes(dice.pick(limits));
  work.needs.limit = round_limit(limit);
  work.runs = std::chrono::floor<std::chrono::seconds>(limit * dice.between(15, 98) / 100);
  return work;
}

// GPU-seconds that it takes.
std::int64_t weight(const Work& work) {
  return work.needs.max_nodes * work.needs.choices[0].demand.gpus *
         (work.runs / std::chrono::seconds(1));
}

// A stream that keeps so much of the fleet busy, the same for every way of scheduling: between two
// arrivals passes what the fleet takes for the first of them, more or less.
std::vector<Arrival> stream(std::int64_t gpus, std::uint64_t seed, Timestamp from, Timestamp to) {
  Dice dice(seed), samples(0);
  std::int64_t total = 0;
  constexpr int sample = 100'000;
  for (int i = 0; i < sample; ++i) total += weight(any_work(samples));
  const std::int64_t gap = total * 1'000'000 / sample * 100 / (gpus * load_percent);  // us
  std::vector<Arrival> out;
  for (Timestamp at = from; at < to; at += Duration(dice.below(2 * gap))) {
    out.push_back({at, any_work(dice)});
  }
  return out;
}

class Run {
 public:
  Run(Way way, const ReservationOptions& options, std::uint64_t seed)
      : way_(way),
        gang_(options.nodes / 2),
        world_({gpu_pool("hall", "alpha", options.nodes)}, {}, policy(way)),
        stream_(stream(world_.gpus(), seed, world_.now(), world_.now() + patience)) {
    world_.learns = true;
    world_.on_keep = [this](const Keep& keep) {
      if (keep.job == gang_id_ && !promise_) promise_ = keep;
    };
    world_.on_start = [this](JobId job, const World::Job& was, const Running& run) {
      const Duration waited = run.started - was.submitted;
      if (job == gang_id_) {
        gang_started_ = run.started;
      } else if (submitted_ && was.submitted >= *submitted_ &&
                 was.submitted < *submitted_ + window) {
        waits_.push_back(static_cast<float>(std::chrono::duration<double>(waited).count()));
      }
    };
  }

  Json go() {
    const Timestamp asked = world_.now() + warm_up, end = asked + window;
    play(asked);
    submit_gang();
    const Timestamp from = world_.now();
    play(end);
    const double used = busy_ / static_cast<double>((world_.now() - from).count());
    while (!gang_started_ && world_.now() < stream_.back().at) play(world_.now() + hours(1));
    // Who came in the window and waits still: has waited at least so long.
    for (const auto& [id, job] : world_.waiting()) {
      if (id == gang_id_.value || job.submitted < asked || job.submitted >= end) continue;
      waits_.push_back(
          static_cast<float>(std::chrono::duration<double>(world_.now() - job.submitted).count()));
    }
    const auto in_hours = [&](Timestamp t) {
      return std::chrono::duration<double, std::ratio<3'600>>(t - asked).count();
    };
    Json out;
    out["way"] = names[static_cast<int>(way_)];
    out["gang_waited_h"] = gang_started_ ? Json(in_hours(*gang_started_)) : Json();
    out["kept_from_h"] = promise_ ? Json(in_hours(promise_->start)) : Json("-");
    out["promised"] = promise_ && promise_->promised;
    out["no_later"] =
        promise_ ? Json(gang_started_ && *gang_started_ <= promise_->start) : Json("-");
    out["use_pct"] = 100 * used;
    out["others_mean_wait_s"] = mean(waits_);
    out["others_p90_wait_s"] = percentile(waits_, 0.9);
    return out;
  }

  bool promised() const { return promise_ && promise_->promised; }
  bool kept_promise() const {
    return promised() && gang_started_ && *gang_started_ <= promise_->start;
  }
  std::string digest() const { return world_.digest(); }

 private:
  static SchedulingPolicy policy(Way way) {
    SchedulingPolicy policy;
    policy.preempt = Preempt::never;
    if (way == Way::nothing) policy.reservations_max = 0;
    return policy;
  }

  void submit(Work work) {
    if (way_ == Way::no_limits) work.needs.limit = Duration::max();
    ++last_;
    world_.submit(work);
  }

  void submit_gang() {
    Work work = any_work(dice_);
    work.needs.choices[0].demand = {96'000, 1'024 * 1'024, "h100", gpus_a_node, 0};
    work.needs.min_nodes = work.needs.max_nodes = gang_;
    work.needs.limit = hours(6);
    work.runs = hours(4);
    gang_id_ = JobId{last_ + 1};
    submitted_ = world_.now();
    submit(work);
  }

  void play(Timestamp until) {
    while (true) {
      const Timestamp next =
          std::min(until, at_ < stream_.size() ? stream_[at_].at : Timestamp::max());
      while (true) {
        const Timestamp before = world_.now();
        const auto used = static_cast<double>(world_.gpus_used_milli());
        const bool more = world_.step(next);
        if (!more) world_.set_now(next);
        if (submitted_) {
          busy_ += used / 1'000 / static_cast<double>(world_.gpus()) *
                   static_cast<double>((world_.now() - before).count());
        }
        if (!more) break;
      }
      if (next == until) return;
      submit(stream_[at_++].work);
    }
  }

  Way way_;
  std::int64_t gang_;
  World world_;
  Dice dice_{7};
  std::vector<Arrival> stream_;
  std::size_t at_ = 0;
  std::uint64_t last_ = 0;
  JobId gang_id_;
  std::optional<Timestamp> submitted_, gang_started_;
  std::optional<Keep> promise_;
  double busy_ = 0;
  Series waits_;
};

}  // namespace

Json bench_reservations(const ReservationOptions& options) {
  Json rows = Json::array();
  std::int64_t promises = 0, kept = 0;
  std::string digests;
  for (std::int64_t i = 0; i < options.rounds; ++i) {
    for (const Way way : {Way::keeping, Way::no_limits, Way::nothing}) {
      const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(i);
      Run run(way, options, seed);
      Json row = {{"seed", seed}};
      row.update(run.go());
      rows.push_back(row);
      promises += run.promised() ? 1 : 0;
      kept += run.kept_promise() ? 1 : 0;
      digests += run.digest();
    }
  }
  Json out;
  out["nodes"] = options.nodes;
  out["gang_nodes"] = options.nodes / 2;
  out["load_pct"] = load_percent;
  out["promises"] = promises;
  out["kept_promises"] = kept;
  out["digest"] = fmt::format("{:016x}", XXH3_64bits(digests.data(), digests.size()));
  out["rounds"] = rows;
  return out;
}

}  // namespace mohona

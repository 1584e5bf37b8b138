#include "bench/preemption.h"

#include "bench/world.h"

namespace mohona {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int gang_rounds = 5;
constexpr seconds grace{30};  // which victims take to leave

SchedulingPolicy policy() {
  SchedulingPolicy policy;
  policy.preempt = Preempt::lower_priority;
  policy.min_run = minutes(10);
  return policy;
}

Work whole_nodes(std::int64_t n, std::int64_t priority, Duration limit, Duration runs) {
  Work work;
  Choice choice;
  choice.demand = {96'000, 1'024 * 1'024, "h100", gpus_a_node, 0};
  work.needs.choices = {choice};
  work.needs.min_nodes = work.needs.max_nodes = n;
  work.needs.priority = priority;
  work.needs.limit = round_limit(limit);
  work.runs = runs;
  return work;
}

// A pool full of single nodes, and a gang of higher priority that needs five eighths of it.
void very_many_victims(const PreemptionOptions& options, Json& out) {
  const std::int64_t gang = options.nodes == 62'464 ? 39'000 : options.nodes * 5 / 8;
  World world({gpu_pool("hall", "alpha", options.nodes)}, {}, policy());
  Dice dice(options.seed);
  for (std::int64_t i = 0; i < options.nodes; ++i) {
    const auto limit = hours(dice.between(4, 24));
    world.submit(whole_nodes(1, 0, limit, limit));
    if (i % 64 == 63) world.set_now(world.now() + seconds(1));  // what they lose differs
  }
  world.set_now(world.now() + minutes(30));
  Scheduler& scheduler = world.scheduler();
  const JobId id{1'000'000'000};
  const Work work = whole_nodes(gang, 1, hours(8), hours(8));
  const Waiting waiting =
      scheduler.wait(id, work.needs, rank_of(1, world.now(), id, scheduler.policy().ageing));
  // Deciding changes nothing: the same is asked several times.
  Series decide;
  std::optional<Decision> decision;
  for (int i = 0; i < gang_rounds; ++i) {
    const Ticks begin = ticks();
    scheduler.begin(world.now());
    decision = scheduler.next();
    decide.push_back(static_cast<float>(micros_between(begin, ticks()) / 1'000));
  }
  const auto* keep = decision ? std::get_if<Keep>(&*decision) : nullptr;
  if (!keep) throw std::logic_error("nobody makes room for the gang");
  const Ticks begin = ticks();
  for (const OccupantId who : keep->victims) {
    scheduler.set_stopping(who, id, world.now() + grace);
  }
  scheduler.keep(waiting, *keep);
  while (scheduler.next()) throw std::logic_error("something starts on a full pool");
  out["gang_nodes"] = gang;
  out["victims"] = keep->victims.size();
  out["gang_39000_ms"] = percentile(decide, 0.5);
  out["gang_39000_max_ms"] = percentile(decide, 1);
  out["gang_39000_apply_ms"] = micros_between(begin, ticks()) / 1'000;
}

// Jobs that are stopped wait again, with what is left of them, and are counted when they start.
class Storm {
 public:
  explicit Storm(const PreemptionOptions& options)
      : options_(options),
        world_({gpu_pool("hall", "alpha", options.storm_nodes)}, {}, policy()),
        dice_(options.seed) {
    world_.leaves_within = grace;
    world_.on_start = [this](JobId job, const World::Job&, const Running&) {
      if (again_.contains(job.value)) ++restarts_;
    };
    world_.on_keep = [this](const Keep& keep) {
      if (!keep.preempting) return;
      ++rounds_;
      for (const OccupantId who : keep.victims) {
        const Running& run = world_.scheduler().running(who);
        ++preemptions_;
        if (world_.now() - run.started < world_.scheduler().policy().min_run) ++too_early_;
      }
    };
    world_.on_end = [this](OccupantId, const Running& run) {
      Work work = std::exchange(work_[run.id.job.value], {});
      if (!run.stopping) return;
      work.runs -= world_.now() - run.started;  // it goes on from a checkpoint
      if (work.runs > Duration{0}) back_.push_back(std::move(work));
    };
  }

  void run() {
    for (std::int64_t i = 0; i < options_.storm_nodes; ++i) submit(any(1, 0));
    for (std::int64_t i = 0; i < options_.storm_jobs; ++i) {
      until(world_.now() + minutes(1));
      submit(any(dice_.between(1, std::max<std::int64_t>(2, options_.storm_nodes / 16)),
                 i % 2 == 0 ? 3 : 0));
    }
    until(Timestamp::max());  // and on, until nothing is left
  }

  void report(Json& out) const {
    out["storm_jobs"] = options_.storm_jobs;
    out["storm_nodes"] = options_.storm_nodes;
    out["storm_evictions"] = rounds_;
    out["preemptions"] = preemptions_;
    out["restarts"] = restarts_;
    out["restarted_within_min_run"] = too_early_;
    out["left_waiting"] = world_.waiting().size();
    out["storm_virtual_hours"] = (world_.now() - begun_) / hours(1);
    out["digest"] = world_.digest();
  }

 private:
  Work any(std::int64_t nodes, std::int64_t priority) {
    const auto limit = minutes(dice_.between(2, 24) * 10);
    return whole_nodes(nodes, priority, limit, limit * dice_.between(30, 100) / 100);
  }
  JobId submit(Work work, bool again = false) {
    // Its number is needed before it starts, which may be at once.
    const std::uint64_t id = ++last_;
    work_[id] = work;
    if (again) again_.insert(id);
    return world_.submit(work);
  }
  void until(Timestamp when) {
    while (world_.step(when)) {
      for (Work& work : std::exchange(back_, {})) submit(std::move(work), true);
    }
    if (when != Timestamp::max()) world_.set_now(when);
  }

  PreemptionOptions options_;
  World world_;
  Dice dice_;
  Timestamp begun_ = world_.now();
  std::map<std::uint64_t, Work> work_;  // by job
  std::set<std::uint64_t> again_;
  std::vector<Work> back_;
  std::uint64_t last_ = 0;
  std::int64_t restarts_ = 0, preemptions_ = 0, rounds_ = 0, too_early_ = 0;
};

}  // namespace

Json bench_preemption(const PreemptionOptions& options) {
  Json out;
  out["nodes"] = options.nodes;
  very_many_victims(options, out);
  Storm storm(options);
  storm.run();
  storm.report(out);
  out["rss_mib"] = peak_rss_mib();
  return out;
}

}  // namespace mohona

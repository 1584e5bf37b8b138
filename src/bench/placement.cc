#include "bench/placement.h"

#include <cmath>

#include "bench/world.h"

namespace mohona {
namespace {

constexpr std::int64_t full_percent = 92;
constexpr std::int64_t arrivals_max = 6;  // of each kind, after one end
constexpr std::int64_t full_fleet_waiting = 5'000;
constexpr std::int64_t greedy_least = 200, others_least = 500;  // that wait, in a small fleet
constexpr std::int64_t explained_one_in = 1'000;
constexpr int gang_rounds = 21;

SchedulingPolicy policy() {
  SchedulingPolicy policy;
  policy.preempt = Preempt::never;
  return policy;
}

// Keeps a fleet nearly full, with a queue.
class Load {
 public:
  Load(World& world, const PlacementOptions& options)
      : world_(world),
        source_(options.seed, options.nodes / 2),
        greedy_max_(std::max(greedy_least, waiting(options) * 3 / 5)),
        other_max_(std::max(others_least, waiting(options) * 2 / 5)) {}

  void fill() {
    while ((lacks_gpus() || lacks_cores()) && !is_long()) arrive();
    world_.spread_ends(source_.dice());
  }

  // What comes after each end. Where nodes are kept for gangs the fleet is not full, and nothing
  // more comes than the queue is to hold.
  void arrive() {
    for (std::int64_t i = 0; i < arrivals_max && lacks_gpus() && !is_long(); ++i) {
      submit(source_.gpu(false, others() >= other_max_), false);
    }
    for (std::int64_t i = 0; i < arrivals_max && lacks_cores(); ++i) {
      submit(source_.cpu(false), false);
    }
    while (std::ssize(world_.waiting()) - others() < greedy_max_) {
      submit(++turn_ % 3 == 0 ? source_.gpu(true, false) : source_.cpu(true), true);
    }
  }

  // Why jobs wait, for one in so many of them.
  std::int64_t explained() const { return explained_; }

 private:
  static std::int64_t waiting(const PlacementOptions& options) {
    if (options.waiting > 0) return options.waiting;
    return full_fleet_waiting * options.nodes / full_fleet_nodes;
  }
  bool lacks_gpus() const { return world_.gpus_used_milli() / 10 < world_.gpus() * full_percent; }
  bool lacks_cores() const {
    return world_.cores_used_milli() * 100 < world_.cores_milli() * full_percent;
  }
  bool is_long() const { return others() >= 2 * other_max_; }
  std::int64_t others() const {
    return std::ssize(world_.waiting()) - static_cast<std::int64_t>(world_.greedy_waiting());
  }

  void submit(const Work& work, bool is_greedy) {
    const JobId id = world_.submit(work, is_greedy);
    const auto found = world_.waiting().find(id.value);
    if (found == world_.waiting().end() || ++blocked_ % explained_one_in != 0) return;
    Scheduler& scheduler = world_.scheduler();
    for (const Target& target : scheduler.targets(found->second.waiting)) {
      const Obstacle o = scheduler.obstacle(found->second.waiting, target, world_.now());
      if (o.kind == Obstacle::none) throw std::logic_error("a blocked job has nothing in its way");
    }
    ++explained_;
  }

  World& world_;
  WorkSource source_;
  std::int64_t greedy_max_, other_max_, turn_ = 0, blocked_ = 0, explained_ = 0;
};

Work whole_nodes(std::int64_t n) {
  Work work;
  Choice choice;
  choice.demand = {96'000, 1'024 * 1'024, "h100", gpus_a_node, 0};
  work.needs.choices = {choice};
  work.needs.min_nodes = work.needs.max_nodes = n;
  work.needs.limit = std::chrono::hours(8);
  work.runs = std::chrono::hours(4);
  return work;
}

// What it takes to decide about a gang of a third of the pool, and to apply it, when just so many
// nodes of it are free, anywhere; microseconds.
Series gang_times(std::int64_t pool_nodes, std::int64_t gang, std::uint64_t seed) {
  Dice dice(seed);
  Scheduler scheduler;
  const Pool pool = gpu_pool("north", "alpha", pool_nodes);
  scheduler.define_pool(pool);
  scheduler.define_queues({}, policy());
  const Timestamp now{std::chrono::hours(500'000)};
  std::uint64_t last = 0;
  const auto place = [&](std::int64_t n) {
    const Work work = whole_nodes(n);
    const JobId id{++last};
    const Waiting waiting = scheduler.wait(id, work.needs, rank_of(0, now, id, Duration{0}));
    scheduler.begin(now);
    auto decision = scheduler.next();
    auto* start = decision ? std::get_if<Start>(&*decision) : nullptr;
    if (!start) throw std::logic_error("the gang was not placed");
    Running run;
    run.id = {id, 0, 1};
    run.demand = work.needs.choices[0].demand;
    run.grant = std::move(start->grant);
    run.worth = worth_of(pool, run.demand) * n;
    run.started = now;
    run.end = run.expected = now + work.needs.limit;
    scheduler.leave(waiting);
    return scheduler.start(std::move(run));
  };
  std::vector<OccupantId> singles;
  for (std::int64_t i = 0; i < pool_nodes; ++i) singles.push_back(place(1));
  Series out;
  for (int round = 0; round < gang_rounds; ++round) {
    for (std::int64_t i = 0; i < gang; ++i) {  // one by one, anywhere
      std::swap(singles[static_cast<std::size_t>(dice.below(std::ssize(singles)))], singles.back());
      scheduler.end(singles.back());
      singles.pop_back();
    }
    const Ticks begin = ticks();
    const OccupantId who = place(gang);
    out.push_back(static_cast<float>(micros_between(begin, ticks())));
    scheduler.end(who);
    for (std::int64_t i = 0; i < gang; ++i) singles.push_back(place(1));
  }
  return out;
}

double leaves_a_decision(World& world, std::uint64_t before) {
  return static_cast<double>(world.scheduler().leaves_visited() - before) /
         static_cast<double>(std::max<std::int64_t>(1, world.counts().decisions()));
}

}  // namespace

Json bench_placement(const PlacementOptions& options) {
  World world(mixed_fleet(options.nodes), three_levels(), policy());
  Load load(world, options);
  load.fill();
  const auto run = [&](std::int64_t decisions) {
    while (world.counts().decisions() < decisions && world.step()) load.arrive();
  };
  world.measure();
  run(options.decisions / 5);  // until the mixture is that of a fleet that has long been full
  world.measure();
  const std::uint64_t visited = world.scheduler().leaves_visited();
  const Timestamp from = world.now();
  run(options.decisions);
  const World::Counts& counts = world.counts();
  const Series& each = world.decision_us();
  const std::int64_t gang = std::min<std::int64_t>(10'000, options.nodes / 2 / 3);
  const double per_second = static_cast<double>(counts.decisions()) / world.busy_seconds();
  Json out;
  out["nodes"] = options.nodes;
  out["gpus"] = world.gpus();
  out["cores"] = world.cores_milli() / 1'000;
  out["seed"] = options.seed;
  out["running"] = world.running();
  out["waiting"] = world.waiting().size();
  out["classes"] = world.scheduler().classes();
  out["virtual_seconds"] = (world.now() - from) / std::chrono::seconds(1);
  out["decisions"] = counts.decisions();
  out["starts"] = counts.starts;
  out["blocked"] = counts.blocked + counts.answered;
  out["blocked_by_class"] = counts.answered;
  out["keeps"] = counts.keeps;
  out["drops"] = counts.drops;
  out["looks_in_vain"] = counts.in_vain;
  out["ends"] = counts.ends;
  out["explained"] = load.explained();
  out["decisions_per_second"] = std::round(per_second);
  out["starts_per_second"] = std::round(static_cast<double>(counts.starts) / world.busy_seconds());
  out["p50_us"] = percentile(each, 0.5);
  out["p99_us"] = percentile(each, 0.99);
  out["p999_us"] = percentile(each, 0.999);
  out["max_us"] = percentile(each, 1);
  out["event_p50_us"] = percentile(world.event_us(), 0.5);
  out["event_p99_us"] = percentile(world.event_us(), 0.99);
  out["event_max_us"] = percentile(world.event_us(), 1);
  out["gang_10000_us"] = percentile(gang_times(options.nodes / 2, gang, options.seed), 0.5);
  out["gang_nodes"] = gang;
  out["leaves_visited_per_decision"] = leaves_a_decision(world, visited);
  out["gpu_use_pct"] =
      static_cast<double>(world.gpus_used_milli()) / 10 / static_cast<double>(world.gpus());
  out["core_use_pct"] = 100 * static_cast<double>(world.cores_used_milli()) /
                        static_cast<double>(world.cores_milli());
  out["rss_mib"] = peak_rss_mib();
  out["digest"] = world.digest();
  return out;
}

Json bench_growth(const PlacementOptions& options) {
  Json rows = Json::array();
  std::vector<std::pair<double, double>> logs;
  for (const std::int64_t nodes : {1'024, 8'192, 62'464, 250'880}) {
    PlacementOptions one = options;
    one.nodes = nodes;
    const Json all = bench_placement(one);
    Json row;
    for (const char* key : {"nodes", "gpus", "cores", "running", "waiting", "decisions_per_second",
                            "p50_us", "p99_us", "leaves_visited_per_decision", "rss_mib"}) {
      row[key] = all[key];
    }
    logs.emplace_back(std::log(static_cast<double>(nodes)),
                      -std::log(all["decisions_per_second"].get<double>()));
    rows.push_back(row);
  }
  double x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& [a, b] : logs) x += a, y += b, xx += a * a, xy += a * b;
  const auto n = static_cast<double>(logs.size());
  return {{"growth", rows}, {"exponent", (n * xy - x * y) / (n * xx - x * x)}};
}

}  // namespace mohona

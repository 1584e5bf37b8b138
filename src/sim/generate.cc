#include "sim/generate.h"

#include <algorithm>

#include "base/dice.h"

namespace mohona {
namespace {

using namespace std::chrono;

Pool pool(std::string name, std::string cloud, std::int64_t nodes, Shape shape, Purchase purchase,
          std::int64_t nanos) {
  Pool out;
  out.name = std::move(name);
  out.cloud = std::move(cloud);
  out.region = "r1";
  out.zone = "z1";
  out.shape = std::move(shape);
  out.nodes = std::max<std::int64_t>(2, nodes);
  out.purchase = purchase;
  out.price = {nanos};
  return out;
}

Queue queue(std::string name, std::string parent, std::int64_t guarantee, std::int64_t weight) {
  Queue out;
  out.name = std::move(name);
  out.parent = std::move(parent);
  out.guarantee_ppm = guarantee * 10'000;
  out.weight = weight;
  return out;
}

Fleet make_fleet(Dice& dice, std::int64_t nodes) {
  const Shape h100{"h100x8", 192'000, 2'000'000, "h100", 8};
  const Shape a100{"a100x8", 96'000, 1'000'000, "a100", 8};
  const Shape l4{"l4x4", 48'000, 192'000, "l4", 4};
  const Shape big{"c64", 64'000, 256'000, "", 0}, small{"c32", 32'000, 64'000, "", 0};
  const auto part = [&](std::int64_t of_500) { return nodes * of_500 / 500; };
  Fleet fleet;
  fleet.pools = {
      pool("aws-h100", "aws", part(64), h100, Purchase::reserved, 55'040'000'000),
      pool("gcp-h100-spot", "gcp", part(64), h100, Purchase::spot, 22'000'000'000),
      pool("azure-a100", "azure", part(48), a100, Purchase::on_demand, 27'200'000'000),
      pool("gcp-l4", "gcp", part(72), l4, Purchase::on_demand, 4'000'000'000),
      pool("aws-cpu", "aws", part(128), big, Purchase::on_demand, 2'720'000'000),
      pool("azure-cpu-spot", "azure", part(124), small, Purchase::spot, 380'000'000),
  };
  fleet.pools[0].topology = {16, 2, 0};
  fleet.pools[1].topology = {16, 0, 0};
  fleet.pools[2].topology = {8, 0, 0};
  fleet.queues = {queue("research", "", 50, 2), queue("vision", "research", 20, 1),
                  queue("language", "research", 30, 3), queue("production", "", 30, 2),
                  queue("batch", "", 0, 1)};
  fleet.queues[1].borrow_ppm = 300'000;
  fleet.queues[3].lend_ppm = dice.between(10, 30) * 10'000;
  fleet.queues[4].borrow_ppm = dice.between(50, 90) * 10'000;
  fleet.scheduling.preempt = static_cast<Preempt>(dice.below(3));
  constexpr std::array<QueueOrder, 5> orders = {
      QueueOrder::age, QueueOrder::age, QueueOrder::learned, QueueOrder::fifo, QueueOrder::las};
  fleet.scheduling.order = orders[static_cast<std::size_t>(dice.below(5))];
  fleet.scheduling.min_run = minutes(dice.between(2, 15));
  if (dice.one_in(3)) fleet.scheduling.overflow_wait = minutes(dice.between(0, 10));
  return fleet;
}

class Jobs {
 public:
  Jobs(Dice& dice, const Fleet& fleet, const FaultKinds& faults)
      : dice_(dice), fleet_(fleet), faults_(faults) {}

  Arrival next(std::int64_t number) {
    Arrival job;
    JobSpec& spec = job.spec;
    spec.name = fmt::format("job-{}", number);
    constexpr std::array<const char*, 4> leaves = {"vision", "language", "production", "batch"};
    spec.queue = leaves[static_cast<std::size_t>(dice_.below(4))];
    spec.priority = dice_.below(4) == 0 ? dice_.between(-2, 3) : 0;
    spec.retries = {dice_.below(3), seconds(dice_.between(1, 20))};
    spec.stop.edit().grace = seconds(dice_.between(5, 60));
    spec.restart_after_loss = !dice_.one_in(20);
    job.does.overhead = seconds(dice_.between(0, 60));
    job.does.stops_within = seconds(dice_.below(10));
    const std::int64_t sort = dice_.below(100);
    if (sort < 40)
      cores(job);
    else if (sort < 55)
      gpus(job);
    else if (sort < 62)
      part_of_gpu(job);
    else if (sort < 80)
      gang(job);
    else if (sort < 88)
      array(job);
    else if (sort < 91)
      service(job);
    else
      pipeline(job, number);
    finish(job);
    return job;
  }

 private:
  Demand& demand(Arrival& job) { return job.spec.resources.choices.front().demand; }

  void cores(Arrival& job) {
    demand(job) = {dice_.between(1, 16) * 1'000, dice_.between(1, 16) * 1'024, "", 0, 0};
    job.does.runs = minutes(dice_.between(2, 120));
  }
  void gpus(Arrival& job) {
    demand(job) = {8'000, 32'000, dice_.one_in(3) ? "l4" : "", std::int64_t{1} << dice_.below(3),
                   0};
    job.does.runs = minutes(dice_.between(10, 300));
  }
  void part_of_gpu(Arrival& job) {
    demand(job) = {2'000, 8'000, "l4", 0, dice_.between(1, 9) * 100};
    job.does.runs = minutes(dice_.between(5, 200));
  }

  // Whole nodes of one kind, most of them with a checkpoint.
  void gang(Arrival& job) {
    JobSpec& spec = job.spec;
    const Pool& here = fleet_.pools[static_cast<std::size_t>(dice_.below(3))];
    spec.kind = Kind::train;
    spec.num_nodes =
        std::min(std::int64_t{1} << dice_.below(5), std::max<std::int64_t>(1, here.nodes / 2));
    if (dice_.one_in(6)) spec.min_nodes = std::max<std::int64_t>(1, spec.num_nodes / 2);
    demand(job) = {here.shape.cpus_milli / 2, here.shape.memory_mib / 2, here.shape.gpu, 8, 0};
    if (dice_.one_in(3) && spec.num_nodes <= 4) spec.nearness.within = Level::leaf;
    job.does.runs = minutes(dice_.between(20, 360));
    if (dice_.one_in(4)) return;
    spec.checkpoint = Checkpoint{"ckpt"};
    job.does.checkpoint_every = minutes(10);
    job.does.keeps_on_stop = true;
    job.does.steps = 1'000;
    spec.progress.emplace().steps = 1'000;
  }

  void array(Arrival& job) {
    JobSpec& spec = job.spec;
    spec.kind = Kind::data;
    Shards& shards = spec.shards.emplace();
    shards.range = Indices{0, dice_.between(2, 40), 1};
    shards.array = true;
    if (dice_.one_in(2)) shards.at_once_max = dice_.between(1, 10);
    demand(job) = {dice_.between(1, 4) * 1'000, 2'048, "", 0, 0};
    job.does.runs = minutes(dice_.between(1, 30));
  }

  void service(Arrival& job) {
    job.spec.kind = Kind::serve;
    job.spec.service.emplace().replicas = dice_.between(1, 3);
    demand(job) = {4'000, 16'000, "l4", 1, 0};
  }

  void pipeline(Arrival& job, std::int64_t number) {
    cores(job);
    if (number > 0) {
      job.spec.needs = {
          fmt::format("job-{}", number - 1 - dice_.below(std::min<std::int64_t>(number, 5)))};
    }
  }

  void finish(Arrival& job) {
    JobSpec& spec = job.spec;
    const bool serves = spec.kind == Kind::serve;
    // Some want spot machines, some take what is cheaper, the others never do.
    Choice& first = spec.resources.choices.front();
    const std::int64_t spot = dice_.below(10);
    const bool there =
        first.demand.gpu == "h100" || first.demand.gpus + first.demand.gpu_milli == 0;
    first.use_spot = there && spot < 3;
    if (there && spot >= 3 && spot < 6) {
      spec.resources.choices.push_back(first);
      spec.resources.choices.back().use_spot = true;
    }
    if (!serves && !dice_.one_in(3)) {
      spec.max_duration =
          seconds(duration_cast<seconds>(job.does.runs).count() * dice_.between(8, 30) / 10 + 120);
    }
    if (dice_.one_in(20)) spec.deadline = job.at + minutes(dice_.between(5, 120));
    if (!serves && dice_.one_in(20)) spec.budget = Money{dice_.between(1, 400) * 1'000'000};
    Dice own(dice_.next());  // thrown either way, so that faults do not move what comes after
    if (faults_.contains(FaultKind::failing_work) && own.one_in(12))
      job.does.exit_code = own.between(1, 9);
    if (faults_.contains(FaultKind::deaf_work) && own.one_in(12)) job.does.stops_within = hours(24);
    if (spec.deadline && !serves && own.one_in(2)) {  // by when it is to be done
      spec.estimate = job.does.runs;
      spec.deadline = job.at + job.does.runs * own.between(10, 40) / 10;
    }
  }

  Dice& dice_;
  const Fleet& fleet_;
  const FaultKinds& faults_;
};

}  // namespace

Generated generate(std::uint64_t seed, std::int64_t nodes, std::int64_t jobs, Timestamp begin,
                   Duration lasts, const FaultKinds& faults) {
  Dice dice(seed * 64);
  Generated out;
  out.fleet = make_fleet(dice, nodes);
  // Dice of its own, so that what comes after does not change.
  if (Dice money(seed * 64 + 1); money.one_in(4)) {
    out.fleet.queues[0].budget =
        QueueBudget{Money{money.between(100, 200) * 1'000'000'000}, BudgetPeriod::day};
    out.fleet.queues[4].budget =
        QueueBudget{Money{money.between(80, 120) * 1'000'000'000}, BudgetPeriod::week};
  }
  std::vector<Timestamp> times;
  for (std::int64_t i = 0; i < jobs; ++i)
    times.push_back(begin + Duration(dice.below(lasts.count())));
  std::sort(times.begin(), times.end());
  Jobs maker(dice, out.fleet, faults);
  for (std::int64_t i = 0; i < jobs; ++i) {
    out.workload.arrivals.push_back(maker.next(i));
    Arrival& job = out.workload.arrivals.back();
    const Timestamp at = times[static_cast<std::size_t>(i)];
    if (job.spec.deadline) *job.spec.deadline += at - job.at;
    job.at = at;
  }
  return out;
}

}  // namespace mohona

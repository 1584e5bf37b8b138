// Properties that hold after every step of any history, checked against naive recomputations.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bitset>

#include "core/core.h"
#include "core/ledger/usage.h"
#include "core/share.h"
#include "model/codec.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

// What is held on one node.
struct NodeUse {
  std::int64_t cpus_milli = 0;
  std::int64_t memory_mib = 0;
  std::bitset<64> gpus;
};

int draw(int below) { return *rc::gen::inRange(0, below); }

Pool any_pool(int index) {
  Pool pool;
  pool.name = "pool" + std::to_string(index);
  pool.cloud = "cloud" + std::to_string(index);
  pool.shape = {"s", (1 + draw(4)) * 1'000, 4'096, draw(2) ? "h100" : "", 0};
  if (!pool.shape.gpu.empty()) pool.shape.gpus = 1 + draw(4);
  pool.nodes = 1 + draw(3);
  pool.share_nodes = draw(3) == 0;
  pool.purchase = static_cast<Purchase>(draw(3));
  pool.price = Price{draw(5) * 10'000'000};
  if (draw(2)) {
    pool.topology.leaf = 1 + draw(2);
    pool.topology.block = draw(3);
  }
  if (draw(3) == 0) pool.features = {{"ib", {{0, 0}}}};
  return pool;
}

// Nobody says anything of queues, or two of them share the fleet.
Fleet any_fleet() {
  Fleet fleet{{any_pool(0), any_pool(1), any_pool(2)}, {}, {}, {}};
  if (draw(2)) {
    fleet.queues = {{"a", "", 500'000, {}, {}, 1}, {"default", "", draw(2) * 200'000, {}, {}, 2}};
    if (draw(2)) fleet.queues[1].borrow_ppm = 200'000;
    if (draw(2)) fleet.queues[0].lend_ppm = 100'000;
    // From nothing to what some starts of an hour cost.
    for (Queue& queue : fleet.queues) {
      if (draw(3) == 0)
        queue.budget = {Money{draw(6) * 20'000}, static_cast<BudgetPeriod>(draw(4))};
    }
  }
  fleet.scheduling.preempt = static_cast<Preempt>(draw(3));
  fleet.scheduling.min_run = draw(2) * 20s;
  fleet.scheduling.patience = 15s;
  fleet.scheduling.reservations_max = draw(3);
  if (draw(2)) fleet.scheduling.ageing = Duration{0};
  if (draw(2)) fleet.scheduling.packing = Packing::learned;
  if (draw(2)) fleet.scheduling.overflow_wait = draw(3) * 10s;
  if (draw(2)) fleet.scheduling.order = static_cast<QueueOrder>(draw(6));
  return fleet;
}

JobSpec any_job(const State& state) {
  JobSpec spec;
  spec.name = "job" + std::to_string(draw(5));
  spec.run = "true";
  spec.priority = draw(3);
  spec.num_nodes = 1 + draw(3);
  spec.retries.max = draw(3);
  spec.restart_after_loss = draw(4) > 0;
  spec.resources.choices.clear();
  for (int i = 0, n = 1 + draw(2); i < n; ++i) {
    Choice choice;
    choice.demand.cpus_milli = 500 * (1 + draw(6));
    choice.use_spot = draw(2) == 1;
    if (draw(3) == 0) choice.demand.gpu = "h100", choice.demand.gpus = 1 + draw(3);
    if (draw(6) == 0) choice.demand.gpus = 0, choice.demand.gpu_milli = 100 * (1 + draw(9));
    if (draw(4) == 0) choice.demand.memory_mib = 512 * (1 + draw(6));
    if (draw(6) == 0) choice.speed_milli = 500;
    spec.resources.choices.push_back(choice);
  }
  switch (draw(4)) {
    case 0:
      spec.kind = Kind::data;
      spec.num_nodes = 1;
      spec.shards = Shards{.items = {"a", "b", "c"}, .at_once_max = draw(3)};
      if (draw(2)) spec.shards->items.clear(), spec.shards->range = Indices{1, 9, 4};
      break;
    case 1:
      spec.kind = Kind::serve;
      spec.num_nodes = 1;
      spec.service = Service{{}, 1 + draw(2)};
      break;
    default:
      break;
  }
  if (draw(2) == 0) spec.max_duration = (1 + draw(50)) * 1s;
  if (!state.queues().empty() && draw(2)) spec.queue = "a";
  if (spec.num_nodes > 1 && draw(4) == 0)
    spec.min_nodes = 1 + draw(static_cast<int>(spec.num_nodes));
  if (draw(5) == 0) spec.nearness.within = static_cast<Level>(draw(4));
  if (draw(6) == 0) spec.features = {"ib"};
  if (draw(8) == 0) spec.reservation = "window" + std::to_string(draw(3));
  spec.stop.edit().grace = draw(3) * 5s;
  if (draw(2)) spec.checkpoint = Checkpoint{"ckpt"};
  if (draw(4) == 0) spec.estimate = (1 + draw(50)) * 1s;
  if (draw(6) == 0) spec.budget = Money{draw(100)};
  if (draw(6) == 0) spec.deadline = Timestamp(std::chrono::hours(1)) + draw(100) * 1s;
  if (draw(3) == 0 && !state.jobs().empty()) {
    spec.needs = {std::to_string(1 + draw(static_cast<int>(state.jobs().size())))};
  }
  return spec;
}

PackingPrices any_prices() {
  PackingPrices prices;
  for (int i = draw(4); i < 3; ++i) {
    prices.classes.push_back({"pool" + std::to_string(i), draw(2) * 100, draw(2) * 100'000'000});
  }
  for (int i = draw(4); i > 0; --i) {
    prices.types.push_back(
        {500 * draw(6), 0, 0, 100 * (1 + draw(9)), {}, draw(9) * 100'000'000, draw(2) * 200'000});
  }
  prices.core_prices = {0, 10'000};
  return prices;
}

// The fleet's file once more, with another number of nodes, price, topology, reservation or rule; a
// pool goes, or comes back.
Fleet another_fleet(const State& state, Timestamp now) {
  Fleet fleet{{}, state.queues(), {}, state.scheduling(), {}};
  if (draw(4) == 0) fleet = any_fleet(), fleet.pools.clear();
  for (int i = 0; i < 3; ++i) {
    const PoolRecord* known = state.find_pool("pool" + std::to_string(i));
    if (!known) {
      fleet.pools.push_back(any_pool(i));
      continue;
    }
    const Pool other = any_pool(i);
    Pool pool = known->pool;
    if (draw(3) == 0) pool.nodes = other.nodes;
    if (draw(3) == 0) pool.price = other.price;
    if (draw(3) == 0) pool.features = other.features;
    if (draw(6) == 0) pool.topology = other.topology;
    pool.nodes = std::max<std::int64_t>(1, pool.nodes);  // 0: it was to go, and is busy
    for (const AdvanceReservation& r : known->reservations) {
      const bool there = r.where.empty() || r.where.back().last < pool.nodes;
      if (there && draw(3) > 0) fleet.reservations.push_back(r);
    }
    if (draw(4) == 0 && known->reservations.empty()) {
      AdvanceReservation window{"window" + std::to_string(i), pool.name, 1, {}, {}, {}, {}, false};
      if (draw(2)) window.nodes = 0, window.where = {{0, draw(static_cast<int>(pool.nodes))}};
      window.from = now + draw(60) * 1s;
      window.to = window.from + 60s;
      window.maintenance = draw(2) == 0;
      fleet.reservations.push_back(window);
    }
    fleet.pools.push_back(std::move(pool));
  }
  if (draw(4) == 0) {
    const auto gone = fleet.pools.begin() + draw(3);
    std::erase_if(fleet.reservations, [&](const auto& r) { return r.pool == gone->name; });
    fleet.pools.erase(gone);
  }
  return fleet;
}

// Something that might happen next.
Input any_input(const State& state, Timestamp now) {
  const auto live = [&](auto make) -> Input {
    if (state.live().empty()) return Tick{};
    return make(
        std::next(state.live().begin(), draw(static_cast<int>(state.live().size())))->first);
  };
  switch (draw(14)) {
    case 13:
      return DefineFleet{another_fleet(state, now)};
    case 12:
      return LoadNode{
          "pool" + std::to_string(draw(2)), draw(2), {draw(3) * 500, draw(3) * 512, {}}};
    case 11:
      return PricePacking{any_prices()};
    case 9: {
      const std::int64_t node = draw(2);
      return ChangeNodes{
          "pool" + std::to_string(draw(2)), {{node, node}}, static_cast<NodeState>(draw(4)), "r"};
    }
    case 10:
      return live([](AttemptId id) -> Input {
        Progress progress{id, {}, {}};
        if (draw(2)) progress.ends_at = Timestamp(std::chrono::hours(1)) + draw(900) * 1s;
        if (draw(2)) progress.done = draw(100) - 1;
        if (draw(2)) progress.total = draw(100) - 1;
        if (draw(2)) progress.metrics = {{"loss", std::to_string(draw(3))}};
        return progress;
      });
    case 0:
    case 1:
      return Submit{{any_job(state)}, {}, ""};
    case 2:
      return live([](AttemptId id) -> Input { return Started{id, 80, {}}; });
    case 3:
    case 4:
      return live([](AttemptId id) -> Input {
        return Ended{id, Outcome{static_cast<End>(draw(3)), draw(3) ? 0 : 1, draw(2) == 1, ""}, {}};
      });
    case 5:
      return live([](AttemptId id) -> Input { return Readiness{id, draw(2) == 1, draw(5) == 0}; });
    case 6:
      if (draw(2)) return RestorePool{"pool" + std::to_string(draw(3))};
      return ReclaimPool{"pool" + std::to_string(draw(3)), draw(20) * 1s};
    case 7:
      return Cancel{JobId{static_cast<std::uint64_t>(1 + draw(10))}, "random"};
    default:
      return Tick{};
  }
}

// Σ held ≤ capacity on every node, every GPU given out once, gangs whole, one attempt a task; what
// has just been placed stands on nodes that are offered.
void check_allocations(const State& state, const Facts& news) {
  std::map<std::pair<std::string, std::int64_t>, NodeUse> use;
  std::map<std::tuple<std::string, std::int64_t, std::int64_t>, std::int64_t> parts;  // of GPUs
  std::set<std::pair<JobId, std::uint32_t>> tasks;
  for (const auto& [id, live] : state.live()) {
    const Attempt& attempt = state.live_attempt(id);
    RC_ASSERT(!attempt.ended_at);
    RC_ASSERT(tasks.insert({id.job, id.task}).second);
    const JobSpec& spec = *state.find(id.job)->job.spec;
    RC_ASSERT(std::ssize(attempt.holdings) <= spec.num_nodes);
    RC_ASSERT(std::ssize(attempt.holdings) >=
              (spec.min_nodes > 0 ? spec.min_nodes : spec.num_nodes));
    for (const Holding& holding : attempt.holdings) {
      NodeUse& node = use[{attempt.pool, holding.node}];
      node.cpus_milli += attempt.demand.cpus_milli;
      node.memory_mib += attempt.demand.memory_mib;
      if (attempt.demand.gpu_milli > 0) {
        RC_ASSERT(std::ssize(holding.devices) == 1);
        auto& part = parts[{attempt.pool, holding.node, holding.devices[0]}];
        RC_ASSERT((part += attempt.demand.gpu_milli) <= 1'000);
        continue;
      }
      RC_ASSERT(std::ssize(holding.devices) == attempt.demand.gpus);
      for (const std::int64_t gpu : holding.devices) {
        RC_ASSERT(!node.gpus.test(static_cast<std::size_t>(gpu)));
        node.gpus.set(static_cast<std::size_t>(gpu));
      }
    }
  }
  for (const Fact& fact : news) {
    const auto* placed = std::get_if<AttemptPlaced>(&fact);
    for (const Holding& holding : placed ? placed->attempt.holdings : std::vector<Holding>()) {
      RC_ASSERT(holding.node < state.find_pool(placed->attempt.pool)->pool.nodes);
    }
  }
  for (const auto& [where, part] : parts) {
    const auto& [pool, node, gpu] = where;
    const auto found = use.find({pool, node});
    RC_ASSERT(found == use.end() || !found->second.gpus.test(static_cast<std::size_t>(gpu)));
  }
  for (const auto& [where, held] : use) {
    const Pool& pool = state.find_pool(where.first)->pool;
    RC_ASSERT(held.cpus_milli <= pool.shape.cpus_milli);
    RC_ASSERT(held.memory_mib <= pool.shape.memory_mib);
    RC_ASSERT(std::int64_t(held.gpus.count()) <= pool.shape.gpus);
  }
}

// Whether the job, by its record alone, has a task that may be placed at this instant.
bool may_place(const State& state, const JobEntry& entry, Timestamp now) {
  const Job& job = entry.job;
  if (is_terminal(job.state) || job.cancelling || !job.expanded) return false;
  Money spent;
  for (const Attempt& attempt : job.attempts) spent += cost_of(attempt, now);
  if (job.spec->budget && !job.attempts.empty() && spent >= *job.spec->budget) return false;
  if (!job.started_at) {
    for (const JobId id : job.needs) {
      const Job& needed = state.find(id)->job;
      const bool answers = needed.spec->kind == Kind::serve && needed.state == JobState::running;
      if (needed.state != JobState::succeeded && !answers) return false;
    }
  }
  std::int64_t live = 0;
  bool waits = false;
  for (const Attempt& attempt : job.attempts) live += !attempt.ended_at;
  for (std::uint32_t i = 0; i < job.tasks.size(); ++i) {
    const Task& task = job.tasks[i];
    waits |= task.state == JobState::pending ||
             (task.state == JobState::recovering && job.tasks.note(i).not_before <= now);
  }
  const auto most = job.spec->shards ? job.spec->shards->at_once_max : 0;
  return waits && (most == 0 || live < most);
}

// Machines that are paid anyway will be free for it, or what it lacks on them.
bool is_planned_for_later(const State& state, JobId job, Timestamp now) {
  const OverflowPass& pass = state.overflow_pass();
  if (pass.refused.contains(job)) return true;
  return std::any_of(pass.plan.begin(), pass.plan.end(),
                     [&](const PlannedStart& one) { return one.job == job && one.start > now; });
}

// The naive scheduler: look at every waiting job and every pool. Nothing that fits may wait.
void check_nothing_that_fits_waits(State& state, Timestamp now) {
  // Room was being made for someone when the pass began: what is free waits for the next.
  if (shares(state) && state.share_pass().in_flight) return;
  for (const auto& [id, entry] : state.jobs()) {
    if (!may_place(state, entry, now)) continue;
    if (!entry.waiting || is_planned_for_later(state, id, now)) continue;
    for (const Target& target : state.scheduler().targets_now(*entry.waiting)) {
      RC_ASSERT(state.scheduler().obstacle(*entry.waiting, target, now).kind != Obstacle::none);
    }
  }
}

// Through the snapshot's text and back.
State reload(const State& state) {
  State copy;
  for (const auto& [name, pool] : state.pools()) copy.restore(*decode_pool(encode(pool)));
  for (const auto& [id, entry] : state.jobs()) copy.restore(*decode_job(encode(entry.job)));
  copy.restore(QueuesDefined{state.queues(), state.scheduling()});
  copy.restore(*decode_prices(encode(state.packing_prices())));
  const QueuesSpent spent = state.queue_budgets().spent();
  if (!spent.queues.empty()) copy.restore(*decode_spent(encode(spent)));
  copy.index();
  return copy;
}

// Whoever looked at everything anew shortly before the controller means to would find nothing to
// do; but for orders by run times, which change with time and are looked at every few seconds, and
// for whom to stop: who could gain by that looks once a pass, and others may start after it.
void check_nothing_is_due_before_it_wakes(const State& state, Timestamp now) {
  if (shares(state)) return;
  const auto wake = next_wake(state, now);
  const Timestamp before = (wake ? *wake : now + 1h) - Duration{1};
  if (before < now) return;
  State copy = reload(state);
  for (const Fact& fact : follow_up(copy, before)) {
    const auto* stop = std::get_if<AttemptStopping>(&fact);
    if (stop && stop->reason == StopReason::preempted) return;
    RC_FAIL(fmt::format("due before {}: {}", wake ? wake->time_since_epoch().count() : 0,
                        encode(fact)));
  }
}

RC_GTEST_PROP(AnyHistory, KeepsTheInvariants, ()) {
  State state;
  Facts log;
  std::map<JobId, JobState> ended;
  // Some of it across midnight, when budgets of days begin again.
  Timestamp now{draw(2) ? 1h : 24h - 90s};
  const auto give = [&](State& to, const Input& input) -> Facts {
    auto facts = advance(to, input, now);
    // A refused input changes nothing, but the time has passed all the same.
    return facts ? *facts : follow_up(to, now);
  };
  Facts first = give(state, DefineFleet{any_fleet()});
  log.insert(log.end(), first.begin(), first.end());
  for (const Fact& fact : first) RC_LOG() << encode(fact) << "\n";
  const int steps = draw(60);
  for (int step = 0; step < steps; ++step) {
    now += draw(20) ? draw(10) * 1s : 90min;
    const Input input = any_input(state, now);
    State copy = reload(state);
    const Facts facts = give(state, input);
    // A controller that starts from the snapshot decides the same.
    const Facts reloaded = give(copy, input);
    if (reloaded != facts) {
      for (const Fact& fact : facts) RC_LOG() << step << ", kept on: " << encode(fact) << "\n";
      for (const Fact& fact : reloaded) RC_LOG() << step << ", reloaded: " << encode(fact) << "\n";
    }
    RC_ASSERT(reloaded == facts);
    check_nothing_is_due_before_it_wakes(state, now);
    log.insert(log.end(), facts.begin(), facts.end());
    for (const Fact& fact : facts) RC_LOG() << step << ": " << encode(fact) << "\n";
    check_allocations(state, facts);
    check_nothing_that_fits_waits(state, now);
    for (const auto& [id, entry] : state.jobs()) {
      if (ended.contains(id)) RC_ASSERT(entry.job.state == ended[id]);
      if (is_terminal(entry.job.state)) ended[id] = entry.job.state;
    }
  }
  State replayed;
  for (const Fact& fact : log) replayed.apply(*decode_fact(encode(fact)));
  RC_ASSERT(replayed.digest() == state.digest());
}

RC_GTEST_PROP(AnyHistory, EndsWhenTheFaultsDo, ()) {
  State state;
  Timestamp now{std::chrono::hours(1)};
  // A fleet on which everything fits somewhere.
  Pool big = any_pool(0);
  big.shape = {"s", 8'000, 8'192, "h100", 8};
  big.nodes = 3;
  big.share_nodes = false;
  big.topology = {3, 1, 1};
  big.features = {{"ib", {}}};
  Pool spot = big;
  spot.name = "pool1";
  big.purchase = Purchase::on_demand;
  spot.purchase = Purchase::spot;
  const DefineFleet whole{{{big, spot}, {}, {}, {}}};
  (void)advance(state, whole, now);
  const int steps = draw(40);
  for (int step = 0; step < steps; ++step) {
    now += draw(10) * 1s;
    (void)advance(state, any_input(state, now), now);
  }
  (void)advance(state, whole, now);
  for (const char* pool : {"pool0", "pool1"}) {
    (void)advance(state, RestorePool{pool}, now);
    (void)advance(state, ChangeNodes{pool, {}, NodeState::up, ""}, now);
    for (std::int64_t i = 0; i < 3; ++i) (void)advance(state, LoadNode{pool, i, {}}, now);
  }
  for (std::uint64_t id = 1; state.find(JobId{id}); ++id) {  // its reservation has gone
    if (!state.find(JobId{id})->job.spec->reservation.empty()) {
      (void)advance(state, Cancel{JobId{id}, "end"}, now);
    }
  }
  for (int round = 0; round < 400; ++round) {
    now += 10min;
    (void)advance(state, Tick{}, now);
    while (!state.live().empty()) {
      const AttemptId id = state.live().begin()->first;
      const Job& job = state.find(id.job)->job;
      if (job.spec->kind == Kind::serve) (void)advance(state, Cancel{id.job, "end"}, now);
      if (!state.live().contains(id)) continue;
      const bool stops = state.live_attempt(id).stopping.has_value();
      (void)advance(state, Ended{id, Outcome{End::exited, 0, stops, ""}, {}}, now);
    }
  }
  for (const auto& [id, entry] : state.jobs()) RC_ASSERT(is_terminal(entry.job.state));
}

}  // namespace
}  // namespace mohona

#include "sim/chaos.h"

#include <algorithm>

#include "model/node_ranges.h"
#include "sim/checker.h"
#include "sim/generate.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr Timestamp world_begins = Timestamp{} + hours(490'896);  // 2026-01-01
// After the last fault, everything that can end has ended.
constexpr Duration drain_max = hours(24 * 14);
constexpr Duration probe_after = seconds(20);
constexpr Duration ask_again = seconds(5);

class Chaos {
 public:
  explicit Chaos(const ChaosOptions& o)
      : options_(o), dice_(o.seed * 64 + 63), bug_(o.seed * 64 + 62) {
    generated_ = generate(o.seed, o.nodes, o.jobs, world_begins, o.lasts, o.faults);
    faults_ = make_faults(o.seed, o.faults, world_begins, o.lasts);
    result_.seed = o.seed;
    result_.events = faults_.size() + generated_.workload.arrivals.size();
    if (o.events) cut(*o.events);
    SimulationSetup setup{generated_.fleet, generated_.workload, world_begins};
    setup.rhythm = {minutes(1), 1'024};
    setup.keep_journal = true;
    setup.around_engine = [this](Engine& engine) { return around(engine); };
    if (o.bug) {
      setup.around_store = [this](Store& store) {
        return make_store_bug(*options_.bug, bug_, store);
      };
    }
    simulation_.emplace(std::move(setup));
  }

  ChaosResult run() {
    Simulation& s = *simulation_;
    listen();
    checker_.attach(s);
    const Timestamp end = world_begins + options_.lasts;
    for (const Fault& fault : faults_) s.at(fault.at, [this, &fault] { happen(fault); });
    const Duration every = options_.look_every;
    look_ = every == Duration{0};
    for (Timestamp at = world_begins + every; every > Duration{0} && at <= end; at += every) {
      s.at(at, [this] { look_ = true; });
    }
    // Nobody waits for a service to end by itself.
    s.at(end, [this] { heal(); });
    try {
      while (!checker_.broken() && s.step(end + drain_max)) {
        if (std::exchange(look_, every == Duration{0})) checker_.at_rest();
      }
      if (!checker_.broken()) checker_.at_end();
    } catch (const std::exception& e) {
      checker_.auditor().report(Rule::index,
                                fmt::format("an invariant of the core broke: {}", e.what()));
    }
    finish();
    return std::move(result_);
  }

 private:
  // Keeps the first so many of what comes from outside.
  void cut(std::size_t events) {
    auto& arrivals = generated_.workload.arrivals;
    std::size_t jobs = 0, faults = 0;
    for (std::size_t n = 0; n < events && (jobs < arrivals.size() || faults < faults_.size());
         ++n) {
      const bool job = faults == faults_.size() ||
                       (jobs < arrivals.size() && arrivals[jobs].at <= faults_[faults].at);
      ++(job ? jobs : faults);
    }
    arrivals.resize(jobs);
    faults_.resize(faults);
  }

  std::unique_ptr<Engine> around(Engine& engine) {
    // Between them the checker: it sees what an error makes of what the controller asks.
    checked_ = checker_.around(engine);
    if (!options_.bug) return std::move(checked_);
    auto& real = static_cast<VirtualEngine&>(engine);
    if (auto bug = make_engine_bug(*options_.bug, bug_, *checked_, real)) return bug;
    return std::move(checked_);
  }

  void listen() {
    Simulation& s = *simulation_;
    s.store().before_append = [this] {
      if (slow_ > 0) simulation_->delay(Duration(dice_.between(1'000, 3'000'000)));
      if (full_ > 0) return;  // a start needs room, too
      if (crash_before_ > 0 && --crash_before_ == 0) die();
      if (crash_again_ > 0 && --crash_again_ == 0) die();
    };
    s.store().after_append = [this](const Facts& facts) {
      checker_.saw(facts);
      for (const Fact& fact : facts) learn(fact);
      if (crash_after_ > 0 && --crash_after_ == 0) die();
    };
    s.engine().around_effects = [this] {
      if (full_ == 0 && crash_effect_ > 0 && --crash_effect_ == 0) die();
    };
    s.after_turn = [this] {
      checker_.after_turn();
      if (std::exchange(restarts_, simulation_->restarts()) != simulation_->restarts()) ask_all();
    };
  }

  [[noreturn]] void die() {
    ++result_.crashes;
    excuse(Duration{0});
    throw Crash{};
  }

  void excuse(Duration lasts) {
    checker_.excused_until =
        std::max(checker_.excused_until, simulation_->now() + lasts + minutes(5));
    checker_.auditor().excuse_promises();
  }

  void count(const Fact& fact) {
    if (const auto* kept = std::get_if<NodesKept>(&fact)) {
      result_.promises += kept->promised;
    } else if (const auto* stopping = std::get_if<AttemptStopping>(&fact)) {
      result_.preemptions += stopping->reason == StopReason::preempted;
    } else if (const auto* ended = std::get_if<AttemptEnded>(&fact)) {
      result_.losses += ended->outcome.end == End::lost;
      result_.failures += ended->outcome.end == End::exited && ended->outcome.exit_code != 0;
    }
  }

  void learn(const Fact& fact) {
    count(fact);
    if (const auto* submitted = std::get_if<JobSubmitted>(&fact)) {
      const auto arrival = std::stoull(submitted->key.substr(std::string("arrival-").size()));
      const Arrival& job = generated_.workload.arrivals.at(arrival);
      simulation_->engine().describe(submitted->job, job.does);
      if (job.spec.kind == Kind::serve) services_.insert(submitted->job);
    } else if (const auto* started = std::get_if<AttemptStarted>(&fact)) {
      const AttemptId id = started->attempt;
      if (!services_.contains(id.job)) return;
      simulation_->at(simulation_->now() + probe_after, [this, id] {
        ask(Readiness{id, true, false});
      });
    }
  }

  // --- people who ask until they are answered
  void ask(Input input) {
    const std::uint64_t number = ++asked_last_;
    asked_.emplace(number, std::move(input));
    send(number);
  }
  void send(std::uint64_t number) {
    const auto found = asked_.find(number);
    if (found == asked_.end()) return;
    simulation_->give(found->second, [this, number](Result<Accepted> accepted) {
      if (!accepted && accepted.error().code == Code::unavailable) {
        simulation_->at(simulation_->now() + ask_again, [this, number] { send(number); });
      } else {
        asked_.erase(number);
      }
    });
  }
  void ask_all() {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, input] : asked_) numbers.push_back(number);
    for (const std::uint64_t number : numbers) send(number);
  }

  // --- what goes wrong
  using Flag = bool VirtualEngine::Faults::*;
  void flag(Flag which, std::size_t kind, const Fault& fault) {
    auto& faults = simulation_->engine().faults;
    ++active_[kind];
    faults.*which = true;
    excuse(fault.lasts);
    later(fault.lasts, [this, which, kind] {
      if (--active_[kind] == 0) simulation_->engine().faults.*which = false;
    });
  }
  void later(Duration after, std::function<void()> then) {
    simulation_->at(simulation_->now() + after, std::move(then));
  }

  void happen(const Fault& fault) {
    ++result_.faults[fault.kind];
    using F = VirtualEngine::Faults;
    const auto kind = static_cast<std::size_t>(fault.kind);
    switch (fault.kind) {
      case FaultKind::nodes:
        return lose_node(fault);
      case FaultKind::spot:
        return take_back(fault);
      case FaultKind::silence:
        return flag(&F::silent, kind, fault);
      case FaultKind::lost_reports:
        return flag(&F::forgetful, kind, fault);
      case FaultKind::doubled_reports:
        return flag(&F::repeats, kind, fault);
      case FaultKind::reordered_reports:
        return flag(&F::backwards, kind, fault);
      case FaultKind::unknown_launches:
        return flag(&F::launches_unknown, kind, fault);
      case FaultKind::lost_launches:
        return flag(&F::launches_lost, kind, fault);
      case FaultKind::slow_store:
        ++slow_;
        excuse(fault.lasts);
        return later(fault.lasts, [this] { slow_ = std::max(0, slow_ - 1); });
      case FaultKind::full_store:
        ++full_;
        simulation_->memory().set_full(true);
        excuse(fault.lasts);
        return later(fault.lasts, [this] {
          full_ = std::max(0, full_ - 1);
          simulation_->memory().set_full(full_ > 0);
        });
      case FaultKind::crash:
        return arm_crash(fault);
      case FaultKind::cancels:
        return cancel(fault);
      case FaultKind::fleet:
        return change_fleet(fault);
      case FaultKind::cordon:
        return cordon(fault);
      case FaultKind::twice:
        if (const auto& jobs = simulation_->jobs(); !jobs.empty()) {
          simulation_->submit_again(fault.salt % jobs.size());
        }
        return;
      case FaultKind::failing_work:
      case FaultKind::deaf_work:
        return;
    }
  }

  void arm_crash(const Fault& fault) {
    const int soon = static_cast<int>(1 + fault.salt / 8 % 3);
    switch (fault.salt % 4) {
      case 0:
        crash_before_ = soon;
        return;
      case 1:
        crash_after_ = soon;
        return;
      case 2:
        crash_effect_ = soon * 3;
        return;
      default:
        crash_before_ = soon, crash_again_ = soon + 1;  // and at the next start
    }
  }

  const Pool& pool_of(const Fault& fault) const {
    std::int64_t all = 0;
    for (const Pool& pool : generated_.fleet.pools) all += pool.nodes;
    auto at = static_cast<std::int64_t>(fault.salt % static_cast<std::uint64_t>(all));
    for (const Pool& pool : generated_.fleet.pools) {
      if ((at -= pool.nodes) < 0) return pool;
    }
    return generated_.fleet.pools.back();
  }

  void lose_node(const Fault& fault) {
    const Pool& pool = pool_of(fault);
    const auto node =
        static_cast<std::int64_t>(fault.salt / 1'000 % static_cast<std::uint64_t>(pool.nodes));
    simulation_->engine().lose_node(pool.name, node);
    const NodeRanges nodes = {{node, node}};
    later(seconds(5 + fault.salt / 7 % 55), [this, name = pool.name, nodes] {
      ask(ChangeNodes{name, nodes, NodeState::down, "lost"});
    });
    later(fault.lasts, [this, name = pool.name, node, nodes] {
      simulation_->engine().bring_back(name, node);
      ask(ChangeNodes{name, nodes, NodeState::up, ""});
    });
  }

  void take_back(const Fault& fault) {
    std::vector<const Pool*> spot;
    for (const Pool& pool : generated_.fleet.pools) {
      if (pool.purchase == Purchase::spot) spot.push_back(&pool);
    }
    const Pool& pool = *spot[fault.salt % spot.size()];
    if (!taken_.insert(pool.name).second) return;
    const Duration notice = seconds(fault.salt / 7 % 120);
    ask(ReclaimPool{pool.name, notice});
    later(notice, [this, &pool] {
      if (!taken_.contains(pool.name)) return;
      for (std::int64_t i = 0; i < pool.nodes * 2; ++i)
        simulation_->engine().lose_node(pool.name, i);
    });
    later(notice + fault.lasts, [this, &pool] { give_back(pool); });
  }
  void give_back(const Pool& pool) {
    if (taken_.erase(pool.name) == 0) return;
    for (std::int64_t i = 0; i < pool.nodes * 2; ++i)
      simulation_->engine().bring_back(pool.name, i);
    ask(RestorePool{pool.name});
  }

  void cancel(const Fault& fault) {
    std::vector<JobId> live;
    for (const auto& [id, entry] : simulation_->state().jobs()) {
      if (!is_terminal(entry.job.state)) live.push_back(id);
    }
    if (!live.empty()) ask(Cancel{live[fault.salt % live.size()], "changed their mind"});
  }

  void change_fleet(const Fault& fault) {
    Fleet fleet = generated_.fleet;
    Pool& pool = fleet.pools[fault.salt % fleet.pools.size()];
    Queue& queue = fleet.queues[fault.salt / 8 % fleet.queues.size()];
    if (fault.salt / 64 % 3 != 0) {
      pool.nodes = std::max<std::int64_t>(
          1, pool.nodes * static_cast<std::int64_t>(50 + fault.salt / 512 % 100) / 100);
    }
    if (fault.salt / 64 % 3 != 1) {
      queue.weight = 1 + static_cast<std::int64_t>(fault.salt / 512 % 5);
      if (queue.parent.empty()) queue.guarantee_ppm /= 2;
    }
    ask(DefineFleet{fleet});
    later(fault.lasts, [this] { ask(DefineFleet{generated_.fleet}); });
  }

  void cordon(const Fault& fault) {
    const Pool& pool = pool_of(fault);
    const auto first =
        static_cast<std::int64_t>(fault.salt / 1'000 % static_cast<std::uint64_t>(pool.nodes));
    const NodeRanges nodes = {{first, std::min(pool.nodes - 1, first + 7)}};
    ask(ChangeNodes{pool.name, nodes,
                    fault.salt % 2 == 0 ? NodeState::cordoned : NodeState::draining, "work"});
    later(fault.lasts, [this, name = pool.name, nodes] {
      ask(ChangeNodes{name, nodes, NodeState::up, ""});
    });
  }

  // Nothing goes wrong any more; what does not end by itself is ended.
  void heal() {
    simulation_->engine().faults = {};
    for (auto& count : active_) count = 1'000'000;
    slow_ = 0, full_ = 0;
    crash_before_ = crash_after_ = crash_again_ = crash_effect_ = 0;
    simulation_->memory().set_full(false);
    ask(DefineFleet{generated_.fleet});
    for (const Pool& pool : generated_.fleet.pools) {
      give_back(pool);
      for (std::int64_t i = 0; i < pool.nodes * 2; ++i)
        simulation_->engine().bring_back(pool.name, i);
      ask(ChangeNodes{pool.name, {}, NodeState::up, ""});
    }
    for (const JobId id : services_) ask(Cancel{id, "the day is over"});
  }

  void finish() {
    Simulation& s = *simulation_;
    result_.simulated = options_.lasts;
    result_.jobs = std::ssize(s.state().jobs());
    for (const auto& [id, entry] : s.state().jobs()) {
      result_.succeeded += entry.job.state == JobState::succeeded;
      result_.attempts += entry.job.attempts_made();
    }
    result_.facts = checker_.auditor().facts();
    result_.violations = checker_.auditor().violations();
    if (checker_.broken()) result_.last_facts = checker_.last_facts();
    result_.digest = fmt::format("{}-{}-{}", s.state().digest(), result_.facts, s.turns());
  }

  ChaosOptions options_;
  Dice dice_;
  BugMemory bug_;
  Generated generated_;
  std::vector<Fault> faults_;
  ChaosResult result_;
  Checker checker_;
  std::unique_ptr<Engine> checked_;
  std::optional<Simulation> simulation_;
  std::set<JobId> services_;
  std::set<std::string> taken_;
  std::map<std::uint64_t, Input> asked_;
  std::uint64_t asked_last_ = 0;
  std::array<int, fault_names.size()> active_{};
  int slow_ = 0, full_ = 0;
  int crash_before_ = 0, crash_after_ = 0, crash_again_ = 0, crash_effect_ = 0;
  std::int64_t restarts_ = 0;
  bool look_ = false;
};

}  // namespace

ChaosResult run_chaos(const ChaosOptions& options) { return Chaos(options).run(); }

std::optional<std::size_t> fewest_events(const ChaosOptions& options, const ChaosResult& broken) {
  if (broken.violations.empty()) return std::nullopt;
  std::size_t low = 0, high = options.events.value_or(broken.events);
  while (low < high) {
    ChaosOptions fewer = options;
    fewer.events = low + (high - low) / 2;
    if (run_chaos(fewer).violations.empty()) {
      low = *fewer.events + 1;
    } else {
      high = *fewer.events;
    }
  }
  return high;
}

}  // namespace mohona

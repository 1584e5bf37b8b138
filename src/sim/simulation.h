// The control plane under virtual time: the real controller and core over a virtual clock, a store
// in memory and a virtual engine.
//
//   Simulation simulation({fleet, workload});
//   simulation.run();
//   simulation.state() ...
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "control/controller.h"
#include "sim/around.h"
#include "sim/virtual_engine.h"
#include "sim/workload.h"
#include "store/memory/memory_store.h"

namespace mohona {

// Thrown by a store or an engine under simulation: the controller dies here.
struct Crash {};

// A clock that the simulation moves, and never back.
class VirtualClock : public Clock {
 public:
  Timestamp now() const override { return now_; }
  void move_to(Timestamp at) { now_ = std::max(now_, at); }

 private:
  Timestamp now_;
};

// Stands before a store and shows what passes: to checkers, to recorders, to faults.
class WatchedStore : public StoreAround {
 public:
  using StoreAround::StoreAround;
  Result<void> append(const Facts& facts, Epoch epoch) override;

  // Either may throw, as a controller does that dies there.
  std::function<void()> before_append;
  std::function<void(const Facts&)> after_append;
};

struct SimulationSetup {
  Fleet fleet;
  Workload workload;
  Timestamp begin;  // of the world; arrivals are not before
  Rhythm rhythm = {std::chrono::hours(24), 1'000'000'000};
  bool keep_journal = false;  // facts of which the snapshot knows are kept as well
  // What stands between the controller and its engine or store, if anything: checkers, and errors
  // that are made on purpose. Asked for anew at every start of a controller.
  std::function<std::unique_ptr<Engine>(Engine&)> around_engine;
  std::function<std::unique_ptr<Store>(Store&)> around_store;
};

class Simulation {
 public:
  explicit Simulation(SimulationSetup setup);

  // Something done to the world at an instant. Of the same instant: in the order of these calls.
  void at(Timestamp when, std::function<void()> happens);
  // Until nothing is left that could happen, or until then.
  void run(Timestamp until = Timestamp::max());
  // One instant: the clock moves to the next at which anything happens. False: there is none.
  bool step(Timestamp until = Timestamp::max());

  // An input of an operator: a pool is reclaimed, a node goes down. A controller that dies before
  // it answers never does.
  void give(Input input);
  void give(Input input, Controller::Done done);
  // An arrival that is sent once more, with the same key.
  void submit_again(std::size_t arrival);
  // Time goes by although nothing has come to rest: a store that is slow.
  void delay(Duration time) { clock_.move_to(clock_.now() + time); }
  // The controller dies here and now, and another starts on what is durable. Also what happens when
  // a store or an engine throws.
  void restart();

  Timestamp now() const { return clock_.now(); }
  const State& state() const { return controller_->state(); }
  VirtualEngine& engine() { return engine_; }
  WatchedStore& store() { return watched_; }
  MemoryStore& memory() { return memory_; }
  // The jobs of the arrivals, in their order; those that were refused have none.
  const std::vector<JobId>& jobs() const { return jobs_; }
  const std::vector<std::string>& refusals() const { return refusals_; }
  std::uint64_t turns() const { return turns_; }
  std::int64_t restarts() const { return restarts_; }

  // After every turn of the controller, and after every restart.
  std::function<void()> after_turn;

 private:
  void submit(std::size_t arrival);
  void submit_due();
  void turns_until_quiet(bool woken = false);
  std::optional<Timestamp> next_instant();

  SimulationSetup setup_;
  VirtualClock clock_;
  MemoryStore memory_;
  WatchedStore watched_{memory_};
  VirtualEngine engine_{clock_};
  std::unique_ptr<SecretStore> secrets_;
  std::unique_ptr<Store> outer_store_;
  std::unique_ptr<Engine> outer_engine_;
  std::unique_ptr<Controller> controller_;
  std::multimap<Timestamp, std::function<void()>> events_;
  std::size_t next_arrival_ = 0;
  std::map<std::size_t, bool> unanswered_;  // arrivals that were sent and not answered
  std::vector<JobId> jobs_;
  std::vector<std::string> refusals_;
  std::uint64_t turns_ = 0;
  std::int64_t restarts_ = 0;
};

}  // namespace mohona

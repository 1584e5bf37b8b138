// What is done about facts once they are durable, and how what runs is compared with what should.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/input.h"
#include "core/state.h"
#include "engine/engine.h"

namespace mohona {

// Where the values of a job's secrets are kept, outside the journal.
class SecretStore {
 public:
  virtual ~SecretStore() = default;
  // Keeps the values under a new name, durably; that name is all that the journal learns.
  virtual Result<std::string> write(const Variables& secrets) = 0;
  virtual Result<Variables> read(const std::string& name) = 0;
  virtual void remove(const std::string& name) = 0;
};

// Keeps none: for tests and simulations, whose jobs have none.
class NoSecrets : public SecretStore {
 public:
  Result<std::string> write(const Variables&) override {
    return fail(Code::internal, "no secrets are kept here");
  }
  Result<Variables> read(const std::string&) override { return Variables{}; }
  void remove(const std::string&) override {}
};

class Effects {
 public:
  // `name`: of this controller, none: the only one there is. Pools of another are not its to reach.
  // `may_act`: asked before each effect; none: always.
  Effects(std::map<std::string, Engine*> engines, SecretStore& secrets, std::string name = {},
          std::function<Result<void>()> may_act = {})
      : engines_(std::move(engines)),
        secrets_(secrets),
        name_(std::move(name)),
        may_act_(std::move(may_act)) {}

  // Does what the fact intends. Inputs that come of it (a launch that failed) are appended.
  void act(const State& state, const Fact& fact, std::vector<Input>& inputs);

  // What the engines report about live attempts, as inputs. With `reconcile` also the other way
  // round: live attempts that no engine knows are launched, and stops are repeated.
  void observe(const State& state, bool reconcile, Timestamp now, std::vector<Input>& inputs);

  // What the engines say of their nodes, beside what is known of them: states, and what others
  // hold there.
  void observe_nodes(const State& state, std::vector<Input>& inputs);

  // Only what follows from who leads: pools of other controllers are out of reach.
  void observe_away(const State& state, std::vector<Input>& inputs);

  // What a data job's globs match where the fleet's first engine looks.
  Result<std::vector<std::string>> list_shards(const State& state, const Job& job);

  // The engine on which this pool's work runs, or nullptr: there is none, or it is another's.
  Engine* engine_of(const State& state, const std::string& pool) const;

 private:
  bool may_act() const { return !may_act_ || may_act_().has_value(); }
  void launch(const State& state, const AttemptId& id, std::vector<Input>& inputs);
  void stop(const State& state, const AttemptId& id, Timestamp now);

  std::map<std::string, Engine*> engines_;
  SecretStore& secrets_;
  std::string name_;
  std::function<Result<void>()> may_act_;
};

// The name of the machine on which the attempt's first node is, for those who want to reach it.
std::string host_of(const State& state, const Attempt& attempt);

// Whether only another controller than the one of this name reaches the pool. Where there is only
// one it has no name, and nothing is out of its reach.
bool is_away(const Pool& pool, const std::string& name);

// What reports of `by` change of a pool's nodes, as inputs: what others have said of a node stays.
void compare_nodes(const PoolRecord& record, const std::string& by,
                   const std::vector<NodeReport>& reports, std::vector<Input>& inputs);

// A needed job as its dependants see it.
std::vector<NeededJob> needed_jobs(const State& state, const Job& job);

}  // namespace mohona

// What is done about facts once they are durable, and how what runs is compared with what should.
//
// Nothing here waits: every call of an engine or of the store of secrets goes through the outbox,
// and what it leads to comes back as inputs.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/outbox.h"
#include "core/input.h"
#include "core/state.h"
#include "engine/engine.h"

namespace mohona {

// Where the values of a job's secrets are kept, outside the journal. Called from several threads.
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

struct EffectsParts {
  std::map<std::string, Engine*> engines;  // by the name that pools use
  SecretStore& secrets;
  const Clock& clock;                          // translates times that engines report
  std::string name = {};                       // of this controller; empty: it is the only one
  std::function<Result<void>()> may_act = {};  // asked before each call; none: always
  std::function<void(const std::string&)> log = {};
};

class Effects {
 public:
  explicit Effects(EffectsParts parts) : parts_(std::move(parts)) {}

  // From now on calls are made on threads of their own; see Outbox.
  void use_threads(std::function<void()> wake) { outbox_.use_threads(std::move(wake)); }

  bool has_threads() const { return outbox_.has_threads(); }

  // Does what the fact intends. Inputs that come of it (a launch that failed) are appended.
  void act(const Turn& turn, const Fact& fact);

  // Asks the engines about live attempts. With `reconcile` also the other way round: live attempts
  // that no engine knows are launched, and stops are repeated. The answers become inputs.
  void observe(const Turn& turn, bool reconcile);

  // Whether something changed while an engine was being looked at; `reconcile` becomes true if all
  // of it is to be compared again. Asked once, it is forgotten.
  bool wants_look(bool& reconcile);

  // Asks the engines about their nodes: states, and what others hold there.
  void observe_nodes(const Turn& turn);

  // Only what follows from who leads: pools of other controllers are out of reach.
  void observe_away(const State& state, std::vector<Input>& inputs);

  // Asks what the job's globs match where the fleet's first engine looks; the answer is an input.
  void list_shards(const Turn& turn, const Job& job);
  bool lists(JobId job) const { return listing_.contains(job); }

  // Why an attempt that was launched has not started, as its engine says; "" if it says nothing.
  std::string waits_for(const AttemptId& id) const;

  // Takes what the calls have led to. With `drop` it is forgotten: nothing may be decided or done.
  void finish(const Turn& turn, bool drop);

  // No call begins any more. Returns the callees that have not returned from one.
  std::vector<std::string> close() { return outbox_.close(); }

  // The engine on which this pool's work runs, or nullptr: there is none, or it is another's.
  Engine* engine_of(const State& state, const std::string& pool) const;

 private:
  struct Look {
    bool under_way = false, again = false, reconcile_again = false;
    std::set<AttemptId> launched;  // since it began: it may not know them
    std::string complaint;         // what the engine said last in place of an answer
  };

  bool may_act() const { return !parts_.may_act || parts_.may_act().has_value(); }
  std::shared_ptr<const Pool> pool_of(const State& state, const std::string& name);
  void launch(const Turn& turn, const AttemptId& id);
  void launch_with(const Turn& turn, Launch launch);
  void stop(const Turn& turn, const AttemptId& id, Stop how);
  void stop_on(const Turn& turn, const std::string& engine, const AttemptId& id, Stop how);
  void forget(const Turn& turn, const std::string& engine, const AttemptId& id);
  void remove_secrets(const Turn& turn, const std::string& file);
  void compare(const Turn& turn, const std::string& engine, bool reconcile,
               std::vector<Report> reports);
  void complain(Look& look, const std::string& engine, const std::string& why);

  EffectsParts parts_;
  std::map<std::string, Look> looks_;   // by engine
  std::set<AttemptId> launching_;       // the launch has not returned
  std::set<std::string> asking_nodes_;  // pools
  std::set<JobId> listing_;
  std::map<AttemptId, std::string> waits_for_;
  bool drop_ = false;  // nothing may follow from what calls have led to
  std::map<std::string, std::shared_ptr<const Pool>> pools_;  // as defined last
  Outbox outbox_;  // the last: its threads end before what they use
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

// What is done about facts once they are durable, and how what runs is compared with what should.
#pragma once

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
  Effects(std::map<std::string, Engine*> engines, SecretStore& secrets)
      : engines_(std::move(engines)), secrets_(secrets) {}

  // Does what the fact intends. Inputs that come of it (a launch that failed) are appended.
  void act(const State& state, const Fact& fact, std::vector<Input>& inputs);

  // What the engines report about live attempts, as inputs. With `reconcile` also the other way
  // round: live attempts that no engine knows are launched, and stops are repeated.
  void observe(const State& state, bool reconcile, Timestamp now, std::vector<Input>& inputs);

  // What a data job's globs match where the fleet's first engine looks.
  Result<std::vector<std::string>> list_shards(const State& state, const Job& job);

  // The engine on which this pool's work runs, or nullptr.
  Engine* engine_of(const State& state, const std::string& pool) const;

 private:
  void launch(const State& state, const AttemptId& id, std::vector<Input>& inputs);
  void stop(const State& state, const AttemptId& id, Timestamp now);

  std::map<std::string, Engine*> engines_;
  SecretStore& secrets_;
};

// A needed job as its dependants see it.
std::vector<NeededJob> needed_jobs(const State& state, const Job& job);

}  // namespace mohona

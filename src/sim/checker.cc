#include "sim/checker.h"

#include "core/audit/audit.h"
#include "core/explain.h"
#include "model/codec.h"
#include "sim/around.h"

namespace mohona {
namespace {

constexpr std::size_t last_max = 40;

}  // namespace

// Intent before effect: what is launched or stopped is durable as such.
class CheckedEngine : public EngineAround {
 public:
  CheckedEngine(Engine& below, Checker& checker) : EngineAround(below), checker_(checker) {}

  Result<void> launch(const Launch& launch) override {
    const auto& live = checker_.auditor_.live();
    const auto found = live.find(launch.attempt.id);
    if (found == live.end()) {
      say(fmt::format("{} is launched and is not durable", to_string(launch.attempt.id)));
    } else if (found->second.attempt.holdings != launch.attempt.holdings ||
               found->second.attempt.pool != launch.attempt.pool) {
      say(fmt::format("{} is launched elsewhere than it was placed", to_string(launch.attempt.id)));
    }
    return below_.launch(launch);
  }

  Result<void> stop(const AttemptId& attempt, const Stop& stop) override {
    const auto& live = checker_.auditor_.live();
    const auto found = live.find(attempt);
    if (found != live.end() && !found->second.attempt.stopping) {
      say(fmt::format("{} is stopped, and no durable fact says so", to_string(attempt)));
    }
    return below_.stop(attempt, stop);
  }

  Result<void> forget(const AttemptId& attempt) override {
    if (checker_.auditor_.live().contains(attempt)) {
      say(fmt::format("{} is forgotten before its end is durable", to_string(attempt)));
    }
    return below_.forget(attempt);
  }

 private:
  void say(std::string what) { checker_.auditor_.report(Rule::intent, std::move(what)); }

  Checker& checker_;
};

std::unique_ptr<Engine> Checker::around(Engine& engine) {
  return std::make_unique<CheckedEngine>(engine, *this);
}

void Checker::attach(Simulation& simulation) {
  simulation_ = &simulation;
  saw(simulation.memory().facts());
}

// An end is believed only when there was one: the engine's own book has no such attempt running.
void Checker::check_end(const AttemptEnded& f) {
  const auto& all = simulation_->engine().incarnations();
  const auto found = all.find(f.attempt);
  if (found == all.end()) return;
  const Report& truth = found->second.report;
  if (truth.phase != Phase::ended) {
    auditor_.report(Rule::report,
                    fmt::format("{} is said to have ended, and it runs", to_string(f.attempt)));
  } else if (truth.outcome != f.outcome) {
    auditor_.report(Rule::report,
                    fmt::format("{} ended otherwise than is said", to_string(f.attempt)));
  }
}

void Checker::saw(const Facts& facts) {
  if (simulation_->now() < excused_until) auditor_.excuse_promises();
  for (const Fact& fact : facts) {
    auditor_.see(fact);
    if (const auto* ended = std::get_if<AttemptEnded>(&fact)) check_end(*ended);
    // After what is broken, what it led to is noise.
    if (broken()) {
      if (last_.size() >= last_max) last_.pop_front();
      last_.push_back(fact);
      return;
    }
    if (last_.size() >= last_max) last_.pop_front();
    last_.push_back(fact);
  }
}

void Checker::after_turn() {
  if (simulation_->engine().doubles() > 0) {
    auditor_.report(Rule::two_at_once, "two incarnations of one task run at the same time");
  }
}

void Checker::at_rest() {
  const State& state = simulation_->state();
  for (const Violation& v : audit(state, simulation_->now())) auditor_.report(v.rule, v.what);
  auditor_.compare(state);
  for (std::size_t i = 0; i < simulation_->jobs().size(); ++i) {
    const JobId id = simulation_->jobs()[i];
    const JobEntry* job = id.value == 0 ? nullptr : state.find(id);
    if (id.value == 0 || (job && job->job.key == fmt::format("arrival-{}", i))) continue;
    auditor_.report(Rule::findable, fmt::format("job {} was accepted and is not there", id.value));
  }
}

void Checker::at_end() {
  Simulation& s = *simulation_;
  for (const auto& [id, entry] : s.state().jobs()) {
    if (is_terminal(entry.job.state)) continue;
    const Explanation why = explain(s.state(), entry, s.now());
    std::string text = why.headline;
    for (const PoolExplanation& pool : why.pools)
      text += fmt::format("; {}: {}", pool.pool, pool.why);
    auditor_.report(
        Rule::liveness,
        fmt::format("job {} has not ended long after the last fault: {}", id.value, text));
  }
  for (const auto& [id, one] : s.engine().incarnations()) {
    if (one.report.phase == Phase::ended) continue;
    auditor_.report(Rule::quiescence, fmt::format("{} runs and is not live", to_string(id)));
  }
  if (broken()) return;
  at_rest();
  State folded;
  const auto replayed = s.memory().replay([&](const Fact& fact) -> Result<void> {
    folded.apply(fact);
    return {};
  });
  const std::string digest = s.state().digest();
  if (!replayed || folded.digest() != digest) {
    auditor_.report(Rule::replay, "the journal folds to another state than the one in memory");
  }
  const auto loaded = load_state(s.memory());
  if (!loaded || loaded->state.digest() != digest) {
    auditor_.report(Rule::replay,
                    "the snapshot and what follows give another state than the one in memory");
  }
  if (loaded) {
    for (const Violation& v : audit(loaded->state, s.now())) {
      auditor_.report(v.rule, "after a start: " + v.what);
    }
  }
  // Who led before is refused; the one that leads now writes nothing by this.
  if (s.state().epoch().value > 1 && s.memory().append({}, Epoch{1})) {
    auditor_.report(Rule::epoch, "epoch 1 still writes");
  }
}

std::vector<std::string> Checker::last_facts() const {
  std::vector<std::string> out;
  for (const Fact& fact : last_) out.push_back(encode(fact));
  return out;
}

}  // namespace mohona

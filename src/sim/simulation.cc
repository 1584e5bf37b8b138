#include "sim/simulation.h"

#include <stdexcept>

namespace mohona {
namespace {

// A control plane that has not come to rest after so many turns of one instant never will.
constexpr int turns_max = 1'000'000;
constexpr int restarts_max = 100;  // of one instant

}  // namespace

Result<void> WatchedStore::append(const Facts& facts, Epoch epoch) {
  if (before_append) before_append();
  auto ok = below_.append(facts, epoch);
  if (ok && after_append) after_append(facts);
  return ok;
}

Simulation::Simulation(SimulationSetup setup)
    : setup_(std::move(setup)),
      memory_(!setup_.keep_journal),
      secrets_(std::make_unique<NoSecrets>()) {
  clock_.move_to(setup_.begin);
  jobs_.resize(setup_.workload.arrivals.size());
  restart();
  restarts_ = 0;
  give(DefineFleet{setup_.fleet});
  turns_until_quiet();
}

void Simulation::restart() {
  ++restarts_;
  for (int tries = 0; tries < restarts_max; ++tries) {
    controller_.reset();
    if (setup_.around_store) outer_store_ = setup_.around_store(watched_);
    if (setup_.around_engine) outer_engine_ = setup_.around_engine(engine_);
    Store& store = outer_store_ ? *outer_store_ : watched_;
    Engine* engine = outer_engine_ ? outer_engine_.get() : &engine_;
    controller_ = std::make_unique<Controller>(ControllerParts{store,
                                                               {{"local", engine}},
                                                               clock_,
                                                               *secrets_,
                                                               nullptr,
                                                               [](const std::string&) {},
                                                               setup_.rhythm});
    try {
      const auto opened = controller_->open();
      if (!opened) throw std::runtime_error(opened.error().message);
      // Who was not answered asks again, with the same key.
      for (const auto& [arrival, waits] : std::map(unanswered_)) submit(arrival);
      return;
    } catch (const Crash&) {
    }
  }
  throw std::logic_error("the controller dies at every start");
}

void Simulation::at(Timestamp when, std::function<void()> happens) {
  events_.emplace(when, std::move(happens));
}

void Simulation::give(Input input) {
  give(std::move(input), [this](Result<Accepted> accepted) {
    if (!accepted && accepted.error().code == Code::invalid) {
      refusals_.push_back(accepted.error().message);
    }
  });
}

void Simulation::give(Input input, Controller::Done done) {
  controller_->submit(std::move(input), std::move(done));
}

void Simulation::submit_again(std::size_t arrival) {
  if (arrival < next_arrival_) submit(arrival);
}

void Simulation::submit(std::size_t arrival) {
  unanswered_[arrival] = true;
  const Arrival& one = setup_.workload.arrivals[arrival];
  controller_->submit(
      Submit{{one.spec}, {}, fmt::format("arrival-{}", arrival)}, [this, arrival](auto accepted) {
        if (!accepted && accepted.error().code == Code::unavailable) {
          unanswered_[arrival] = false;  // to be asked again
          return;
        }
        unanswered_.erase(arrival);
        if (!accepted) {
          refusals_.push_back(accepted.error().message);
          return;
        }
        const JobEntry* job = accepted->state.find_by_key(fmt::format("arrival-{}", arrival));
        jobs_[arrival] = job->job.id;
        engine_.describe(job->job.id, setup_.workload.arrivals[arrival].does);
      });
}

void Simulation::submit_due() {
  const auto& arrivals = setup_.workload.arrivals;
  while (next_arrival_ < arrivals.size() && arrivals[next_arrival_].at <= now()) {
    submit(next_arrival_++);
  }
}

void Simulation::turns_until_quiet(bool woken) {
  for (int turns = 0; woken || controller_->due() <= now(); ++turns, woken = false) {
    if (turns > turns_max) throw std::logic_error("the controller does not come to rest");
    try {
      controller_->turn();
    } catch (const Crash&) {
      restart();
    }
    ++turns_;
    if (after_turn) after_turn();
  }
}

std::optional<Timestamp> Simulation::next_instant() {
  std::optional<Timestamp> next;
  const auto consider = [&](Timestamp at) {
    if (!next || at < *next) next = at;
  };
  if (next_arrival_ < setup_.workload.arrivals.size()) {
    consider(setup_.workload.arrivals[next_arrival_].at);
  }
  if (const auto at = engine_.next()) consider(*at);
  if (!events_.empty()) consider(events_.begin()->first);
  // With nothing else to come and nothing that lives or waits, the rhythm of looking goes on for
  // nothing.
  const bool idle = !next && state().live().empty();
  const Timestamp due = controller_->due();
  if (!idle || next_wake(state(), now())) consider(due);
  return next;
}

bool Simulation::step(Timestamp until) {
  const auto next = next_instant();
  if (!next || *next > until) {
    if (until != Timestamp::max()) clock_.move_to(until);
    return false;
  }
  // An alarm that is due now is no longer ahead once it is now.
  const bool woken = controller_->due() <= *next;
  clock_.move_to(*next);
  while (!events_.empty() && events_.begin()->first <= now()) {
    const auto happens = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    happens();
  }
  engine_.pass();
  submit_due();
  for (const auto& [arrival, waits] : std::map(unanswered_)) {
    if (!waits) submit(arrival);
  }
  turns_until_quiet(woken);
  return true;
}

void Simulation::run(Timestamp until) {
  while (step(until)) {
  }
}

}  // namespace mohona

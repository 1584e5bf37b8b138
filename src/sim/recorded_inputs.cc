#include "sim/recorded_inputs.h"

#include <algorithm>

namespace mohona {
namespace {

// The fleet file that its facts make of what was there.
struct FleetBeing {
  Fleet fleet;
  bool changes = false;

  explicit FleetBeing(const State& before) {
    for (const auto& [name, record] : before.pools()) {
      fleet.pools.push_back(record.pool);
      fleet.reservations.insert(fleet.reservations.end(), record.reservations.begin(),
                                record.reservations.end());
    }
    fleet.queues = before.queues();
    fleet.scheduling = before.scheduling();
    fleet.contracts = before.contracts();
  }

  // False: the fact is about something else.
  bool take(const Fact& fact) {
    const auto drop_reservation = [&](const std::string& pool, const std::string& name) {
      std::erase_if(fleet.reservations, [&](const AdvanceReservation& one) {
        return one.pool == pool && one.name == name;
      });
    };
    if (const auto* pool = std::get_if<PoolDefined>(&fact)) {
      std::erase_if(fleet.pools, [&](const Pool& one) { return one.name == pool->pool.name; });
      fleet.pools.push_back(pool->pool);
    } else if (const auto* gone = std::get_if<PoolRemoved>(&fact)) {
      std::erase_if(fleet.pools, [&](const Pool& one) { return one.name == gone->pool; });
    } else if (const auto* queues = std::get_if<QueuesDefined>(&fact)) {
      fleet.queues = queues->queues;
      fleet.scheduling = queues->scheduling;
    } else if (const auto* defined = std::get_if<ReservationDefined>(&fact)) {
      drop_reservation(defined->reservation.pool, defined->reservation.name);
      fleet.reservations.push_back(defined->reservation);
    } else if (const auto* contracts = std::get_if<ContractsDefined>(&fact)) {
      fleet.contracts = contracts->contracts;
    } else if (const auto* removed = std::get_if<ReservationRemoved>(&fact)) {
      drop_reservation(removed->pool, removed->name);
    } else {
      return false;
    }
    return changes = true;
  }
};

class Inputs {
 public:
  explicit Inputs(const State& before) : fleet_(before) {}

  void take(const Fact& fact) {
    if (fleet_.take(fact)) return;
    end_fleet();
    std::visit([this](const auto& f) { on(f); }, fact);
  }

  std::vector<Input> done() {
    end_fleet();
    end_submission();
    return std::move(out_);
  }

 private:
  void give(Input input) {
    end_submission();
    out_.push_back(std::move(input));
  }
  void end_fleet() {
    if (!fleet_.changes) return;
    fleet_.changes = false;
    give(DefineFleet{fleet_.fleet});
  }
  void end_submission() {
    if (!submit_.jobs.empty()) out_.push_back(std::exchange(submit_, {}));
  }

  // Jobs of one instant are taken as one submission while their keys and names allow it: it is
  // decided as several would be.
  void on(const JobSubmitted& f) {
    // The key of a submission's second job is that of its first, and which it is.
    const bool same_key = submit_.key.empty()
                              ? f.key.empty()
                              : f.key == fmt::format("{}\n{}", submit_.key, submit_.jobs.size());
    const bool again = std::any_of(submit_.jobs.begin(), submit_.jobs.end(),
                                   [&](const JobSpec& job) { return job.name == f.spec.name; });
    if (!submit_.jobs.empty() && (again || !same_key)) end_submission();
    if (submit_.jobs.empty()) submit_.key = f.key;
    submit_.jobs.push_back(f.spec);
    submit_.secrets.push_back(f.secrets);
  }
  void on(const JobCancelling& f) { give(Cancel{f.job, f.reason}); }
  void on(const AttemptStarted& f) { give(Started{f.attempt, f.port, f.at}); }
  void on(const AttemptEnded& f) { give(Ended{f.attempt, f.outcome, f.at}); }
  void on(const ReplicaReady& f) { give(Readiness{f.attempt, f.ready, false}); }
  void on(const AttemptStopping& f) {
    // Those of a reclaim follow from it.
    if (f.reason == StopReason::unready) give(Readiness{f.attempt, false, true});
  }
  void on(const AttemptProgressed& f) {
    Progress progress{f.attempt, f.ends_at, f.checkpoint_at};
    if (f.steps) {
      progress.done = f.steps->done;
      if (f.steps->total > 0) progress.total = f.steps->total;
      progress.metrics = f.steps->metrics;
      progress.at = f.steps->at;
    }
    give(std::move(progress));
  }
  void on(const PoolReclaimed& f) { give(ReclaimPool{f.pool, f.gone_at - f.at}); }
  void on(const PoolRestored& f) { give(RestorePool{f.pool}); }
  void on(const NodesChanged& f) { give(ChangeNodes{f.pool, f.nodes, f.state, f.reason, f.by}); }
  void on(const NodeLoaded& f) { give(LoadNode{f.pool, f.node, f.load}); }
  void on(const PackingPriced& f) { give(PricePacking{f.prices}); }
  void on(const ReliefPriced& f) { give(PriceRelief{f.reliefs}); }
  template <class F>
  void on(const F&) {}  // a controller's start; what follows from an end

  std::vector<Input> out_;
  Submit submit_;
  FleetBeing fleet_;
};

}  // namespace

std::vector<Input> recorded_inputs(const Facts& facts, const std::vector<bool>& came_in,
                                   const State& before) {
  Inputs inputs(before);
  for (std::size_t i = 0; i < facts.size(); ++i) {
    if (came_in[i]) inputs.take(facts[i]);
  }
  return inputs.done();
}

}  // namespace mohona

#include "sim/recording.h"

#include <algorithm>

#include "core/decide.h"
#include "sim/recorded_inputs.h"

namespace mohona {
namespace {

// The controller's own clock, where a fact has it.
struct InstantOf {
  using Instant = std::optional<Timestamp>;
  Instant operator()(const ControllerStarted& f) const { return f.at; }
  Instant operator()(const PoolReclaimed& f) const { return f.at; }
  Instant operator()(const PoolRestored& f) const { return f.at; }
  Instant operator()(const NodesChanged& f) const { return f.at; }
  Instant operator()(const JobSubmitted& f) const { return f.at; }
  Instant operator()(const JobExpanded& f) const { return f.at; }
  Instant operator()(const NodesKept& f) const { return f.at; }
  Instant operator()(const AttemptPlaced& f) const { return f.attempt.placed_at; }
  Instant operator()(const ReplicaReady& f) const { return f.at; }
  Instant operator()(const AttemptStopping& f) const { return f.at; }
  Instant operator()(const JobCancelling& f) const { return f.at; }
  Instant operator()(const JobEnded& f) const { return f.at; }
  template <class F>
  Instant operator()(const F&) const {
    return std::nullopt;
  }
};

// The engine's, before which the controller cannot have heard of it.
std::optional<Timestamp> not_before(const Fact& fact) {
  if (const auto* started = std::get_if<AttemptStarted>(&fact)) return started->at;
  if (const auto* ended = std::get_if<AttemptEnded>(&fact)) return ended->at;
  if (const auto* progressed = std::get_if<AttemptProgressed>(&fact)) {
    if (progressed->steps) return progressed->steps->at;
    return progressed->checkpoint_at;
  }
  return std::nullopt;
}

}  // namespace

Recording::Recording(Facts journal) : journal_(std::move(journal)) {
  std::set<JobId> data;
  for (const Fact& fact : journal_) {
    if (const auto* pool = std::get_if<PoolDefined>(&fact)) {
      engines_.insert(pool->pool.engine);
    } else if (const auto* job = std::get_if<JobSubmitted>(&fact)) {
      names_[job->job] = job->spec.name;
      if (job->spec.kind == Kind::data) data.insert(job->job);
    } else if (const auto* expanded = std::get_if<JobExpanded>(&fact)) {
      listed_[expanded->job] = expanded->shards;
    } else if (const auto* ended = std::get_if<JobEnded>(&fact)) {
      if (data.contains(ended->job) && !listed_.contains(ended->job)) {
        listed_[ended->job] = fail(Code::invalid, ended->reason);
      }
    }
  }
}

bool Recording::came_in(const Fact& fact) const {
  if (const auto* stopping = std::get_if<AttemptStopping>(&fact)) {
    return stopping->reason == StopReason::unready || stopping->reason == StopReason::reclaimed;
  }
  if (const auto* removed = std::get_if<ReservationRemoved>(&fact)) {
    const auto found = reservations_.find({removed->pool, removed->name});
    return found == reservations_.end() || found->second.to > exact_.value_or(now_);
  }
  if (const auto* defined = std::get_if<ReservationDefined>(&fact)) {
    // The same once more, now with its nodes, follows.
    const AdvanceReservation& after = defined->reservation;
    const auto found = reservations_.find({after.pool, after.name});
    if (found == reservations_.end() || !found->second.where.empty()) return true;
    AdvanceReservation before = found->second;
    before.where = after.where;
    return before != after;
  }
  const bool follows =
      std::holds_alternative<JobExpanded>(fact) || std::holds_alternative<JobEnded>(fact) ||
      std::holds_alternative<AttemptPlaced>(fact) || std::holds_alternative<NodesKept>(fact) ||
      std::holds_alternative<NodesReleased>(fact);
  return !follows;
}

std::optional<Timestamp> Recording::instant_of(std::size_t at, const State& before) const {
  if (const auto exact = std::visit(InstantOf{}, journal_[at])) return exact;
  // How long a task pauses is known, so that the end of the pause says when it began.
  const auto* ended = std::get_if<AttemptEnded>(&journal_[at]);
  if (!ended || at + 1 == journal_.size() || !before.live().contains(ended->attempt)) return {};
  const auto* waits = std::get_if<TaskWaits>(&journal_[at + 1]);
  if (!waits || waits->not_before == Timestamp{}) return {};
  const auto tried = decide(before, Ended{ended->attempt, ended->outcome, ended->at}, ended->at);
  if (!tried || tried->size() != 2) return {};
  const auto* would = std::get_if<TaskWaits>(&tried->back());
  if (!would || would->not_before == Timestamp{}) return {};
  return ended->at + (waits->not_before - would->not_before);
}

void Recording::note(const Fact& fact) {
  if (const auto* defined = std::get_if<ReservationDefined>(&fact)) {
    reservations_[{defined->reservation.pool, defined->reservation.name}] = defined->reservation;
  } else if (const auto* removed = std::get_if<ReservationRemoved>(&fact)) {
    reservations_.erase({removed->pool, removed->name});
  }
}

// Whether the fact belongs to the turn; if so, it is counted in. Otherwise the turn ends here, or,
// with `unsure_` facts, a little before.
bool Recording::goes_on(const RecordedTurn& turn, std::size_t at, const State& before) {
  const Fact& fact = journal_[at];
  const auto exact = instant_of(at, before);
  const bool came = came_in(fact);
  if (!turn.facts.empty()) {
    if (std::holds_alternative<ControllerStarted>(fact)) return false;
    if (follows_ && came) return false;
    // A controller that takes over hears nobody before it has decided what follows from that.
    if (std::holds_alternative<ControllerStarted>(turn.facts.front()) && came) return false;
    if (const auto bound = not_before(fact); bound && exact_ && *bound > *exact_) return false;
    if (exact && exact_ && *exact != *exact_) return false;
  }
  const bool is_verdict =
      std::holds_alternative<TaskWaits>(fact) || std::holds_alternative<TaskEnded>(fact);
  if (exact || !came) {
    unsure_ = 0;
  } else if (!is_verdict || unsure_ > 0) {  // a verdict stays with its end
    ++unsure_;
  }
  follows_ = !came;
  if (exact) exact_ = exact;
  return true;
}

std::optional<RecordedTurn> Recording::next(const State& before) {
  if (next_ == journal_.size()) return std::nullopt;
  RecordedTurn turn;
  exact_.reset();
  follows_ = false;
  unsure_ = 0;
  const auto reservations = reservations_;
  std::vector<bool> came;
  std::size_t at = next_;
  for (; at < journal_.size() && goes_on(turn, at, before); ++at) {
    turn.facts.push_back(journal_[at]);
    came.push_back(came_in(journal_[at]));
    note(journal_[at]);
  }
  // What came in at an instant that is not known goes with what comes next: had anything followed
  // from it before, that would be here.
  const bool leads_on = at < journal_.size() && exact_ && unsure_ < turn.facts.size() &&
                        !std::holds_alternative<ControllerStarted>(journal_[at]);
  if (leads_on) {
    at -= unsure_;
    turn.facts.resize(turn.facts.size() - unsure_);
    reservations_ = reservations;
    for (const Fact& fact : turn.facts) note(fact);
  }
  for (const Fact& fact : turn.facts) {
    if (const auto bound = not_before(fact)) now_ = std::max(now_, *bound);
  }
  if (exact_) now_ = std::max(now_, *exact_);
  turn.now = now_;
  turn.begins_anew = std::holds_alternative<ControllerStarted>(turn.facts.front());
  if (turn.begins_anew) {
    for (std::size_t i = next_; i < journal_.size(); ++i) {
      const auto* first = std::get_if<JobSubmitted>(&journal_[i]);
      if (!first) continue;
      turn.last_job.value = first->job.value - 1;
      break;
    }
  }
  came.resize(turn.facts.size());
  turn.inputs = recorded_inputs(turn.facts, came, before);
  next_ = at;
  return turn;
}

}  // namespace mohona

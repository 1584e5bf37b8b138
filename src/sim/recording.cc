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

Recording::Part Recording::part_of(const Fact& fact) const {
  if (const auto* stopping = std::get_if<AttemptStopping>(&fact)) {
    return stopping->reason == StopReason::unready || stopping->reason == StopReason::reclaimed
               ? Part::request
               : Part::consequence;
  }
  if (const auto* removed = std::get_if<ReservationRemoved>(&fact)) {
    const auto found = reservations_.find({removed->pool, removed->name});
    return found != reservations_.end() && found->second.to <= now_ ? Part::consequence
                                                                    : Part::request;
  }
  if (const auto* defined = std::get_if<ReservationDefined>(&fact)) {
    // The same once more, now with its nodes.
    const AdvanceReservation& after = defined->reservation;
    const auto found = reservations_.find({after.pool, after.name});
    if (found == reservations_.end() || !found->second.where.empty()) return Part::request;
    AdvanceReservation before = found->second;
    before.where = after.where;
    return before == after ? Part::consequence : Part::request;
  }
  const bool report =
      std::holds_alternative<AttemptStarted>(fact) || std::holds_alternative<AttemptEnded>(fact) ||
      std::holds_alternative<AttemptProgressed>(fact) || std::holds_alternative<TaskWaits>(fact) ||
      std::holds_alternative<TaskEnded>(fact);
  if (report) return Part::report;
  const bool consequence =
      std::holds_alternative<JobExpanded>(fact) || std::holds_alternative<JobEnded>(fact) ||
      std::holds_alternative<AttemptPlaced>(fact) || std::holds_alternative<NodesKept>(fact) ||
      std::holds_alternative<NodesReleased>(fact);
  return consequence ? Part::consequence : Part::request;
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
  const Part part = part_of(fact);
  const bool first = turn.facts.empty();
  if (!first) {
    if (std::holds_alternative<ControllerStarted>(fact)) return false;
    // A controller that takes over hears nobody before it has decided what follows from that.
    const bool anew = std::holds_alternative<ControllerStarted>(turn.facts.front());
    if (anew && part != Part::consequence) return false;
    if (part_ == Part::consequence && part != Part::consequence) return false;
    // People are heard before engines.
    if (part_ == Part::report && part == Part::request && (!exact_ || exact != exact_))
      return false;
    if (const auto bound = not_before(fact); bound && exact_ && *bound > *exact_) return false;
    if (exact && exact_ && *exact != *exact_) return false;
  }
  const bool is_verdict =
      std::holds_alternative<TaskWaits>(fact) || std::holds_alternative<TaskEnded>(fact);
  if (exact || part != Part::report) {
    unsure_ = 0;
  } else if (!is_verdict || unsure_ > 0) {  // a verdict stays with its end
    ++unsure_;
  }
  part_ = first ? part : std::max(part_, part);
  if (exact) exact_ = exact;
  return true;
}

std::optional<RecordedTurn> Recording::next(const State& before) {
  if (next_ == journal_.size()) return std::nullopt;
  RecordedTurn turn;
  exact_.reset();
  unsure_ = 0;
  std::vector<bool> came_in;
  std::size_t at = next_;
  for (; at < journal_.size() && goes_on(turn, at, before); ++at) {
    turn.facts.push_back(journal_[at]);
    came_in.push_back(part_of(journal_[at]) != Part::consequence);
    note(journal_[at]);
  }
  // Reports whose turn is not known go with what follows from them.
  const bool leads_on = at < journal_.size() && exact_ && part_ == Part::report &&
                        part_of(journal_[at]) != Part::request && unsure_ < turn.facts.size();
  if (leads_on) {
    at -= unsure_;
    turn.facts.resize(turn.facts.size() - unsure_);
  }
  for (const Fact& fact : turn.facts) {
    if (const auto bound = not_before(fact)) now_ = std::max(now_, *bound);
  }
  if (exact_) now_ = std::max(now_, *exact_);
  turn.now = now_;
  turn.begins_anew = std::holds_alternative<ControllerStarted>(turn.facts.front());
  came_in.resize(turn.facts.size());
  turn.inputs = recorded_inputs(turn.facts, came_in, before);
  next_ = at;
  return turn;
}

}  // namespace mohona

#include "sim/replay.h"

#include <algorithm>

#include "model/codec.h"
#include "model/names.h"
#include "model/node_ranges.h"
#include "sim/simulation.h"

namespace mohona {
namespace {

constexpr std::size_t inputs_max = 1'024;  // that a controller takes in one turn

// Runs whatever it is told to, and says nothing by itself: starts and ends are given as inputs.
class SilentEngine : public Engine {
 public:
  explicit SilentEngine(const Recording& recording) : recording_(recording) {}

  Result<void> launch(const Launch& launch) override {
    launched_.insert(launch.attempt.id);
    return {};
  }
  Result<void> stop(const AttemptId&, const Stop&) override { return {}; }
  Result<std::vector<Report>> observe() override {
    std::vector<Report> reports;
    for (const AttemptId& id : launched_) {
      Report& report = reports.emplace_back();
      report.attempt = id;
    }
    return reports;
  }
  Result<std::vector<Report>> changes() override { return std::vector<Report>{}; }
  Result<void> forget(const AttemptId& attempt) override {
    launched_.erase(attempt);
    return {};
  }
  Result<std::vector<std::string>> list_shards(const Job& job,
                                               const std::vector<NeededJob>&) override {
    const auto found = recording_.listed().find(job.id);
    if (found != recording_.listed().end()) return found->second;
    return fail(Code::not_found, "the journal does not say which shards it has");
  }
  Result<LogPart> read_log(const AttemptId&, std::int64_t, std::uint64_t offset,
                           std::size_t) override {
    return LogPart{"", offset};
  }
  void on_change(std::function<void()>) override {}

 private:
  const Recording& recording_;
  std::set<AttemptId> launched_;
};

bool is_decision(const Fact& fact) {
  return std::holds_alternative<AttemptPlaced>(fact) ||
         std::holds_alternative<AttemptStopping>(fact) || std::holds_alternative<NodesKept>(fact) ||
         std::holds_alternative<NodesReleased>(fact);
}

std::string nodes_of(const std::vector<Holding>& holdings) {
  NodeRanges nodes;
  for (const Holding& holding : holdings) nodes.push_back({holding.node, holding.node});
  return format_node_ranges(normalised(nodes));
}

// One fact in words, as far as people look at it.
std::string in_words(const Fact& fact, const Recording& recording) {
  const auto job = [&](JobId id) {
    return fmt::format("job {} ({})", id.value, recording.name_of(id));
  };
  const auto attempt = [&](const AttemptId& id) {
    return fmt::format("attempt {} ({})", to_string(id), recording.name_of(id.job));
  };
  if (const auto* placed = std::get_if<AttemptPlaced>(&fact)) {
    return fmt::format("{} is placed on {}, nodes {}", attempt(placed->attempt.id),
                       placed->attempt.pool, nodes_of(placed->attempt.holdings));
  }
  if (const auto* stopping = std::get_if<AttemptStopping>(&fact)) {
    return fmt::format("{} is stopped ({})", attempt(stopping->attempt), name(stopping->reason));
  }
  if (const auto* kept = std::get_if<NodesKept>(&fact)) {
    return fmt::format("nodes {} of {} are kept for {}", format_node_ranges(kept->nodes),
                       kept->pool, job(kept->job));
  }
  if (const auto* released = std::get_if<NodesReleased>(&fact)) {
    return fmt::format("no nodes are kept any more for {}: {}", job(released->job),
                       released->reason);
  }
  if (const auto* ended = std::get_if<JobEnded>(&fact)) {
    return fmt::format("{} has ended: {}", job(ended->job), name(ended->state));
  }
  return encode(fact);
}

// Terms are counted anew.
bool is_same(const Fact& a, const Fact& b) {
  const bool starts =
      std::holds_alternative<ControllerStarted>(a) && std::holds_alternative<ControllerStarted>(b);
  return starts || a == b;
}

std::string exact(Timestamp at) {
  const auto rest = (at.time_since_epoch() % std::chrono::seconds(1)).count();
  std::string text = format_timestamp(at);
  return text.replace(text.size() - 1, 1, fmt::format(".{:06}Z", rest));
}

std::string difference(const RecordedTurn& turn, const Facts& now, const Recording& recording) {
  for (std::size_t i = 0; i < std::max(turn.facts.size(), now.size()); ++i) {
    const Fact* then = i < turn.facts.size() ? &turn.facts[i] : nullptr;
    const Fact* again = i < now.size() ? &now[i] : nullptr;
    if (then && again && is_same(*then, *again)) continue;
    std::string was = then ? in_words(*then, recording) : "nothing more follows";
    std::string is = again ? in_words(*again, recording) : "nothing more follows";
    if (was == is) was = encode(*then), is = encode(*again);
    return fmt::format("at {}\n  then: {}\n  now:  {}", exact(turn.now), was, is);
  }
  return {};
}

// What the journal shows as one turn may have been several of one instant, and a controller takes
// and places only so much in one.
void take_turn(const RecordedTurn& turn, Controller& controller, const Facts& facts) {
  std::size_t in_this = turn.inputs.size() % inputs_max;
  for (std::size_t given = 0; given < turn.inputs.size(); in_this = inputs_max) {
    for (std::size_t i = 0; i < in_this; ++i) controller.submit(turn.inputs[given + i], nullptr);
    given += in_this;
    if (in_this > 0) controller.turn();
  }
  if (turn.inputs.empty()) controller.turn();
  while (facts.size() < turn.facts.size()) {
    const std::size_t before = facts.size();
    controller.turn();
    if (facts.size() == before) break;
  }
}

}  // namespace

Json ReplayResult::figures() const {
  Json out = {
      {"facts", facts}, {"turns", turns}, {"decisions", decisions}, {"same", difference.empty()}};
  if (!difference.empty()) out["difference"] = difference;
  return out;
}

Result<ReplayResult> replay_journal(Facts journal) {
  if (journal.empty() || !std::holds_alternative<ControllerStarted>(journal.front())) {
    return fail(Code::invalid, "this is not a control plane's journal from its beginning");
  }
  Recording recording(std::move(journal));
  VirtualClock clock;
  MemoryStore memory(true);
  WatchedStore store(memory);
  SilentEngine engine(recording);
  NoSecrets secrets;
  std::map<std::string, Engine*> engines;
  for (const std::string& name : recording.engines()) engines[name] = &engine;
  std::unique_ptr<Controller> controller;
  const State nothing;
  Facts facts;
  store.after_append = [&](const Facts& some) {
    facts.insert(facts.end(), some.begin(), some.end());
  };

  ReplayResult result;
  while (const auto turn = recording.next(controller ? controller->state() : nothing)) {
    clock.move_to(turn->now);
    facts.clear();
    if (turn->begins_anew) {
      controller.reset();
      controller = std::make_unique<Controller>(
          ControllerParts{store, engines, clock, secrets, nullptr, [](const std::string&) {},
                          Rhythm{}, "", nullptr, turn->last_job});
      if (auto ok = controller->open(); !ok) return fail(ok.error());
    } else {
      take_turn(*turn, *controller, facts);
    }
    ++result.turns;
    result.facts += turn->facts.size();
    result.difference = difference(*turn, facts, recording);
    if (!result.difference.empty()) return result;
    result.decisions += static_cast<std::size_t>(
        std::count_if(turn->facts.begin(), turn->facts.end(), is_decision));
  }
  return result;
}

}  // namespace mohona

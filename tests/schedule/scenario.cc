#include "schedule/scenario.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "base/text.h"
#include "core/core.h"
#include "core/explain.h"
#include "model/names.h"
#include "model/node_ranges.h"
#include "schedule/scenario_read.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

// Since midnight: 1:00:30, with days before it.
std::string clock(Timestamp at) {
  const auto s = std::chrono::floor<std::chrono::seconds>(at - midnight).count();
  const std::string days = s >= 86'400 ? fmt::format("{}d ", s / 86'400) : "";
  return fmt::format("{}{}:{:02}:{:02}", days, s / 3'600 % 24, s / 60 % 60, s % 60);
}

// --- playing
// --------------------------------------------------------------------------------------

class Player {
 public:
  std::string play(const std::string& text) {
    std::size_t number = 0;
    for (const std::string& line : lines(text)) {
      ++number;
      if (line.starts_with("  -> ") || line.starts_with("  | ")) continue;  // said anew
      out_ += line + "\n";
      try {
        obey(line.substr(0, line.find('#')));
      } catch (const std::exception& e) {
        return fmt::format("line {}: {}\n", number, e.what());
      }
    }
    return out_;
  }

 private:
  static std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> out;
    std::size_t from = 0;
    while (from < text.size()) {
      const std::size_t end = std::min(text.find('\n', from), text.size());
      out.push_back(text.substr(from, end - from));
      from = end + 1;
    }
    return out;
  }

  void obey(std::string_view line) {
    const auto words = words_of(line);
    if (words.empty()) return;
    const auto colon = line.find(':');
    const std::string_view rest = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    std::string name = words.size() > 1 ? words[1] : "";
    if (name.ends_with(':')) name.pop_back();
    if (words[0] == "pool") {
      put(fleet_.pools, pool_of(name, rest));
    } else if (words[0] == "queue") {
      put(fleet_.queues, queue_of(name, rest));
    } else if (words[0] == "policy:") {
      read_policy(rest, fleet_.scheduling);
      dirty_ = true;
    } else if (words[0] == "reserve") {
      put(fleet_.reservations, reservation_of(name, rest));
    } else if (words[0] == "without") {
      remove(fleet_.pools, name);
      remove(fleet_.queues, name);
      remove(fleet_.reservations, name);
    } else if (words[0] == "explain") {
      define();
      explain_job(name);
    } else if (words[0] == "at") {
      if (words.back() != "define") define();
      told_at_ = midnight + time_of(name);
      pass_until(told_at_);
      const auto from = line.find(name, line.find("at ") + 3) + name.size();
      act(line.substr(from));
    } else {
      refuse("there is no command '" + words[0] + "'");
    }
  }

  // In the fleet file: instead of what has that name, or as the last of its kind.
  template <class T>
  void put(std::vector<T>& all, T what) {
    dirty_ = true;
    const auto known =
        std::find_if(all.begin(), all.end(), [&](const T& t) { return t.name == what.name; });
    if (known == all.end()) {
      all.push_back(std::move(what));
    } else {
      *known = std::move(what);
    }
  }
  template <class T>
  void remove(std::vector<T>& all, const std::string& name) {
    if (std::erase_if(all, [&](const T& t) { return t.name == name; }) > 0) dirty_ = true;
  }

  void define() {
    if (!std::exchange(dirty_, false)) return;
    give(DefineFleet{fleet_});
  }

  // Everything that happens by itself up to then: ends, limits, and what the core wakes up for.
  void pass_until(Timestamp until) {
    while (true) {
      std::optional<Timestamp> next;
      for (const auto& [at, id] : ends_) {
        next = at;
        break;
      }
      if (const auto wake = next_wake(state_, now_); wake && (!next || *wake < *next)) next = wake;
      if (!next || *next > until) break;
      now_ = std::max(now_, *next);
      const bool ends = !ends_.empty() && ends_.begin()->first <= now_;
      if (ends) {
        const AttemptId id = ends_.begin()->second;
        ends_.erase(ends_.begin());
        if (state_.live().contains(id)) end_attempt(id, 0);
      } else {
        give(Tick{});
      }
    }
    now_ = std::max(now_, until);
    give(Tick{});
  }

  void act(std::string_view line) {
    const auto words = words_of(line);
    if (words.empty()) refuse("nothing is to be done");
    const std::string& verb = words[0];
    std::string name = words.size() > 1 ? words[1] : "";
    if (name.ends_with(':')) name.pop_back();
    if (verb == "submit") {
      const auto colon = line.find(':');
      submit(name, colon == std::string_view::npos ? "" : line.substr(colon + 1));
    } else if (verb == "end" || verb == "fail") {
      for (const AttemptId& id : live_of(name)) {
        end_attempt(id, verb == "fail" ? 1 : 0);
        if (words.size() > 2) break;  // "end array one"
      }
    } else if (verb == "lose") {
      for (const AttemptId& id : live_of(name)) {
        say(called(id) + " loses its machine");
        give(Ended{id, {End::lost, 0, false, "the machine is gone"}, {}});
        if (words.size() > 2) break;
      }
    } else if (verb == "cancel") {
      give(Cancel{job_of(name), "asked"});
    } else if (const auto state = state_of(verb)) {
      give(ChangeNodes{name, ranges(words.at(2)), *state, "asked"});
    } else if (verb == "load") {
      ForeignLoad load;
      load.cpus_milli = number(words.at(4)) * 1'000;
      for (std::size_t i = 6; i < words.size(); ++i) load.devices.push_back(number(words[i]));
      give(LoadNode{name, number(words.at(2)), load});
    } else if (verb == "reclaim") {
      give(ReclaimPool{name, 120s});
    } else if (verb == "restore") {
      give(RestorePool{name});
    } else if (verb == "checkpoint") {
      for (const AttemptId& id : live_of(name)) give(Progress{id, {}, now_});
    } else if (verb == "progress") {
      for (const AttemptId& id : live_of(name)) {
        give(Progress{id, now_ + time_of(words.at(2)), {}});
      }
    } else if (verb == "tick") {
      // The time alone has passed.
    } else if (verb == "define") {
      define();
    } else {
      refuse("there is no verb '" + verb + "'");
    }
  }

  static std::optional<NodeState> state_of(const std::string& verb) {
    if (verb == "up") return NodeState::up;
    if (verb == "cordon") return NodeState::cordoned;
    if (verb == "drain") return NodeState::draining;
    if (verb == "down") return NodeState::down;
    return std::nullopt;
  }

  void submit(const std::string& name, std::string_view text) {
    Demand whole;
    if (!fleet_.pools.empty()) {
      const Shape& shape = fleet_.pools.front().shape;
      whole.gpus = shape.gpus;
      whole.gpu = shape.gpu;
      whole.cpus_milli = shape.gpus > 0 ? 1'000 : shape.cpus_milli;
    }
    Submission submission = submission_of(name, text, whole);
    const JobId id = state_.next_job();
    names_[name] = id;
    submissions_[id] = submission;
    if (!give(Submit{{submission.spec}, {}, ""})) {
      names_.erase(name);
      return;
    }
    const JobEntry* entry = state_.find(id);
    if (entry && !is_terminal(entry->job.state) && entry->live == 0) say(name + " waits");
  }

  void end_attempt(const AttemptId& id, std::int64_t code) {
    const Attempt& attempt = state_.live_attempt(id);
    Outcome outcome{End::exited, attempt.stopping ? 143 : code, attempt.stopping.has_value(), ""};
    say(fmt::format("{} {}", called(id), attempt.stopping ? "has left" : "ends"));
    give(Ended{id, outcome, {}});
  }

  JobId job_of(const std::string& name) const {
    const auto found = names_.find(name);
    if (found == names_.end()) refuse("there is no job '" + name + "'");
    return found->second;
  }

  std::vector<AttemptId> live_of(const std::string& name) const {
    std::vector<AttemptId> out;
    for (const auto& [id, live] : state_.live()) {
      if (id.job == job_of(name)) out.push_back(id);
    }
    if (out.empty()) refuse("nothing of '" + name + "' runs");
    return out;
  }

  std::string called(JobId id) const {
    for (const auto& [name, known] : names_) {
      if (known == id) return name;
    }
    return "job " + to_string(id);
  }
  std::string called(const AttemptId& id) const {
    const bool one = state_.find(id.job)->job.tasks.size() == 1;
    return one ? called(id.job) : fmt::format("{}[{}]", called(id.job), id.task);
  }

  bool give(const Input& input) {
    const auto facts = advance(state_, input, now_);
    if (!facts) {
      say("refused: " + facts.error().message);
      return false;
    }
    std::vector<AttemptId> placed;
    for (const Fact& fact : *facts) std::visit([&](const auto& f) { tell(f, placed); }, fact);
    for (const AttemptId& id : placed) {
      if (state_.live().contains(id)) give(Started{id, 1, {}});
    }
    return true;
  }

  void say(const std::string& what) {
    std::string when;
    if (now_ != told_at_) when = fmt::format("[{}] ", clock(now_));
    out_ += "  -> " + when + what + "\n";
  }

  template <class F>
  void tell(const F&, std::vector<AttemptId>&) {}

  void tell(const AttemptPlaced& f, std::vector<AttemptId>& placed) {
    const Attempt& a = f.attempt;
    NodeRanges nodes;
    std::set<std::int64_t> gpus;
    for (const Holding& holding : a.holdings) {
      nodes = united(nodes, {{holding.node, holding.node}});
      gpus.insert(holding.devices.begin(), holding.devices.end());
    }
    std::string where = fmt::format("{} {}", a.pool, format_node_ranges(nodes));
    const Shape& shape = state_.find_pool(a.pool)->pool.shape;
    if (!gpus.empty() && a.holdings.size() == 1 && std::ssize(gpus) < shape.gpus) {
      where += fmt::format(" gpu {}", fmt::join(gpus, ","));
    }
    if (a.demand.gpu_milli > 0) where += fmt::format(" ({}/1000)", a.demand.gpu_milli);
    if (a.demand.gpus > 0 && std::ssize(a.holdings) > 1 && a.demand.gpus < shape.gpus) {
      where += fmt::format(", {} gpus each", a.demand.gpus);
    }
    say(fmt::format("{} starts on {}", called(a.id), where));
    placed.push_back(a.id);
    const Submission& submission = submissions_.at(a.id.job);
    if (submission.runs) ends_.insert({now_ + *submission.runs, a.id});
  }
  void tell(const AttemptStopping& f, std::vector<AttemptId>&) {
    const std::string why = f.reason == StopReason::preempted
                                ? "makes room for " + called(f.for_job)
                                : fmt::format("is stopped: {}", name(f.reason));
    say(fmt::format("{} {}", called(f.attempt), why));
    ends_.insert({now_ + submissions_.at(f.attempt.job).leaves, f.attempt});
  }
  void tell(const NodesKept& f, std::vector<AttemptId>&) {
    std::string text =
        fmt::format("{} {} kept for {}", f.pool, format_node_ranges(f.nodes), called(f.job));
    if (f.preempting) {
      text += fmt::format(", free by {}", clock(f.start));
    } else if (f.promised) {
      text += fmt::format(", promised by {}", clock(f.start));
    } else {
      text += fmt::format(", expected at {}", clock(f.expected));
    }
    say(text);
  }
  void tell(const NodesReleased& f, std::vector<AttemptId>&) {
    say(fmt::format("nothing is kept for {} any more: {}", called(f.job), f.reason));
  }
  void tell(const ReservationDefined& f, std::vector<AttemptId>&) {
    if (f.reservation.where.empty()) return;
    say(fmt::format("{} {} reserved as {}", f.reservation.pool,
                    format_node_ranges(f.reservation.where), f.reservation.name));
  }
  void tell(const JobEnded& f, std::vector<AttemptId>&) {
    if (f.state != JobState::succeeded) {
      say(fmt::format("{} {}: {}", called(f.job), name(f.state), f.reason));
    }
  }

  void explain_job(const std::string& name) {
    const Explanation e = explain(state_, *state_.find(job_of(name)), now_);
    out_ += "  | " + e.headline + "\n";
    for (const PoolExplanation& pool : e.pools) {
      out_ += fmt::format("  |   {} {}{}{}\n", pool.pool, pool.why, pool.lift.empty() ? "" : "; ",
                          pool.lift);
    }
  }

  Fleet fleet_;
  bool dirty_ = false;
  State state_;
  Timestamp now_ = midnight, told_at_ = midnight;
  std::map<std::string, JobId> names_;
  std::map<JobId, Submission> submissions_;
  std::set<std::pair<Timestamp, AttemptId>> ends_;
  std::string out_;
};

}  // namespace

std::string play(const std::string& text) { return Player().play(text); }

}  // namespace mohona

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

namespace mohona {
namespace {

using namespace std::chrono_literals;

const Timestamp midnight = *parse_timestamp("2027-01-01T00:00:00Z");

// Since midnight: 1:00:30, with days before it.
std::string clock(Timestamp at) {
  const auto s = std::chrono::floor<std::chrono::seconds>(at - midnight).count();
  const std::string days = s >= 86'400 ? fmt::format("{}d ", s / 86'400) : "";
  return fmt::format("{}{}:{:02}:{:02}", days, s / 3'600 % 24, s / 60 % 60, s % 60);
}

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : text) {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::exchange(word, {}));
    }
  }
  if (!word.empty()) out.push_back(word);
  return out;
}

std::string trim(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(' ') - first + 1));
}

// "nodes 4, limit 1h" as items of words.
std::vector<std::vector<std::string>> items_of(std::string_view text) {
  std::vector<std::vector<std::string>> out;
  while (true) {
    const auto comma = text.find(',');
    const std::string item = trim(text.substr(0, comma));
    if (!item.empty()) out.push_back(words_of(item));
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

std::int64_t number(const std::string& text) {
  std::size_t end = 0;
  std::int64_t n = 0;
  try {
    n = std::stoll(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  if (end != text.size() || text.empty()) refuse("'" + text + "' is not a number");
  return n;
}

// Thousandths: "0.25" -> 250.
std::int64_t milli(const std::string& text) {
  const auto dot = text.find('.');
  std::string digits = dot == std::string::npos ? "" : text.substr(dot + 1);
  digits.resize(3, '0');
  return number(text.substr(0, dot)) * 1'000 + number(digits);
}

std::int64_t percent(const std::string& text) {
  if (!text.ends_with('%')) refuse("'" + text + "' is not a percentage");
  return number(text.substr(0, text.size() - 1)) * 10'000;
}

Duration time_of(const std::string& text) {
  if (text == "0") return 0s;
  const auto parsed = parse_duration(text);
  if (!parsed) refuse("'" + text + "' is not a time");
  return *parsed;
}

NodeRanges ranges(const std::string& text) {
  const auto parsed = parse_node_ranges(text);
  if (!parsed) refuse("'" + text + "' are not nodes");
  return *parsed;
}

template <class E>
E word(const std::string& text) {
  const auto parsed = parse_name<E>(text);
  if (!parsed) refuse("there is no '" + text + "'");
  return *parsed;
}

// --- the fleet
// ------------------------------------------------------------------------------------

// "36 nodes x 4 B200, leaf 18, price 55"
Pool pool_of(const std::string& name, std::string_view text) {
  Pool pool;
  pool.name = name;
  pool.cloud = "hall";
  pool.shape.name = "node";
  pool.purchase = Purchase::reserved;
  for (const auto& w : items_of(text)) {
    if (w.size() >= 5 && w[1] == "nodes" && w[2] == "x") {
      pool.nodes = number(w[0]);
      if (w[4] == "cores") {
        pool.shape.cpus_milli = number(w[3]) * 1'000;
      } else {
        pool.shape.gpus = number(w[3]);
        pool.shape.gpu = lower(w[4]);
        pool.shape.cpus_milli = pool.shape.gpus * 8'000;
      }
    } else if (w[0] == "leaf") {
      pool.topology.leaf = number(w.at(1));
    } else if (w[0] == "block") {
      pool.topology.block = number(w.at(1));
    } else if (w[0] == "fabric") {
      pool.topology.fabric = number(w.at(1));
    } else if (w[0] == "price") {
      pool.price = Price{milli(w.at(1)) * 1'000'000};
    } else if (w[0] == "spot" || w[0] == "on_demand" || w[0] == "reserved") {
      pool.purchase = word<Purchase>(w[0]);
    } else if (w[0] == "cloud") {
      pool.cloud = w.at(1);
    } else if (w[0] == "region") {
      pool.region = w.at(1);
    } else if (w[0] == "feature") {
      pool.features.push_back({w.at(1), w.size() > 2 ? ranges(w[2]) : NodeRanges{}});
    } else if (w[0] == "shared") {
      pool.share_nodes = true;
    } else if (w.size() == 2 && w[1] == "cores") {
      pool.shape.cpus_milli = number(w[0]) * 1'000;
    } else if (w.size() == 2 && w[1] == "GiB") {
      pool.shape.memory_mib = number(w[0]) * 1'024;
    } else {
      refuse("a pool has no '" + w[0] + "'");
    }
  }
  return pool;
}

Queue queue_of(const std::string& name, std::string_view text) {
  Queue queue;
  queue.name = name;
  for (const auto& w : items_of(text)) {
    if (w[0] == "under") {
      queue.parent = w.at(1);
    } else if (w[0] == "guarantee") {
      queue.guarantee_ppm = percent(w.at(1));
    } else if (w[0] == "borrow") {
      queue.borrow_ppm = percent(w.at(1));
    } else if (w[0] == "lend") {
      queue.lend_ppm = percent(w.at(1));
    } else if (w[0] == "weight") {
      queue.weight = number(w.at(1));
    } else {
      refuse("a queue has no '" + w[0] + "'");
    }
  }
  return queue;
}

void read_policy(std::string_view text, SchedulingPolicy& policy) {
  for (const auto& w : items_of(text)) {
    if (w[0] == "ageing") {
      policy.ageing = w.at(1) == "never" ? Duration{0} : time_of(w[1]);
    } else if (w[0] == "reservations") {
      policy.reservations_max = number(w.at(1));
    } else if (w[0] == "patience") {
      policy.patience = time_of(w.at(1));
    } else if (w[0] == "preempt") {
      policy.preempt = word<Preempt>(w.at(1));
    } else if (w[0] == "min_run") {
      policy.min_run = time_of(w.at(1));
    } else {
      refuse("a policy has no '" + w[0] + "'");
    }
  }
}

// "hall nodes 0-3, from 2h, to 4h, for research"
AdvanceReservation reservation_of(const std::string& name, std::string_view text) {
  AdvanceReservation out;
  out.name = name;
  for (const auto& w : items_of(text)) {
    if (w[0] == "from") {
      out.from = midnight + time_of(w.at(1));
    } else if (w[0] == "to") {
      out.to = midnight + time_of(w.at(1));
    } else if (w[0] == "for" && w.at(1) == "maintenance") {
      out.maintenance = true;
    } else if (w[0] == "for") {
      out.queues.push_back(w.at(1));
    } else if (w.size() == 3 && w[1] == "nodes") {
      out.pool = w[0];
      out.where = ranges(w[2]);
    } else if (w.size() == 3 && w[1] == "any") {
      out.pool = w[0];
      out.nodes = number(w[2]);
    } else {
      refuse("a reservation has no '" + w[0] + "'");
    }
  }
  return out;
}

// --- work
// -----------------------------------------------------------------------------------------

struct Submission {
  JobSpec spec;
  std::optional<Duration> runs;  // it ends by itself so long after its start
  Duration leaves = 10s;         // and so long after it is told to stop
};

void read_choice(const std::vector<std::string>& w, Choice& choice) {
  for (std::size_t i = 0; i + 1 < w.size(); i += 2) {
    if (w[i] == "gpus") {
      choice.demand.gpus = number(w[i + 1]);
    } else if (w[i] == "gpu") {
      choice.demand.gpus = 0;
      choice.demand.gpu_milli = milli(w[i + 1]);
    } else if (w[i] == "kind") {
      choice.demand.gpu = lower(w[i + 1]);
    } else if (w[i] == "cores") {
      choice.demand.cpus_milli = milli(w[i + 1]);
    } else if (w[i] == "memory") {
      choice.demand.memory_mib = number(w[i + 1]) * 1'024;
    } else if (w[i] == "cloud") {
      choice.cloud = w[i + 1];
    } else if (w[i] == "region") {
      choice.region = w[i + 1];
    } else if (w[i] == "speed") {
      choice.speed_milli = milli(w[i + 1]);
    } else {
      refuse("work has no '" + w[i] + "'");
    }
  }
}

bool read_wish(const std::vector<std::string>& w, JobSpec& spec) {
  if (w[0] == "nodes") {
    const auto dash = w.at(1).find('-');
    spec.num_nodes = number(dash == std::string::npos ? w[1] : w[1].substr(dash + 1));
    if (dash != std::string::npos) spec.min_nodes = number(w[1].substr(0, dash));
  } else if (w[0] == "limit") {
    spec.max_duration = time_of(w.at(1));
  } else if (w[0] == "queue") {
    spec.queue = w.at(1);
  } else if (w[0] == "priority") {
    spec.priority = number(w.at(1));
  } else if (w[0] == "within") {
    spec.nearness.within = word<Level>(w.at(1));
  } else if (w[0] == "prefer") {
    spec.nearness.prefer = word<Level>(w.at(1));
  } else if (w[0] == "segment") {
    spec.nearness.segment = number(w.at(1));
  } else if (w[0] == "feature") {
    spec.features.push_back(w.at(1));
  } else if (w[0] == "reservation") {
    spec.reservation = w.at(1);
  } else if (w[0] == "named") {
    spec.name = w.at(1);
  } else if (w[0] == "norestart") {
    spec.restart_after_loss = false;
  } else if (w[0] == "ordered") {
    spec.resources.ordered = true;
  } else if (w[0] == "serve") {
    spec.kind = Kind::serve;
    spec.service.emplace();
  } else if (w[0] == "tasks") {
    spec.kind = Kind::data;
    spec.shards.emplace();
    for (std::int64_t i = 0; i < number(w.at(1)); ++i) {
      spec.shards->items.push_back(std::to_string(i));
    }
  } else {
    return false;
  }
  return true;
}

// "nodes 4, gpus 8, limit 1h, queue research". `whole`: the demand if nothing is said of it.
Submission submission_of(const std::string& name, std::string_view text, const Demand& whole) {
  Submission out;
  JobSpec& spec = out.spec;
  spec.name = name;
  spec.run = "true";
  spec.stop.grace = 30s;
  Choice choice;
  choice.demand = whole;
  spec.resources.choices.clear();
  for (const auto& w : items_of(text)) {
    if (w[0] == "runs") {
      out.runs = time_of(w.at(1));
    } else if (w[0] == "leaves") {
      out.leaves = time_of(w.at(1));
    } else if (w[0] == "spot") {
      choice.use_spot = true;
    } else if (w[0] ==
               "or") {  // another acceptable way to run, like the first but for what follows
      spec.resources.choices.push_back(choice);
      read_choice({w.begin() + 1, w.end()}, choice);
    } else if (!read_wish(w, spec)) {
      if (w[0] == "gpus" || w[0] == "gpu") choice.demand.cpus_milli = 1'000;
      if (w[0] == "cores") choice.demand.gpus = 0;
      read_choice(w, choice);
    }
  }
  spec.resources.choices.push_back(choice);
  return out;
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
      const Pool pool = pool_of(name, rest);
      std::erase_if(fleet_.pools, [&](const Pool& p) { return p.name == name; });
      fleet_.pools.push_back(pool);
      dirty_ = true;
    } else if (words[0] == "queue") {
      fleet_.queues.push_back(queue_of(name, rest));
      dirty_ = true;
    } else if (words[0] == "policy:") {
      read_policy(rest, fleet_.scheduling);
      dirty_ = true;
    } else if (words[0] == "reserve") {
      fleet_.reservations.push_back(reservation_of(name, rest));
      dirty_ = true;
    } else if (words[0] == "explain") {
      define();
      explain_job(name);
    } else if (words[0] == "at") {
      define();
      told_at_ = midnight + time_of(name);
      pass_until(told_at_);
      const auto from = line.find(name, line.find("at ") + 3) + name.size();
      act(line.substr(from));
    } else {
      refuse("there is no command '" + words[0] + "'");
    }
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
    if (!give(Submit{{submission.spec}, {}, ""})) return;
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

#include "core/audit/audit.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/ledger/usage.h"
#include "core/place.h"
#include "core/schedule/needs.h"
#include "model/names.h"

namespace mohona {

std::string_view rule_name(Rule rule) {
  constexpr std::array<std::string_view, rules_last + 1> names = {
      "",        "allocation", "gang",       "transition", "one_attempt", "findable",
      "usage",   "promise",    "hold",       "share",      "budget",      "min_run",
      "retries", "order",      "nodes",      "index",      "two_at_once", "intent",
      "report",  "epoch",      "quiescence", "liveness",   "replay"};
  return names[static_cast<std::size_t>(rule)];
}

std::string to_string(const Violation& v) {
  return fmt::format("{}, rule {} ({}): {}", format_timestamp(v.at), static_cast<int>(v.rule),
                     rule_name(v.rule), v.what);
}

namespace {

class Audit {
 public:
  Audit(const State& state, Timestamp now) : state_(state), now_(now) {}

  std::vector<Violation> run() {
    for (const auto& [id, entry] : state_.jobs()) check(entry);
    check_live();
    check_pools();
    check_queues();
    check_lists();
    return std::move(found_);
  }

 private:
  void say(Rule rule, std::string what) {
    if (found_.size() < violations_max) found_.push_back({rule, now_, std::move(what)});
  }

  // The records of one job, and what is counted beside them.
  void check(const JobEntry& entry) {
    const Job& job = entry.job;
    std::array<std::uint32_t, 7> counts{};
    for (const Task& task : job.tasks) ++counts[static_cast<std::size_t>(task.state)];
    if (counts != entry.counts) {
      say(Rule::index, fmt::format("the tasks of job {} are counted wrongly", job.id.value));
    }
    std::uint32_t live = 0;
    std::map<std::uint32_t, std::uint32_t> by_task;
    for (const Attempt& attempt : job.attempts) {
      if (attempt.ended_at) continue;
      ++live;
      if (++by_task[attempt.id.task] > 1) {
        say(Rule::one_attempt,
            fmt::format("task {} of job {} has two live attempts", attempt.id.task, job.id.value));
      }
      if (!state_.live().contains(attempt.id)) {
        say(Rule::index, fmt::format("{} lives and is not listed", to_string(attempt.id)));
      }
    }
    if (live != entry.live) {
      say(Rule::index,
          fmt::format("the live attempts of job {} are counted wrongly", job.id.value));
    }
    if (is_terminal(job.state) && (live > 0 || entry.waiting || job.kept)) {
      say(Rule::transition,
          fmt::format("job {} has ended and still holds or wants something", job.id.value));
    }
    if (job.kept && !is_terminal(job.state)) check_kept(entry);
  }

  void check_kept(const JobEntry& entry) {
    const NodesKept& kept = *entry.job.kept;
    if (!state_.find_pool(kept.pool)) return;  // it went; what was kept is broken and made anew
    if (!entry.waiting) return;
    const auto& known = state_.scheduler().kept(*entry.waiting);
    if (!known || known->start != kept.start || known->promised != kept.promised) {
      say(Rule::index,
          fmt::format("what is kept for job {} is not what its record says", entry.job.id.value));
    }
  }

  void check_live() {
    for (const auto& [id, live] : state_.live()) {
      if (live.attempt->ended_at || !(live.attempt->id == id)) {
        say(Rule::index, fmt::format("{} is listed and does not live", to_string(id)));
        continue;
      }
      const Running& run = state_.scheduler().running(live.who);
      if (!run.live || !(run.id == id)) {
        say(Rule::index,
            fmt::format("{} does not stand where the scheduler has it", to_string(id)));
      }
    }
    const auto& all = state_.scheduler().all_running();
    const auto running =
        std::count_if(all.begin(), all.end(), [](const Running& r) { return r.live; });
    if (running != std::ssize(state_.live())) {
      say(Rule::index,
          fmt::format("{} attempts live, the scheduler has {}", state_.live().size(), running));
    }
  }

  struct Held {
    std::int64_t cpus = 0, memory = 0, occupants = 0;
    std::map<std::int64_t, std::int64_t> gpus;
  };

  void check_pools() {
    std::map<std::string, std::map<std::int64_t, Held>> held;
    for (const auto& [id, live] : state_.live()) {
      const Attempt& a = *live.attempt;
      for (const Holding& holding : a.holdings) {
        Held& here = held[a.pool][holding.node];
        here.cpus += a.demand.cpus_milli;
        here.memory += a.demand.memory_mib;
        ++here.occupants;
        for (const std::int64_t gpu : holding.devices) {
          here.gpus[gpu] += a.demand.gpu_milli > 0 ? a.demand.gpu_milli : 1'000;
        }
      }
    }
    for (const auto& [name, record] : state_.pools()) {
      const auto pool = state_.scheduler().find_pool(name);
      if (!pool) {
        say(Rule::index, fmt::format("the scheduler does not know {}", name));
      } else {
        check_nodes(record, state_.scheduler().space(*pool), held[name]);
      }
    }
  }

  void check_nodes(const PoolRecord& record, const Space& space,
                   std::map<std::int64_t, Held>& held) {
    for (NodeIndex i = 0; i < space.nodes(); ++i) {
      const Node& node = space.node(i);
      const Held here = held.contains(i) ? held[i] : Held{};
      ForeignLoad others;
      for (const NodeLoaded& load : record.loads) {
        if (load.node == i) others = load.load;
      }
      const auto wrong = [&](const char* what) {
        say(Rule::allocation,
            fmt::format("node {} of {}: {} are not what is held there", i, record.pool.name, what));
      };
      const Shape& shape = record.pool.shape;
      if (node.cpus_free != shape.cpus_milli - here.cpus - others.cpus_milli) wrong("its cores");
      if (node.memory_free != shape.memory_mib - here.memory - others.memory_mib)
        wrong("its memory");
      std::int64_t occupants = 0;
      space.for_occupants(node, [&](OccupantId) { ++occupants; });
      if (occupants != here.occupants) wrong("those who stand there");
      for (std::int64_t gpu = 0; gpu < shape.gpus; ++gpu) {
        const bool taken = here.gpus.contains(gpu) ||
                           std::count(others.devices.begin(), others.devices.end(), gpu) > 0;
        if (taken == ((node.gpus_free >> gpu & 1) != 0)) wrong("its GPUs");
      }
      check_state(record, i, node);
    }
  }

  void check_state(const PoolRecord& record, NodeIndex i, const Node& node) {
    if (i >= record.pool.nodes) {  // not offered: it may be anything but up
      if (node.state == NodeState::up) {
        say(Rule::index, fmt::format("node {} of {} is up and not offered", i, record.pool.name));
      }
      return;
    }
    NodeState state = NodeState::up;
    for (const NodesChanged& entry : record.nodes) {
      for (const NodeRange& range : entry.nodes) {
        if (range.first <= i && i <= range.last) state = entry.state;
      }
    }
    // One that is drained is down as soon as it is empty, also for a moment while all is made anew.
    const bool drained = state == NodeState::draining && node.state == NodeState::down;
    if (node.state != state && !drained) {
      say(Rule::index, fmt::format("node {} of {} is {}; it was said to be {}", i, record.pool.name,
                                   name(node.state), name(state)));
    }
  }

  void check_queues() {
    const QueueTree& tree = state_.scheduler().queues();
    std::vector<Worth> used(tree.size(), 0);
    for (const auto& [id, live] : state_.live()) {
      const Running& run = state_.scheduler().running(live.who);
      for (QueueIndex i = tree.find(state_.find(id.job)->job.spec->queue);;
           i = tree.node(i).parent) {
        used[i] += run.worth;
        if (i == QueueTree::root) break;
      }
    }
    for (QueueIndex i = 0; i < tree.size(); ++i) {
      if (used[i] == tree.node(i).used) continue;
      say(Rule::share, fmt::format("{} is said to use {}; its work uses {}", tree.path(i),
                                   tree.node(i).used, used[i]));
    }
  }

  // What is looked at when its time has come.
  void check_lists() {
    for (const auto& [at, which] : state_.delayed()) {
      const auto& [job, task] = which;
      const JobEntry* entry = state_.find(job);
      if (!entry || entry->job.tasks.at(task).state != JobState::recovering) {
        say(Rule::index, fmt::format("task {} of job {} is to wait no more, but does not wait",
                                     task, job.value));
      }
    }
    for (const auto& [at, id] : state_.limits()) {
      if (!state_.live().contains(id)) {
        say(Rule::index, fmt::format("{} has a limit and does not live", to_string(id)));
      }
    }
  }

  const State& state_;
  Timestamp now_;
  std::vector<Violation> found_;
};

}  // namespace

std::vector<Violation> audit(const State& state, Timestamp now) { return Audit(state, now).run(); }

}  // namespace mohona

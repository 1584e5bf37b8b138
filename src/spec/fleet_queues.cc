// A fleet file's queues and its policy: who may have how much, and in which order.
#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "model/names.h"
#include "spec/fleet_draft.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr std::int64_t queues_max = 1'000;
constexpr std::int64_t weight_max = 1'000'000;
constexpr std::int64_t reservations_max = 64;
constexpr Duration time_max = days(365);
constexpr std::int64_t whole_ppm = 1'000'000;
constexpr std::int64_t ppm_per_percent = 10'000;

std::string format_percent(std::int64_t ppm) {
  std::string text = fmt::format("{}.{:04}", ppm / ppm_per_percent, ppm % ppm_per_percent);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text + "%";
}

// Whether the queue's guarantee can be read; else that is noted already, and nothing follows from
// it.
bool is_sound(const SpecNode* guarantee) { return !guarantee || parse_percent(guarantee->text); }

struct QueueDraft {
  Queue queue;
  Problems& problems;
};

void read_guarantee(const SpecNode& node, QueueDraft& draft) {
  const auto ppm = node.is_scalar() ? parse_percent(node.text) : std::nullopt;
  if (ppm) {
    draft.queue.guarantee_ppm = *ppm;
  } else {
    wrong(node, "expected a part of the fleet, such as 30% or 12.5%", draft.problems);
  }
}

// A bound: a part of the fleet, `none` of it, or without bound.
void read_bound(const SpecNode& node, std::string_view unbounded, std::optional<std::int64_t>& out,
                Problems& problems) {
  const auto ppm = node.is_scalar() ? parse_percent(node.text) : std::nullopt;
  if (ppm) {
    out = *ppm;
  } else if (node.is_scalar() && node.text == "none") {
    out = 0;
  } else if (node.is_scalar() && node.text == unbounded) {
    out.reset();
  } else {
    wrong(node, fmt::format("expected a part of the fleet, such as 20%, or none, or {}", unbounded),
          problems);
  }
}

// "5000/month".
void read_queue_budget(const SpecNode& node, QueueDraft& draft) {
  const std::size_t slash = node.is_scalar() ? node.text.rfind('/') : std::string::npos;
  if (slash != std::string::npos) {
    const auto amount = parse_money(trim(std::string_view(node.text).substr(0, slash)));
    const auto per = parse_name<BudgetPeriod>(trim(std::string_view(node.text).substr(slash + 1)));
    if (amount && amount->micros > 0 && per) {
      draft.queue.budget = {*amount, *per};
      return;
    }
  }
  wrong(node, "expected dollars a period, such as 5000/month (or /day, /week, /year)",
        draft.problems);
}

constexpr std::array<Key<QueueDraft>, 7> queue_keys = {{
    {"name", [](const SpecNode& n, QueueDraft& d) { read_name(n, d.queue.name, d.problems); }},
    {"parent", [](const SpecNode& n, QueueDraft& d) { read_name(n, d.queue.parent, d.problems); }},
    {"guarantee", read_guarantee},
    {"borrow", [](const SpecNode& n,
                  QueueDraft& d) { read_bound(n, "unlimited", d.queue.borrow_ppm, d.problems); }},
    {"lend",
     [](const SpecNode& n, QueueDraft& d) { read_bound(n, "all", d.queue.lend_ppm, d.problems); }},
    {"weight",
     [](const SpecNode& n, QueueDraft& d) {
       read_whole(n, {1, weight_max}, d.queue.weight, d.problems);
     }},
    {"budget", read_queue_budget},
}};

Queue read_queue(const SpecNode& node, Problems& problems) {
  QueueDraft draft{{}, problems};
  if (!is_map(node, "a map such as {name: research, guarantee: 30%}", problems)) return draft.queue;
  read_keys(node, queue_keys, {}, draft, problems);
  if (!node.find("name")) {
    lacks(node, "name", node.place, "this queue has no 'name'", "expected name: NAME", problems);
  }
  const SpecNode* lend = node.find("lend");
  if (lend && is_sound(node.find("guarantee")) &&
      draft.queue.lend_ppm.value_or(0) > draft.queue.guarantee_ppm) {
    wrong(*lend,
          fmt::format("expected at most its guarantee, {}: what is lent is an idle guarantee",
                      format_percent(draft.queue.guarantee_ppm)),
          problems);
  }
  return draft.queue;
}

// What must hold between queues. `nodes` and `queues` stand side by side.
class QueueTree {
 public:
  QueueTree(const std::vector<SpecNode>& nodes, const std::vector<Queue>& queues,
            Problems& problems)
      : nodes_(nodes), queues_(queues), problems_(problems) {}

  void check() {
    check_names();
    check_parents();
    for (std::size_t i = 0; i < queues_.size(); ++i) check_cycle(i);
    check_guarantees();
  }

 private:
  void check_names() {
    for (std::size_t i = 0; i < queues_.size(); ++i) {
      const SpecNode* name = nodes_[i].find("name");
      if (queues_[i].name.empty() || index_.emplace(queues_[i].name, i).second) continue;
      problems_.add(name->place, fmt::format("two queues are named {}", in_quotes(name->text)),
                    "expected a name of its own for each");
    }
  }

  void check_parents() {
    std::vector<std::string_view> names;
    for (const auto& [name, i] : index_) names.push_back(name);
    for (std::size_t i = 0; i < queues_.size(); ++i) {
      if (queues_[i].parent.empty() || index_.contains(queues_[i].parent)) continue;
      problems_.add(nodes_[i].find("parent")->place,
                    fmt::format("there is no queue {}", in_quotes(queues_[i].parent)),
                    suggestion(queues_[i].parent, names));
    }
  }

  // Each cycle is noted once, at the parent that closes it.
  void check_cycle(std::size_t i) {
    std::vector<std::size_t> path;
    std::size_t at = i;
    while (seen_.insert(at).second) {
      path.push_back(at);
      const auto parent = index_.find(queues_[at].parent);
      if (parent == index_.end()) return;
      at = parent->second;
    }
    const auto begin = std::find(path.begin(), path.end(), at);
    if (begin == path.end()) return;  // a branch that was walked before
    std::string message = fmt::format("the queue '{}' is below itself", queues_[at].name);
    std::vector<std::string_view> through;
    for (auto it = begin + 1; it < path.end(); ++it) through.push_back(queues_[*it].name);
    if (!through.empty()) message += fmt::format(", through {}", fmt::join(through, ", "));
    problems_.add(nodes_[path.back()].find("parent")->place, std::move(message),
                  "expected queues that form a tree");
  }

  void check_guarantees() {
    struct Sum {
      std::int64_t ppm = 0;
      const SpecNode* last = nullptr;
    };
    std::map<std::string_view, Sum> sums;
    for (std::size_t i = 0; i < queues_.size(); ++i) {
      const SpecNode* guarantee = nodes_[i].find("guarantee");
      if (!guarantee) continue;
      Sum& sum = sums[queues_[i].parent];
      sum.ppm += queues_[i].guarantee_ppm;
      sum.last = guarantee;
    }
    for (const auto& [parent, sum] : sums) {
      const auto found = index_.find(parent);
      if (parent.empty() && sum.ppm > whole_ppm) {
        problems_.add(sum.last->place,
                      fmt::format("the guarantees make {} of the fleet", format_percent(sum.ppm)),
                      "expected at most 100%");
      } else if (found != index_.end() && is_sound(nodes_[found->second].find("guarantee")) &&
                 sum.ppm > queues_[found->second].guarantee_ppm) {
        problems_.add(sum.last->place,
                      fmt::format("the guarantees under '{}' make {} of the fleet", parent,
                                  format_percent(sum.ppm)),
                      fmt::format("expected at most its own, {}",
                                  format_percent(queues_[found->second].guarantee_ppm)));
      }
    }
  }

  const std::vector<SpecNode>& nodes_;
  const std::vector<Queue>& queues_;
  Problems& problems_;
  std::map<std::string_view, std::size_t> index_;
  std::set<std::size_t> seen_;
};

// From `min` to a year; `never`, where there is such a word, is nothing.
void read_span(const SpecNode& node, Duration min, std::string_view never, Duration& out,
               Problems& problems) {
  const auto value = parse_duration(node.text);
  if (node.is_scalar() && !never.empty() && node.text == never) {
    out = Duration{0};
  } else if (node.is_scalar() && value && *value >= min && *value <= time_max) {
    out = *value;
  } else {
    wrong(node,
          fmt::format("expected a length of time from {}s to 365d, such as 90s, 10m or 2h{}",
                      duration_cast<std::chrono::seconds>(min).count(),
                      never.empty() ? "" : fmt::format(", or {}", never)),
          problems);
  }
}

constexpr std::array<Key<FleetDraft>, 1> overflow_keys = {{
    {"wait_limit",
     [](const SpecNode& n, FleetDraft& d) {
       d.fleet.scheduling.overflow_wait.emplace();
       read_span(n, Duration{0}, "", *d.fleet.scheduling.overflow_wait, d.problems);
     }},
}};

void read_overflow(const SpecNode& node, FleetDraft& draft) {
  if (!is_map(node, "a map such as {wait_limit: 3m}", draft.problems)) return;
  read_keys(node, overflow_keys, {}, draft, draft.problems);
  if (!node.find("wait_limit")) {
    lacks(node, "wait_limit", node.place, "'overflow' has no 'wait_limit'",
          "expected wait_limit: TIME, how long jobs may wait on average", draft.problems);
  }
}

constexpr std::array<Key<FleetDraft>, 9> scheduling_keys = {{
    {"ageing",
     [](const SpecNode& n, FleetDraft& d) {
       read_span(n, std::chrono::seconds(1), "never", d.fleet.scheduling.ageing, d.problems);
     }},
    {"reservations",
     [](const SpecNode& n, FleetDraft& d) {
       read_whole(n, {0, reservations_max}, d.fleet.scheduling.reservations_max, d.problems);
     }},
    {"patience",
     [](const SpecNode& n, FleetDraft& d) {
       read_span(n, Duration{0}, "", d.fleet.scheduling.patience, d.problems);
     }},
    {"preemption", [](const SpecNode& n,
                      FleetDraft& d) { read_choice(n, d.fleet.scheduling.preempt, d.problems); }},
    {"min_run",
     [](const SpecNode& n, FleetDraft& d) {
       read_span(n, Duration{0}, "", d.fleet.scheduling.min_run, d.problems);
     }},
    {"overflow", read_overflow},
    {"order", [](const SpecNode& n,
                 FleetDraft& d) { read_choice(n, d.fleet.scheduling.order, d.problems); }},
    {"packing", [](const SpecNode& n,
                   FleetDraft& d) { read_choice(n, d.fleet.scheduling.packing, d.problems); }},
    {"price", [](const SpecNode& n,
                 FleetDraft& d) { read_choice(n, d.fleet.scheduling.price, d.problems); }},
}};

}  // namespace

void read_queues(const SpecNode& node, FleetDraft& draft) {
  if (!is_list(node, "a list of queues", draft.problems)) return;
  if (std::ssize(node.children) > queues_max) {
    draft.problems.add(node.place, fmt::format("'queues' has {} items", node.children.size()),
                       fmt::format("expected at most {} queues", queues_max));
    return;
  }
  for (const SpecNode& item : node.children) {
    draft.fleet.queues.push_back(read_queue(item, draft.problems));
  }
  QueueTree(node.children, draft.fleet.queues, draft.problems).check();
}

void read_scheduling(const SpecNode& node, FleetDraft& draft) {
  if (!is_map(node, "a map such as {ageing: 1h, preemption: reclaim}", draft.problems)) return;
  read_keys(node, scheduling_keys, {}, draft, draft.problems);
}

}  // namespace mohona

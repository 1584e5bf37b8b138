#include "schedule/scenario_read.h"

#include <stdexcept>

#include "base/money.h"
#include "base/text.h"
#include "model/names.h"
#include "model/node_ranges.h"

namespace mohona {

using namespace std::chrono_literals;

const Timestamp midnight = *parse_timestamp("2027-01-01T00:00:00Z");

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

// "nodes 4, limit 1h" as items of words.
static std::vector<std::vector<std::string>> items_of(std::string_view text) {
  std::vector<std::vector<std::string>> out;
  while (true) {
    const auto comma = text.find(',');
    const std::string_view item = trim(text.substr(0, comma));
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
static std::int64_t milli(const std::string& text) {
  const auto dot = text.find('.');
  std::string digits = dot == std::string::npos ? "" : text.substr(dot + 1);
  digits.resize(3, '0');
  return number(text.substr(0, dot)) * 1'000 + number(digits);
}

static std::int64_t percent(const std::string& text) {
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
static E word(const std::string& text) {
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

// "5000/month".
QueueBudget budget_of(const std::string& text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto amount = parse_money(text.substr(0, slash));
  const auto per = parse_name<BudgetPeriod>(text.substr(std::min(slash + 1, text.size())));
  if (!amount || !per) refuse("a budget is 5000/month or the like, not '" + text + "'");
  return {*amount, *per};
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
    } else if (w[0] == "budget") {
      queue.budget = budget_of(w.at(1));
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
    } else if (w[0] == "order") {
      policy.order = word<QueueOrder>(w.at(1));
    } else if (w[0] == "overflow") {
      policy.overflow_wait = time_of(w.at(1));
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

static void read_choice(const std::vector<std::string>& w, Choice& choice) {
  for (std::size_t i = 0; i < w.size(); i += 2) {
    if (w[i] == "spot") {
      choice.use_spot = true;
      continue;
    }
    if (i + 1 == w.size()) refuse("'" + w[i] + "' of what?");
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

static bool read_wish(const std::vector<std::string>& w, JobSpec& spec) {
  if (w[0] == "nodes") {
    const auto dash = w.at(1).find('-');
    spec.num_nodes = number(dash == std::string::npos ? w[1] : w[1].substr(dash + 1));
    if (dash != std::string::npos) spec.min_nodes = number(w[1].substr(0, dash));
  } else if (w[0] == "limit") {
    spec.max_duration = time_of(w.at(1));
  } else if (w[0] == "estimate") {
    spec.estimate = time_of(w.at(1));
  } else if (w[0] == "checkpoint") {
    spec.checkpoint = Checkpoint{"checkpoint"};
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
    spec.features.edit().push_back(w.at(1));
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
  } else if (w[0] == "grace") {
    spec.stop.edit().grace = time_of(w.at(1));
  } else if (w[0] == "at_once") {
    if (!spec.shards) refuse("at_once comes after tasks");
    spec.shards->at_once_max = number(w.at(1));
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
  spec.stop.edit().grace = 30s;
  Choice choice;
  choice.demand = whole;
  spec.resources.choices.clear();
  bool gpus = false;  // whether it has said how many
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
      if (w[0] == "gpus" || w[0] == "gpu") choice.demand.cpus_milli = 1'000, gpus = true;
      if (w[0] == "cores" && !gpus) choice.demand.gpus = 0, choice.demand.gpu.clear();
      read_choice(w, choice);
    }
  }
  spec.resources.choices.push_back(choice);
  return out;
}

}  // namespace mohona

#include "bench/packing.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/dice.h"
#include "bench/fgd.h"
#include "bench/world.h"
#include "packing/prices.h"
#include "traces/openb.h"

namespace mohona {
namespace {

constexpr double load_max = 1.3;  // of all GPUs, asked for in the end
constexpr std::uint64_t seeds_max = 1'000;
// After so many arrivals prices are made of what has arrived; then at each doubling.
constexpr std::array<std::size_t, 7> learns_after = {20, 60, 150, 400, 1'000, 2'500, 5'000};

std::int64_t asks(const OpenbTask& task) {
  return task.demand.gpus * 1'000 + task.demand.gpu_milli;
}

PackingWork work_of(const OpenbTask& task) {
  const Demand& d = task.demand;
  return {d.cpus_milli, d.memory_mib, d.gpus, d.gpu_milli, task.models, 1};
}

Needs needs_of(const OpenbTask& task) {
  Needs needs;
  Choice choice;
  choice.demand = task.demand;
  for (const std::string& model : task.models) {
    if (asks(task) == 0) break;
    choice.demand.gpu = model;
    needs.choices.push_back(choice);
  }
  if (needs.choices.empty()) needs.choices.push_back(choice);
  return needs;
}

struct Inputs {
  OpenbNodes nodes;
  std::vector<OpenbTask> tasks;
  std::int64_t gpus_milli = 0;
  PackingProblem problem;  // with all tasks of the list
};

// The list in another order, then tasks drawn from it, until the next would ask for too much.
std::vector<const OpenbTask*> arrivals(const Inputs& inputs, std::uint64_t seed) {
  Dice dice(seed);
  std::vector<const OpenbTask*> order;
  for (const OpenbTask& task : inputs.tasks) order.push_back(&task);
  for (std::size_t i = order.size() - 1; i > 0; --i) {
    std::swap(order[i],
              order[static_cast<std::size_t>(dice.between(0, static_cast<std::int64_t>(i)))]);
  }
  const double most = load_max * static_cast<double>(inputs.gpus_milli);
  std::int64_t total = 0;
  for (std::size_t i = 0;; ++i) {
    if (i == order.size()) {
      order.push_back(
          &inputs.tasks[static_cast<std::size_t>(dice.below(std::ssize(inputs.tasks)))]);
    }
    total += asks(*order[i]);
    if (static_cast<double>(total) > most) {
      order.resize(i);
      return order;
    }
  }
}

// One seed's arrivals, given to the scheduler of the core one by one. What does not fit is dropped.
class Replay {
 public:
  Replay(const Inputs& inputs, PackingPolicy policy, Digest& digest)
      : inputs_(inputs), digest_(digest) {
    if (policy == PackingPolicy::fgd) fgd_.emplace(inputs.nodes, inputs.tasks);
    SchedulingPolicy rules;
    rules.preempt = Preempt::never;
    rules.reservations_max = 0;
    if (policy == PackingPolicy::learned) rules.packing = Packing::learned;
    for (const Pool& pool : inputs.nodes.pools) scheduler_.define_pool(pool);
    scheduler_.define_queues({}, rules);
  }

  void price(const PackingPrices& prices) { scheduler_.set_prices(prices); }

  bool give(const OpenbTask& task, Series& times) {
    const JobId job{++jobs_};
    Needs needs = needs_of(task);
    const Ticks begun = ticks();
    std::optional<Start> start;
    if (fgd_) {
      if (const auto found = fgd_->choose(scheduler_, task)) {
        start = Start{job, found->pool, 0, {{}, {found->member}}};
      }
      if (start) place(*start, task.demand);
    } else {
      const Waiting waiting = scheduler_.wait(job, needs, rank_of(0, now_, job, Duration{0}));
      scheduler_.begin(now_);
      if (const auto decision = scheduler_.next()) start = std::get<Start>(*decision);
      scheduler_.leave(waiting);
      if (start) place(*start, needs.choices[start->choice].demand);
    }
    times.push_back(static_cast<float>(micros_between(begun, ticks())));
    digest_.add(job.value);
    if (!start) return false;
    digest_.add(start->pool);
    digest_.add(start->grant.whole);
    for (const Member& member : start->grant.members) {
      digest_.add(member.node);
      digest_.add(member.gpus);
    }
    return true;
  }

 private:
  void place(const Start& start, const Demand& demand) {
    Running run;
    run.id = {start.job, 0, 1};
    run.pool = start.pool;
    run.demand = demand;
    run.grant = start.grant;
    run.worth = worth_of(inputs_.nodes.pools[start.pool], demand);
    run.started = now_;
    run.preemptible = false;
    scheduler_.start(std::move(run));
  }

  const Inputs& inputs_;
  Digest& digest_;
  Scheduler scheduler_;
  std::optional<Fgd> fgd_;
  Timestamp now_ = Timestamp{} + std::chrono::hours(500'000);
  std::uint64_t jobs_ = 0;
};

struct Sample {
  double at_100 = 0, at_130 = 0;  // percent of all GPUs
};

struct Outcome {
  std::vector<Sample> samples;  // by seed
  Series decision_us, pricing_ms;
  std::size_t types = 0;
  std::string digest;
};

bool learns_now(std::size_t arrived) {
  if (std::find(learns_after.begin(), learns_after.end(), arrived) != learns_after.end()) {
    return true;
  }
  std::size_t next = learns_after.back() * 2;
  while (next < arrived) next *= 2;
  return next == arrived;
}

Result<void> make_prices(Replay& replay, const PackingProblem& problem, Outcome& out) {
  const Ticks begun = ticks();
  const auto prices = price_packing(problem);
  out.pricing_ms.push_back(static_cast<float>(micros_between(begun, ticks()) / 1'000));
  // Too early to say: the first tasks ask for no GPU.
  if (!prices && prices.error().code == Code::unavailable) return {};
  if (!prices) return fail(prices.error());
  out.types = prices->types.size();
  replay.price(*prices);
  return {};
}

Result<Sample> run_seed(const Inputs& inputs, PackingPolicy policy, PackingTypes types,
                        std::uint64_t seed, Digest& digest, Outcome& out) {
  Replay replay(inputs, policy, digest);
  const bool priced = policy == PackingPolicy::learned;
  PackingProblem seen{inputs.nodes.pools, {}};
  if (priced && types == PackingTypes::given) {
    if (auto made = make_prices(replay, inputs.problem, out); !made) return fail(made.error());
  }
  std::int64_t arrived = 0, allocated = 0;
  double sums[2] = {0, 0};
  std::int64_t counts[2] = {0, 0};
  for (const OpenbTask* task : arrivals(inputs, seed)) {
    if (priced && types == PackingTypes::learned && learns_now(seen.work.size())) {
      if (auto made = make_prices(replay, seen, out); !made) return fail(made.error());
    }
    seen.work.push_back(work_of(*task));
    arrived += asks(*task);
    if (replay.give(*task, out.decision_us)) allocated += asks(*task);
    const double all = static_cast<double>(inputs.gpus_milli);
    const auto percent = std::lround(100 * static_cast<double>(arrived) / all);
    if (percent != 100 && percent != 130) continue;
    sums[percent == 130] += 100 * static_cast<double>(allocated) / all;
    ++counts[percent == 130];
  }
  const auto mean_of = [&](int i) {
    return counts[i] == 0 ? 0 : sums[i] / static_cast<double>(counts[i]);
  };
  return Sample{mean_of(0), mean_of(1)};
}

Result<Outcome> run(const Inputs& inputs, const PackingOptions& options, PackingPolicy policy) {
  Outcome out;
  Digest digest;
  for (std::uint64_t seed = options.first_seed; seed <= options.last_seed; ++seed) {
    const auto sample = run_seed(inputs, policy, options.types, seed, digest, out);
    if (!sample) return fail(sample.error());
    out.samples.push_back(*sample);
  }
  out.digest = digest.text();
  return out;
}

struct Spread {
  double mean = 0, sd = 0;
};

Spread spread(const std::vector<Sample>& samples, double Sample::*which) {
  Spread out;
  const auto n = static_cast<double>(samples.size());
  for (const Sample& sample : samples) out.mean += sample.*which / n;
  double squares = 0;
  for (const Sample& sample : samples) squares += std::pow(sample.*which - out.mean, 2);
  out.sd = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
  return out;
}

double hundredths(double value) { return std::round(value * 100) / 100; }

Json to_json(const Outcome& outcome) {
  const Spread at_100 = spread(outcome.samples, &Sample::at_100);
  const Spread at_130 = spread(outcome.samples, &Sample::at_130);
  Json out;
  out["allocated_pct_at_100"] = hundredths(at_100.mean);
  out["sd_100"] = hundredths(at_100.sd);
  out["allocated_pct_at_130"] = hundredths(at_130.mean);
  out["sd_130"] = hundredths(at_130.sd);
  out["decision_us_mean"] = hundredths(mean(outcome.decision_us));
  out["decision_us_p99"] = hundredths(percentile(outcome.decision_us, 0.99));
  out["digest"] = outcome.digest;
  return out;
}

Result<Inputs> read(const PackingOptions& options) {
  Inputs out;
  auto nodes = read_openb_nodes(options.nodes);
  if (!nodes) return fail(nodes.error());
  auto tasks = read_openb_tasks(options.tasks);
  if (!tasks) return fail(tasks.error());
  out.nodes = std::move(*nodes);
  out.tasks = std::move(*tasks);
  out.problem.pools = out.nodes.pools;
  for (const OpenbTask& task : out.tasks) out.problem.work.push_back(work_of(task));
  for (const Pool& pool : out.nodes.pools) out.gpus_milli += pool.nodes * pool.shape.gpus * 1'000;
  return out;
}

}  // namespace

std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_seeds(std::string_view text) {
  const auto number = [](std::string_view word) -> std::optional<std::uint64_t> {
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
    if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
    return out;
  };
  const std::size_t dash = text.find('-');
  const auto first = number(text.substr(0, dash));
  const auto last = dash == text.npos ? first : number(text.substr(dash + 1));
  if (!first || !last || *last < *first || *last - *first >= seeds_max) return std::nullopt;
  return std::pair(*first, *last);
}

Result<Json> bench_packing(const PackingOptions& options) {
  const auto inputs = read(options);
  if (!inputs) return fail(inputs.error());
  Json rows = Json::array();
  std::optional<Outcome> learned;
  Json main;
  for (const auto& [policy, name] :
       {std::pair(PackingPolicy::learned, "learned"), std::pair(PackingPolicy::fgd, "fgd"),
        std::pair(PackingPolicy::best_fit, "best-fit")}) {
    if (options.policy != PackingPolicy::all && options.policy != policy) continue;
    auto outcome = run(*inputs, options, policy);
    if (!outcome) return fail(outcome.error());
    const Json figures = to_json(*outcome);
    if (main.is_null()) main = figures;
    Json row;
    row["policy"] = name;
    row.update(figures);
    rows.push_back(std::move(row));
    if (policy == PackingPolicy::learned) learned = std::move(*outcome);
  }
  Json out = std::move(main);
  if (learned) {
    out["types"] = options.types == PackingTypes::given ? "given" : "learned";
    out["types_priced"] = learned->types;
    out["pricing_ms_mean"] = hundredths(mean(learned->pricing_ms));
  }
  const auto bound_100 = packing_bound(inputs->problem, 1),
             bound_130 = packing_bound(inputs->problem, 1.3);
  if (!bound_100) return fail(bound_100.error());
  if (!bound_130) return fail(bound_130.error());
  out["bound_pct_at_100"] = hundredths(100 * *bound_100);
  out["bound_pct_at_130"] = hundredths(100 * *bound_130);
  out["seeds"] = options.last_seed - options.first_seed + 1;
  out["nodes"] = inputs->nodes.order.size();
  out["gpus"] = inputs->gpus_milli / 1'000;
  out["tasks"] = inputs->tasks.size();
  out["policies"] = std::move(rows);
  return out;
}

}  // namespace mohona

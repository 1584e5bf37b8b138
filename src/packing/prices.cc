#include "packing/prices.h"

#include <algorithm>
#include <cmath>

#include "packing/program.h"

namespace mohona {
namespace {

// The load that prices are made for: as much as is asked for where machines are short.
constexpr double planned_load = 1.3;
// Prices of a core, in GPUs, that scores try: the square of an even grid, up to a fifth of a GPU.
constexpr int core_prices = 25;
constexpr double core_price_max = 0.2;
// The most frequent kinds that cover so much of all work say what is waste.
constexpr double often_enough = 0.95;

double gpus_of(const PackingWork& work) {
  return static_cast<double>(work.gpus) + static_cast<double>(work.gpu_milli) / 1'000;
}

std::int64_t nanos(double gpus) {
  return static_cast<std::int64_t>(std::llround(gpus * static_cast<double>(whole_gpu_nanos)));
}

// Kinds by how frequent they are, equal ones together, and only those that some pool takes.
std::vector<PackingWork> kinds_of(const PackingProblem& problem) {
  std::vector<PackingWork> kinds = problem.work;
  for (PackingWork& work : kinds) {
    std::sort(work.models.begin(), work.models.end());
    work.models.erase(std::unique(work.models.begin(), work.models.end()), work.models.end());
  }
  std::sort(kinds.begin(), kinds.end());
  std::vector<PackingWork> out;
  for (PackingWork& work : kinds) {
    if (work.count <= 0 || std::none_of(problem.pools.begin(), problem.pools.end(),
                                        [&](const Pool& p) { return pool_takes(p, work); })) {
      continue;
    }
    if (!out.empty()) {
      work.count += out.back().count;
      PackingWork same = out.back();
      same.count = work.count;
      if (same == work) {
        out.back() = work;
        continue;
      }
      work.count -= out.back().count;
    }
    out.push_back(work);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const PackingWork& a, const PackingWork& b) { return a.count > b.count; });
  if (out.size() > packing_work_max) out.resize(packing_work_max);
  return out;
}

// Whether `a` fits wherever `b` does.
bool easier(const PackingWork& a, const PackingWork& b) {
  if (a.cpus_milli > b.cpus_milli || a.memory_mib > b.memory_mib) return false;
  const bool no_gpu = a.gpus + a.gpu_milli == 0;
  if (!no_gpu &&
      !(a.gpus <= b.gpus && (a.gpu_milli == 0 || b.gpus > 0 || a.gpu_milli <= b.gpu_milli))) {
    return false;
  }
  if (no_gpu || a.models.empty()) return true;
  return !b.models.empty() &&
         std::includes(a.models.begin(), a.models.end(), b.models.begin(), b.models.end());
}

enum class Chains { one, all };

Program program_of(const PackingProblem& problem, const std::vector<PackingWork>& kinds,
                   double load, Chains chains) {
  Program program{problem.pools, {}};
  double asked = 0, there = 0;
  for (const PackingWork& work : kinds) asked += gpus_of(work) * static_cast<double>(work.count);
  for (const Pool& pool : problem.pools) there += static_cast<double>(pool.nodes * pool.shape.gpus);
  for (const PackingWork& work : kinds) {
    program.kinds.push_back({work, load * static_cast<double>(work.count) * there / asked, {}});
  }
  const std::size_t n = kinds.size();
  if (chains == Chains::one) {
    // The commonest kind that takes more than half of a GPU, so that no two share one.
    const auto k = static_cast<std::size_t>(
        std::find_if(kinds.begin(), kinds.end(),
                     [](const PackingWork& w) { return w.gpu_milli > 500 && w.models.empty(); }) -
        kinds.begin());
    for (std::size_t j = 0; k < n && j < n; ++j) {
      if (j != k && easier(kinds[k], kinds[j])) program.kinds[j].easier.push_back(k);
    }
    return program;
  }
  for (std::size_t j = 0; j < n; ++j) {
    std::vector<std::size_t> below;
    for (std::size_t k = 0; k < n; ++k) {
      // Kinds that fit alike are taken alike.
      if (j != k && easier(kinds[k], kinds[j])) below.push_back(k);
    }
    for (const std::size_t k : below) {
      const bool between = std::any_of(below.begin(), below.end(), [&](std::size_t i) {
        return i != k && easier(kinds[k], kinds[i]) && !easier(kinds[i], kinds[k]) &&
               !easier(kinds[j], kinds[i]);
      });
      if (!between) program.kinds[j].easier.push_back(k);
    }
  }
  return program;
}

// GPUs asked for by work that is particular, for each GPU of the pool's kind.
std::int64_t wanted(const PackingProblem& problem, const Program& program, const Pool& pool) {
  const auto gpus_that = [&](auto&& holds) {
    double n = 0;
    for (const Pool& p : problem.pools) {
      if (holds(p.shape.gpu)) n += static_cast<double>(p.nodes * p.shape.gpus);
    }
    return n;
  };
  double total = 0;
  for (const ProgramKind& kind : program.kinds) {
    const std::vector<std::string>& models = kind.work.models;
    const auto holds = [&](const std::string& gpu) {
      return std::find(models.begin(), models.end(), gpu) != models.end();
    };
    if (models.empty() || !holds(pool.shape.gpu)) continue;
    const double there = gpus_that(holds);
    if (there > 0) total += gpus_of(kind.work) * kind.arrives / planned_load / there;
  }
  return nanos(total);
}

// The order in which equal places are taken: machines with the fewest cores and the least memory a
// GPU first. The others can do more.
std::vector<std::size_t> order_of(const std::vector<Pool>& pools) {
  std::vector<std::size_t> order;
  for (std::size_t p = 0; p < pools.size(); ++p) {
    if (pools[p].shape.gpus > 0) order.push_back(p);
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const Shape &x = pools[a].shape, &y = pools[b].shape;
    return std::tuple(x.cpus_milli * y.gpus, x.memory_mib * y.gpus, pools[a].name) <
           std::tuple(y.cpus_milli * x.gpus, y.memory_mib * x.gpus, pools[b].name);
  });
  return order;
}

bool asks_for_gpus(const std::vector<PackingWork>& kinds) {
  return std::any_of(kinds.begin(), kinds.end(), [](const auto& k) { return gpus_of(k) > 0; });
}

}  // namespace

Result<PackingPrices> price_packing(const PackingProblem& problem) {
  const std::vector<PackingWork> kinds = kinds_of(problem);
  if (!asks_for_gpus(kinds)) {
    return fail(Code::unavailable, "no work that asks for GPUs has arrived yet");
  }
  const Program program = program_of(problem, kinds, planned_load, Chains::one);
  auto solution = solve(program);
  if (!solution) return fail(solution.error());
  PackingPrices out;
  for (const std::size_t p : order_of(problem.pools)) {
    const Pool& pool = problem.pools[p];
    out.classes.push_back({pool.name, nanos(std::max(0.0, solution->memory_prices[p])),
                           wanted(problem, program, pool)});
  }
  // What is often asked for is counted without memory.
  double all = 0, covered = 0;
  std::map<PackingWork, double> often;
  const auto without = [](PackingWork work) {
    work.memory_mib = work.count = 0;
    return work;
  };
  for (const PackingWork& work : kinds) {
    often[without(work)] += static_cast<double>(work.count);
    all += static_cast<double>(work.count);
  }
  std::vector<std::pair<double, PackingWork>> ranked;
  for (const auto& [work, count] : often) ranked.emplace_back(count, work);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::size_t enough = 0;
  while (enough < ranked.size() && covered < often_enough * all) covered += ranked[enough++].first;
  std::map<PackingWork, std::int64_t> ppm;
  for (std::size_t i = 0; i < enough; ++i) {
    ppm[ranked[i].second] = std::llround(ranked[i].first / covered * 1e6);
  }
  for (std::size_t j = 0; j < kinds.size(); ++j) {
    const PackingWork& work = kinds[j];
    PackingType type{
        work.cpus_milli, work.memory_mib, work.gpus, work.gpu_milli, work.models, 0, 0};
    type.gain = std::max<std::int64_t>(0, nanos(solution->gain[j]));
    // Those that differ in memory alone count once, at the first.
    if (const auto found = ppm.find(without(work)); found != ppm.end()) {
      type.often_ppm = std::exchange(found->second, 0);
    }
    out.types.push_back(std::move(type));
  }
  for (int l = 0; l < core_prices; ++l) {
    const double part = static_cast<double>(l) / (core_prices - 1);
    out.core_prices.push_back(nanos(core_price_max * part * part / 1'000));
  }
  return out;
}

Result<double> packing_bound(const PackingProblem& problem, double load) {
  const std::vector<PackingWork> kinds = kinds_of(problem);
  if (!asks_for_gpus(kinds)) return 0.0;
  auto solution = solve(program_of(problem, kinds, load, Chains::all));
  if (!solution) return fail(solution.error());
  double there = 0;
  for (const Pool& pool : problem.pools) there += static_cast<double>(pool.nodes * pool.shape.gpus);
  return solution->gpus / there;
}

}  // namespace mohona

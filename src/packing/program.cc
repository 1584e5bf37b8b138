#include "packing/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <coin/ClpSimplex.hpp>
#include <map>

namespace mohona {
namespace {

constexpr int rounds_max = 400;        // of making patterns
constexpr double pays_min = 1e-7;      // of a pattern, in GPUs, below which it is not made
constexpr double memory_unit = 1'024;  // rows of like size are solved better: GiB, cores, GPUs

double gpus_of(const PackingWork& work) {
  return static_cast<double>(work.gpus) + static_cast<double>(work.gpu_milli) / 1'000;
}

bool shares(const PackingWork& work) { return work.gpu_milli > 0; }

// Rows: for each pool GPUs, cores and memory; for each kind how much of it there is; then for each
// kind and each easier one that the latter is taken as long.
class Rows {
 public:
  explicit Rows(const Program& program) : program_(program) {
    row_ = 3 * program.pools.size() + program.kinds.size();
    for (const ProgramKind& kind : program.kinds) {
      first_.push_back(row_);
      row_ += kind.easier.size();
    }
    users_.resize(program.kinds.size());
    for (std::size_t j = 0; j < program.kinds.size(); ++j) {
      for (std::size_t e = 0; e < program.kinds[j].easier.size(); ++e) {
        users_[program.kinds[j].easier[e]].push_back(first_[j] + e);
      }
    }
  }
  std::size_t size() const { return row_; }
  std::size_t gpus(std::size_t pool) const { return 3 * pool; }
  std::size_t cores(std::size_t pool) const { return 3 * pool + 1; }
  std::size_t memory(std::size_t pool) const { return 3 * pool + 2; }
  std::size_t arrivals(std::size_t kind) const { return 3 * program_.pools.size() + kind; }
  // Calls f(row, coefficient) for each row of a kind's own.
  template <class F>
  void of_kind(std::size_t j, F&& f) const {
    const ProgramKind& kind = program_.kinds[j];
    f(arrivals(j), 1.0);
    for (std::size_t e = 0; e < kind.easier.size(); ++e) f(first_[j] + e, 1 / kind.arrives);
    for (const std::size_t row : users_[j]) f(row, -1 / kind.arrives);
  }

 private:
  const Program& program_;
  std::size_t row_ = 0;
  std::vector<std::size_t> first_;               // by kind: its rows against easier ones
  std::vector<std::vector<std::size_t>> users_;  // by kind: rows of those that it is easier than
};

// A column: so many of these kinds together, on one pool.
struct Column {
  std::size_t pool = 0;
  std::vector<std::pair<std::size_t, int>> kinds;
  double gpus = 0;  // that it occupies
};

class Master {
 public:
  explicit Master(const Program& program) : program_(program), rows_(program) {
    clp_.setLogLevel(0);
    clp_.resize(static_cast<int>(rows_.size()), 0);
    for (std::size_t r = 0; r < rows_.size(); ++r) limit(r, 0);
    for (std::size_t p = 0; p < program.pools.size(); ++p) {
      const Pool& pool = program.pools[p];
      const auto nodes = static_cast<double>(pool.nodes);
      limit(rows_.gpus(p), nodes * static_cast<double>(pool.shape.gpus));
      limit(rows_.cores(p), nodes * static_cast<double>(pool.shape.cpus_milli) / 1'000);
      limit(rows_.memory(p), nodes * static_cast<double>(pool.shape.memory_mib) / memory_unit);
    }
    for (std::size_t j = 0; j < program.kinds.size(); ++j) {
      limit(rows_.arrivals(j), program.kinds[j].arrives);
    }
    clp_.setOptimizationDirection(-1);
  }

  void add(const Column& column) {
    std::map<std::size_t, double> at;
    double won = 0;
    at[rows_.gpus(column.pool)] += column.gpus;
    for (const auto& [j, n] : column.kinds) {
      const PackingWork& work = program_.kinds[j].work;
      at[rows_.cores(column.pool)] += n * static_cast<double>(work.cpus_milli) / 1'000;
      at[rows_.memory(column.pool)] += n * static_cast<double>(work.memory_mib) / memory_unit;
      rows_.of_kind(j, [&](std::size_t row, double x) { at[row] += n * x; });
      won += n * gpus_of(work);
    }
    std::vector<int> index;
    std::vector<double> value;
    for (const auto& [row, x] : at) {
      if (x == 0) continue;
      index.push_back(static_cast<int>(row));
      value.push_back(x);
    }
    clp_.addColumn(static_cast<int>(index.size()), index.data(), value.data(), 0, COIN_DBL_MAX,
                   won);
  }

  bool solve(bool again) {
    again ? clp_.primal(1) : clp_.primal();
    return clp_.status() == 0;
  }
  double won() const { return clp_.objectiveValue(); }
  double price(std::size_t row) const { return clp_.getRowPrice()[row]; }
  const Rows& rows() const { return rows_; }

  // What one of a kind wins beyond what its own rows charge: before cores, memory and GPUs.
  double gain(std::size_t j) const {
    double out = gpus_of(program_.kinds[j].work);
    rows_.of_kind(j, [&](std::size_t row, double x) { out -= x * price(row); });
    return out;
  }
  double core_price(std::size_t pool) const { return price(rows_.cores(pool)); }
  double memory_price(std::size_t pool) const { return price(rows_.memory(pool)); }
  double gpu_price(std::size_t pool) const { return price(rows_.gpus(pool)); }

 private:
  void limit(std::size_t row, double upper) {
    clp_.setRowBounds(static_cast<int>(row), -COIN_DBL_MAX, upper);
  }

  const Program& program_;
  Rows rows_;
  ClpSimplex clp_;
};

// The pattern of one GPU of the pool that pays best, if one pays: an unbounded knapsack.
std::optional<Column> best_pattern(const Program& program, const Master& master,
                                   const std::vector<double>& gain, std::size_t pool) {
  struct Item {
    std::size_t kind;
    std::size_t milli;
    double profit;
  };
  std::vector<Item> items;
  for (std::size_t j = 0; j < program.kinds.size(); ++j) {
    const PackingWork& work = program.kinds[j].work;
    if (!shares(work) || !pool_takes(program.pools[pool], work)) continue;
    const double profit =
        gain[j] - master.core_price(pool) * static_cast<double>(work.cpus_milli) / 1'000 -
        master.memory_price(pool) * static_cast<double>(work.memory_mib) / memory_unit;
    if (profit > pays_min) items.push_back({j, static_cast<std::size_t>(work.gpu_milli), profit});
  }
  // Of kinds that take the same part, one is enough; fewer items, and the same result.
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return a.milli != b.milli ? a.milli < b.milli : a.profit > b.profit;
  });
  items.erase(std::unique(items.begin(), items.end(),
                          [](const Item& a, const Item& b) { return a.milli == b.milli; }),
              items.end());
  constexpr std::size_t none = SIZE_MAX;
  std::vector<double> value(1'001, 0);
  std::vector<std::size_t> last(1'001, none);
  for (std::size_t r = 1; r <= 1'000; ++r) {
    value[r] = value[r - 1];
    for (std::size_t k = 0; k < items.size() && items[k].milli <= r; ++k) {
      const double v = value[r - items[k].milli] + items[k].profit;
      if (v > value[r] + 1e-12) value[r] = v, last[r] = k;
    }
  }
  if (value[1'000] - master.gpu_price(pool) < pays_min) return std::nullopt;
  std::map<std::size_t, int> counts;
  for (std::size_t r = 1'000; r > 0;) {
    if (last[r] == none) {
      --r;
      continue;
    }
    ++counts[items[last[r]].kind];
    r -= items[last[r]].milli;
  }
  return Column{pool, {counts.begin(), counts.end()}, 1};
}

}  // namespace

bool pool_takes(const Pool& pool, const PackingWork& work) {
  const Shape& shape = pool.shape;
  return work.cpus_milli <= shape.cpus_milli && work.memory_mib <= shape.memory_mib &&
         work.gpus + (shares(work) ? 1 : 0) <= shape.gpus &&
         (work.models.empty() || work.gpus + work.gpu_milli == 0 ||
          std::find(work.models.begin(), work.models.end(), shape.gpu) != work.models.end());
}

Result<Solution> solve(const Program& program) {
  Master master(program);
  for (std::size_t p = 0; p < program.pools.size(); ++p) {
    for (std::size_t j = 0; j < program.kinds.size(); ++j) {
      const PackingWork& work = program.kinds[j].work;
      if (!pool_takes(program.pools[p], work)) continue;
      const int n = shares(work) ? static_cast<int>(1'000 / work.gpu_milli) : 1;
      master.add({p, {{j, n}}, shares(work) ? 1.0 : static_cast<double>(work.gpus)});
    }
  }
  std::vector<double> gain(program.kinds.size());
  for (int round = 0; round < rounds_max; ++round) {
    if (!master.solve(round > 0)) {
      return fail(Code::internal, "the linear program of packing has no solution");
    }
    for (std::size_t j = 0; j < gain.size(); ++j) gain[j] = master.gain(j);
    bool added = false;
    for (std::size_t p = 0; p < program.pools.size(); ++p) {
      if (auto column = best_pattern(program, master, gain, p)) {
        master.add(*column);
        added = true;
      }
    }
    if (!added) break;
  }
  Solution out{master.won(), std::move(gain), {}};
  for (std::size_t p = 0; p < program.pools.size(); ++p) {
    out.memory_prices.push_back(master.memory_price(p) / memory_unit);
  }
  return out;
}

}  // namespace mohona

#include "core/fleet/packing.h"

#include <fmt/format.h>

#include <algorithm>

namespace mohona {
namespace {

// The weights of a score. The outlook decides; waste is a second opinion, which does not trust the
// prices; what stays free beside it is a nudge to where something runs already. They were chosen on
// many made-up mixtures of a public trace beside its own lists, as those that do well on all of
// them, not best on one.
constexpr std::int64_t outlook_weight = 360;
constexpr std::int64_t waste_weight = 20;
constexpr std::int64_t free_weight = 1;
constexpr std::int64_t wanted_weight = 20;
// Scores that differ by less are equal: the first such node is filled before others are begun.
constexpr std::int64_t score_step = whole_gpu_nanos * 3 / 2;

// Scores that are remembered for a pool; with more, all are forgotten.
constexpr std::size_t scores_max = 1 << 20;

// What prices may be, and what counts of a node: so that no sum is too large for 64 bits.
constexpr std::int64_t types_max = 4'096, classes_max = 4'096, core_prices_max = 64;
constexpr std::int64_t gain_max = 1'000 * whole_gpu_nanos;  // also of what one GPU can do
constexpr std::int64_t unit_price_max = 1'000'000;          // of a MiB or a thousandth of a core
constexpr std::int64_t units_max = 100'000'000;
constexpr std::int64_t ppm_max = 1'000'000;

constexpr std::int64_t nanos_a_milli = whole_gpu_nanos / 1'000;

// But for memory, of which there is mostly enough.
bool may_take(const Shape& shape, const PackingType& type) {
  return type.cpus_milli <= shape.cpus_milli &&
         type.gpus + (type.gpu_milli > 0 ? 1 : 0) <= shape.gpus &&
         (type.models.empty() ||
          std::find(type.models.begin(), type.models.end(), shape.gpu) != type.models.end());
}

bool takes(const Shape& shape, const PackingType& type) {
  return type.memory_mib <= shape.memory_mib && may_take(shape, type);
}

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  const std::int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

bool within(std::int64_t value, std::int64_t max) { return value >= 0 && value <= max; }

}  // namespace

std::string cannot_pack_by(const PackingPrices& prices) {
  if (std::ssize(prices.types) > types_max || std::ssize(prices.classes) > classes_max ||
      std::ssize(prices.core_prices) > core_prices_max) {
    return "there are too many";
  }
  for (const PackingClass& c : prices.classes) {
    if (!within(c.memory_price, unit_price_max) || !within(c.wanted, gain_max)) {
      return fmt::format("those of pool '{}' are out of bounds", c.pool);
    }
  }
  for (const PackingType& t : prices.types) {
    if (!within(t.cpus_milli, units_max) || !within(t.memory_mib, units_max) ||
        !within(t.gpus, gpus_per_node_max) || !within(t.gpu_milli, 999) ||
        (t.gpus > 0 && t.gpu_milli > 0) || !within(t.gain, gain_max) ||
        !within(t.often_ppm, ppm_max)) {
      return "those of a type of work are out of bounds";
    }
  }
  for (const std::int64_t price : prices.core_prices) {
    if (!within(price, unit_price_max)) return "a core's price is out of bounds";
  }
  return "";
}

ClassPrices::ClassPrices(const PackingPrices& prices, const Pool& pool)
    : core_prices_(prices.core_prices) {
  if (core_prices_.empty()) core_prices_.push_back(0);
  for (const PackingClass& c : prices.classes) {
    if (c.pool != pool.name) continue;
    memory_price_ = c.memory_price;
    wanted_ = c.wanted;
  }
  for (const PackingType& type : prices.types) {
    if (type.often_ppm == 0) continue;
    const bool here = type.gpus + type.gpu_milli > 0 && may_take(pool.shape, type);
    if (here) kinds_.push_back({type.cpus_milli, type.gpus, type.gpu_milli, type.often_ppm});
    if (!here) elsewhere_ppm_ += type.often_ppm;
  }
  // What a kind of work brings at each core price; of kinds that take equal parts the best counts.
  const std::size_t n = core_prices_.size();
  std::map<std::int64_t, std::vector<std::int64_t>> profits;  // by thousandths of a GPU
  for (const PackingType& type : prices.types) {
    if (type.gpus + type.gpu_milli == 0 || !takes(pool.shape, type)) continue;
    auto& best = profits.try_emplace(type.gpus > 0 ? 1'000 : type.gpu_milli, n, 0).first->second;
    for (std::size_t l = 0; l < n; ++l) {
      const std::int64_t profit =
          type.gain - memory_price_ * type.memory_mib - core_prices_[l] * type.cpus_milli;
      best[l] = std::max(best[l], profit / std::max<std::int64_t>(1, type.gpus));
    }
  }
  values_.assign(1'001 * n, 0);
  for (std::size_t r = 1; r <= 1'000; ++r) {
    for (std::size_t l = 0; l < n; ++l) values_[r * n + l] = values_[(r - 1) * n + l];
    for (const auto& [milli, profit] : profits) {
      if (milli > static_cast<std::int64_t>(r)) break;
      const std::size_t rest = (r - static_cast<std::size_t>(milli)) * n;
      for (std::size_t l = 0; l < n; ++l) {
        std::int64_t& value = values_[r * n + l];
        value = std::min(gain_max, std::max(value, values_[rest + l] + profit[l]));
      }
    }
  }
}

std::int64_t ClassPrices::outlook(const FreeParts& free) const {
  constexpr std::size_t at_once = 32;
  const std::size_t n = core_prices_.size();
  const std::int64_t cpus = std::clamp<std::int64_t>(free.cpus_milli, 0, units_max);
  std::int64_t least = INT64_MAX;
  for (std::size_t first = 0; first < n; first += at_once) {
    const std::size_t some = std::min(at_once, n - first);
    std::array<std::int64_t, at_once> sums;
    const std::int64_t* whole = &values_[1'000 * n + first];
    for (std::size_t l = 0; l < some; ++l) {
      sums[l] = core_prices_[first + l] * cpus + free.whole * whole[l];
    }
    for (const std::int64_t share : free.shares) {
      const std::int64_t* row = &values_[static_cast<std::size_t>(share) * n + first];
      for (std::size_t l = 0; l < some; ++l) sums[l] += row[l];
    }
    least = std::min(least, *std::min_element(sums.begin(), sums.begin() + some));
  }
  return least + memory_price_ * std::clamp<std::int64_t>(free.memory_mib, 0, units_max);
}

std::int64_t ClassPrices::waste(const FreeParts& free) const {
  std::int64_t all = free.whole * 1'000;
  for (const std::int64_t share : free.shares) all += share;
  std::int64_t total = elsewhere_ppm_ * all;
  for (const Kind& kind : kinds_) {
    if (free.cpus_milli < kind.cpus_milli || free.whole < kind.gpus) {
      total += kind.often_ppm * all;
      continue;
    }
    if (kind.gpus > 0) {
      total += kind.often_ppm * (all - free.whole * 1'000);
      continue;
    }
    std::int64_t small = 0;
    for (const std::int64_t share : free.shares) small += share < kind.gpu_milli ? share : 0;
    total += kind.often_ppm * small;  // all of it, if none is large enough
  }
  return total;  // millionths of thousandths
}

std::int64_t ClassPrices::score(const Demand& demand, std::int64_t outlook_before,
                                std::int64_t waste_before, const FreeParts& after) const {
  std::int64_t free_milli = after.whole * 1'000;
  for (const std::int64_t share : after.shares) free_milli += share;
  const std::int64_t score = outlook_weight * (outlook(after) - outlook_before) -
                             waste_weight * (waste(after) - waste_before) -
                             free_weight * free_milli * nanos_a_milli;
  const std::int64_t asked = demand.gpus * 1'000 + demand.gpu_milli;
  return floor_to(score, score_step) - wanted_weight * asked * wanted_ / 1'000;
}

PoolScores::Scored PoolScores::evaluate(const Space& space, const Demand& demand, NodeIndex i) {
  Scored out;
  out.as_of = space.changed(i);
  const Node& node = space.node(i);
  if (!space.fits(node, demand)) return out;
  out.fits = true;
  free_.cpus_milli = node.cpus_free;
  free_.memory_mib = node.memory_free;
  free_.whole = count(node.gpus_free);
  free_.shares.clear();
  std::array<std::uint32_t, gpus_per_node_max> gpu_of;
  space.for_parts(i, [&](std::uint32_t gpu, std::int64_t milli) {
    gpu_of[free_.shares.size()] = gpu;
    free_.shares.push_back(milli);
  });
  Before& before = before_[i];
  if (before.as_of != out.as_of) {
    before = {out.as_of, prices_.outlook(free_), prices_.waste(free_)};
  }
  after_ = free_;
  after_.cpus_milli -= demand.cpus_milli;
  after_.memory_mib -= demand.memory_mib;
  if (demand.gpu_milli == 0) {
    after_.whole -= demand.gpus;
    out.gpus = lowest(node.gpus_free, demand.gpus);
    out.score = prices_.score(demand, before.outlook, before.waste, after_);
    return out;
  }
  const auto offer = [&](std::uint32_t gpu) {
    const std::int64_t score = prices_.score(demand, before.outlook, before.waste, after_);
    const Mask here = Mask{1} << gpu;
    if (out.gpus == 0 || score > out.score || (score == out.score && here < out.gpus)) {
      out.score = score;
      out.gpus = here;
    }
  };
  for (std::size_t k = 0; k < free_.shares.size(); ++k) {
    if (free_.shares[k] < demand.gpu_milli) continue;
    after_.shares[k] -= demand.gpu_milli;
    offer(gpu_of[k]);
    after_.shares[k] = free_.shares[k];
  }
  if (free_.whole > 0) {
    --after_.whole;
    after_.shares.push_back(1'000 - demand.gpu_milli);
    offer(static_cast<std::uint32_t>(std::countr_zero(node.gpus_free)));
  }
  return out;
}

const PoolScores::Scored& PoolScores::scored(const Space& space, const Demand& demand, Memo& memo,
                                             NodeIndex i) {
  Scored& known = memo.nodes[i];
  if (known.as_of == space.changed(i)) return known;
  const Node& node = space.node(i);
  bool shared = false;
  space.for_parts(i, [&](std::uint32_t, std::int64_t) { shared = true; });
  Plain& plain = memo.plain;
  const bool alike = plain.scored && plain.cpus == node.cpus_free &&
                     plain.memory == node.memory_free && plain.gpus == node.gpus_free;
  if (!shared && alike) {
    known = *plain.scored;
    known.as_of = space.changed(i);
    return known;
  }
  known = evaluate(space, demand, i);
  if (!shared) plain = {node.cpus_free, node.memory_free, node.gpus_free, known};
  return known;
}

std::optional<PoolScores::Best> PoolScores::best(const Space& space, const Request& request,
                                                 bool kept) {
  const Demand& demand = *request.demand;
  if (!memos_.contains(demand) && (memos_.size() + 1) * space.nodes() > scores_max) memos_.clear();
  Memo& memo = memos_[demand];
  memo.nodes.resize(space.nodes());
  memo.leaves.resize(space.leaves());
  before_.resize(space.nodes());
  std::optional<Best> best;
  const auto offer = [&](const Best& one) {
    if (!best || one.score > best->score) best = one;
  };
  const auto best_of = [&](Leaf leaf, Mask mask) {
    std::optional<Best> first;
    for_bits(mask, [&](std::uint32_t place) {
      const NodeIndex i = space.index(leaf, place);
      const Scored& node = scored(space, demand, memo, i);
      if (node.fits && (!first || node.score > first->score)) first = {node.score, i, node.gpus};
    });
    return first;
  };
  for (Leaf leaf = 0; leaf < space.leaves(); ++leaf) {
    const Mask mask = usable(space, request, leaf, kept);
    if (mask == 0) continue;
    if (mask != space.taking_work(leaf)) {
      if (const auto one = best_of(leaf, mask)) offer(*one);
      continue;
    }
    LeafBest& known = memo.leaves[leaf];
    if (known.as_of != space.leaf_changed(leaf)) {
      known = {space.leaf_changed(leaf), best_of(leaf, mask)};
    }
    if (known.best) offer(*known.best);
  }
  return best;
}

}  // namespace mohona

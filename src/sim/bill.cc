#include "sim/bill.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/ledger/metered.h"

namespace mohona {
namespace {

using namespace std::chrono;

// Nodes of a shape can stand for each other.
struct Kind {
  std::int64_t cpus = 0, memory = 0, gpus = 0;
  std::string gpu;
  friend auto operator<=>(const Kind&, const Kind&) = default;
};

Kind kind_of(const Shape& shape) {
  return {shape.cpus_milli, shape.memory_mib, shape.gpus, shape.gpu};
}

// --- the bound
//
// Whatever was placed where, so many node-hours of each kind ran in each hour. What was promised is
// paid anyway; at best it covers as much as it can reach, for nothing more. The rest is bought
// where it is cheapest, as far as there are nodes. Of minimums that are due within the time, with
// nothing carried, a dollar's worth μ between 0 and what of it would be lost gives
//
//   bill ≥ fees + Σ μ (needed − fees that count) + Σ over hours of the cheapest at price − μ × what
//   counts of it
//
// since the right side charges nothing above the left (Lagrangian duality). The best μ is looked
// for, one minimum after the other; any would do.

constexpr int rounds = 3, grid = 20;

struct Choice {
  double price = 0;                                    // a node-hour
  double capacity = 0;                                 // node-hours in an hour
  std::vector<std::pair<std::size_t, double>> counts;  // toward which minimum, how many dollars
};
struct Cell {  // an hour of a kind
  double used = 0, covered = 0;
  std::vector<Choice> choices;
};
struct Due {
  TermId id = none_id;
  double needed = 0, most = 0, mu = 0;
};

double in_dollars(Exact amount) { return static_cast<double>(amount.value) / 3.6e18; }

class Bound {
 public:
  Bound(const State& state, Book& book, Timestamp begin, Timestamp until)
      : state_(state), book_(book), begin_(begin), until_(until) {
    find_minimums();
  }

  // What was charged hour by hour whatever ran.
  void add_fee(const Charge& row) {
    fees_ += in_dollars(row.billed);
    for (Due& due : dues_) {
      const bool ours = book_.terms()[row.commitment].contract == book_.terms()[due.id].contract;
      if (ours && book_.minimum(due.id).counts_fees) due.needed -= in_dollars(row.billed);
    }
  }

  void add_usage(Hour hour, const std::map<MeterId, std::int64_t>& unit_seconds,
                 const std::map<std::string, MeterId>& meters) {
    const HourTerms& terms = book_.terms(hour);
    std::map<Kind, Cell> cells;
    std::set<MeterId> counted;
    for (const auto& [name, record] : state_.pools()) {
      const auto meter = meters.find(name);
      if (meter == meters.end()) continue;
      const Kind kind = kind_of(record.pool.shape);
      Cell& cell = cells[kind];
      if (counted.insert(meter->second).second) {
        const auto used = unit_seconds.find(meter->second);
        if (used != unit_seconds.end()) cell.used += static_cast<double>(used->second) / 3'600;
      }
      cell.choices.push_back(
          choice(record.pool, terms.meters[meter->second], book_.offer(meter->second, hour)));
    }
    for (const auto* layers : {&terms.reservations, &terms.commitments}) {
      for (const Layer& layer : *layers) reach(layer, meters, cells);
    }
    for (auto& [kind, cell] : cells) {
      if (cell.used > cell.covered) cells_.push_back(std::move(cell));
    }
  }

  double best() {
    double best = value();
    for (int round = 0; round < rounds; ++round) {
      for (Due& due : dues_) {
        double at = due.mu;
        for (int i = 0; i <= grid; ++i) {
          due.mu = due.most * i / grid;
          const double here = value();
          if (here > best) best = here, at = due.mu;
        }
        due.mu = at;
      }
    }
    return best;
  }

 private:
  void find_minimums() {
    for (TermId id = 0; id < book_.terms().size(); ++id) {
      if (!book_.is(id, Term::Kind::minimum)) continue;
      const Minimum& minimum = book_.minimum(id);
      if (minimum.prepaid || minimum.milestones.size() != 1) continue;
      const Milestone& milestone = minimum.milestones.front();
      const bool within = minimum.window.from >= begin_ && milestone.due <= until_;
      if (!within || minimum.missed.then != Missed::Then::invoice) continue;
      dues_.push_back({id, static_cast<double>(milestone.amount.micros) / 1e6,
                       static_cast<double>(minimum.missed.ppm) / 1e6, 0});
    }
  }

  // At its cheapest tier, whether or not the month reaches it.
  Choice choice(const Pool& pool, const MeterTerms& terms, const Offer* offer) const {
    Choice out;
    double part = 1;
    for (const Tier& tier : offer ? offer->tiers : std::vector<Tier>()) {
      if (terms.list.nanos <= 0) break;
      part = std::min(
          part, static_cast<double>(tier.price.nanos) / static_cast<double>(terms.list.nanos));
    }
    out.price = part * static_cast<double>(terms.contracted.nanos) / 1e9;
    out.capacity = static_cast<double>(pool.nodes);
    for (const Counts& counts : terms.counts) {
      for (std::size_t i = 0; i < dues_.size(); ++i) {
        if (dues_[i].id != counts.minimum) continue;
        const Price price = counts.before_discount ? terms.list : terms.contracted;
        out.counts.emplace_back(
            i, static_cast<double>(price.nanos) / 1e9 * static_cast<double>(counts.ppm) / 1e6);
      }
    }
    if (terms.prepaid != none_id) out.price = 0;  // paid for already, as far as it reaches
    return out;
  }

  // To each kind as much as the whole of it can cover.
  void reach(const Layer& layer, const std::map<std::string, MeterId>& meters,
             std::map<Kind, Cell>& cells) const {
    std::map<Kind, double> most;
    for (const auto& [name, record] : state_.pools()) {
      const auto meter = meters.find(name);
      if (meter == meters.end()) continue;
      for (const Layer::Entry& entry : layer.order) {
        if (entry.meter != meter->second || entry.draw <= 0) continue;
        const double units = static_cast<double>(layer.amount / entry.draw) / 3.6e9;
        double& here = most[kind_of(record.pool.shape)];
        here = std::max(here, units);
      }
    }
    for (const auto& [kind, units] : most) cells[kind].covered += units;
  }

  double value() const {
    double sum = fees_;
    for (const Due& due : dues_) sum += due.mu * due.needed;
    std::vector<std::pair<double, double>> by_price;
    for (const Cell& cell : cells_) {
      by_price.clear();
      for (const Choice& choice : cell.choices) {
        double price = choice.price;
        for (const auto& [due, dollars] : choice.counts) price -= dues_[due].mu * dollars;
        by_price.emplace_back(price, choice.capacity);
      }
      std::sort(by_price.begin(), by_price.end());
      double left = cell.used - cell.covered;
      for (const auto& [price, capacity] : by_price) {
        const double here = std::min(left, capacity);
        sum += here * price;
        left -= here;
      }
    }
    return sum;
  }

  const State& state_;
  Book& book_;
  Timestamp begin_, until_;
  double fees_ = 0;
  std::vector<Due> dues_;
  std::vector<Cell> cells_;
};

}  // namespace

Result<Json> bill_figures_of(const State& state, Timestamp begin, Timestamp until) {
  const Contracts contracts = contracts_with_gone(state);
  Accounts accounts(contracts, begin);
  std::map<Hour, std::vector<UsageSlice>> usage;
  for (UsageSlice& slice : total_usage_of(state, begin, until)) {
    if (auto ok = accounts.add(slice); !ok) return fail(ok.error());
    usage[slice.hour].push_back(std::move(slice));
  }
  if (auto ok = accounts.settle(ceil<hours>(until), until); !ok) return fail(ok.error());

  Book book(contracts);
  std::map<std::string, MeterId> meters;
  for (const auto& [name, record] : state.pools()) {
    if (const auto meter = book.meter(meter_of(record.pool, contracts))) meters[name] = *meter;
  }
  Bound bound(state, book, begin, until);
  Exact all, fees, due;
  for (const Entry& entry : accounts.ledger().entries()) {
    const Charge& row = entry.row;
    all += row.billed;
    if (row.category == Category::purchase) {
      fees += row.billed;
      bound.add_fee(row);
    } else if (row.category != Category::usage) {
      due += row.billed;
    }
  }
  for (const auto& [hour, slices] : usage) {
    std::map<MeterId, std::int64_t> units;
    for (const UsageSlice& slice : slices) {
      if (const auto meter = book.meter(slice.meter)) units[*meter] += slice.unit_seconds;
    }
    bound.add_usage(hour, units, meters);
  }
  Json out;
  out["bill_usd"] = rounded(in_dollars(all));
  out["fees_usd"] = rounded(in_dollars(fees));
  out["usage_usd"] = rounded(in_dollars(all - fees - due));
  out["due_usd"] = rounded(in_dollars(due));
  out["bill_bound_usd"] = rounded(bound.best());
  return out;
}

}  // namespace mohona

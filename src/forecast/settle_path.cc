#include "forecast/settle_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "forecast/blocks.h"
#include "forecast/demand.h"
#include "money/close.h"
#include "money/settle.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr std::int64_t seconds_an_hour = 3'600;

// What the block's hours are charged together. They are alike, so this is their exact sum. False:
// it is more than a Quantity holds.
[[nodiscard]] bool multiply(Charge& row, std::int64_t count) {
  std::int64_t& quantity = row.quantity.unit_micros;
  if (__builtin_mul_overflow(quantity, count, &quantity)) return false;
  row.billed.value *= count;
  row.effective.value *= count;
  row.list.value *= count;
  row.contracted.value *= count;
  row.drawn *= count;
  return true;
}

// A demand as settlement sees it.
struct Served {
  MeterId meter = 0;
  ResourceId resource = 0;
  std::vector<Want> wants;  // by block
  Price price;              // the first list price: by it work is counted that could not run
};

class PathSettlement {
 public:
  PathSettlement(Assumptions assumptions, std::int64_t path)
      : assumptions_(delivered(std::move(assumptions), path)),
        blocks_(blocks_of(assumptions_)),
        book_(assumptions_.contracts),
        end_(end_of(assumptions_)),
        bills_(static_cast<std::size_t>(assumptions_.years)) {
    idle_.resize(book_.terms().size());
    for (auto& idle : idle_) idle.resize(blocks_.size());
    path_ = path;
  }

  Result<PathOutcome> run() {
    for (const ExpectedDemand& demand : assumptions_.demand) {
      const auto meter = book_.meter(demand.meter);
      if (!meter) {
        return fail(meter.error().code,
                    fmt::format("demand '{}': {}", demand.name, meter.error().message));
      }
      served_.push_back(
          {*meter, book_.resource(demand.name), wants(assumptions_, demand, blocks_, path_), {}});
    }
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      if (auto ok = settle(i); !ok) return fail(ok.error());
    }
    if (auto ok = close(); !ok) return fail(ok.error());
    return outcome();
  }

 private:
  Result<void> settle(std::size_t i);
  Result<void> close();
  void note_idle(std::size_t i);
  void bill(std::int64_t year, Exact amount) {
    bills_[static_cast<std::size_t>(std::clamp<std::int64_t>(year, 0, assumptions_.years - 1))] +=
        amount;
  }
  std::int64_t year_of(Timestamp at) const {
    std::int64_t year = 0;
    while (year + 1 < assumptions_.years && at >= add_months(assumptions_.begin, 12 * (year + 1)))
      ++year;
    return year;
  }
  PathOutcome outcome() const;
  void add_milestones(TermId id, PathOutcome& out) const;
  std::optional<Hour> last_hour(TermId id, const Window& period, Exact missing) const;

  Assumptions assumptions_;
  std::vector<Block> blocks_;
  Book book_;
  Ledger ledger_;
  Timestamp end_;
  std::int64_t path_ = 0;
  std::vector<Served> served_;
  std::vector<Exact> bills_;  // by year
  Exact unserved_;
  std::vector<std::vector<Exact>> idle_;  // by minimum and block: what idle capacity would draw
  std::vector<Slice> slices_;
  std::vector<Charge> rows_;
};

Result<void> PathSettlement::settle(std::size_t i) {
  const Block& block = blocks_[i];
  slices_.clear(), rows_.clear();
  for (const Served& one : served_) {
    const Want& want = one.wants[i];
    // Thousandths of units to unit-seconds of the hour, half up.
    const std::int64_t seconds = (want.used() * seconds_an_hour + 500) / 1'000;
    if (seconds > 0) slices_.push_back({one.meter, one.resource, seconds});
  }
  if (auto ok = settle_hour(book_, block.hour, slices_, rows_); !ok) return ok;
  Exact billed;
  for (Charge& row : rows_) {
    if (!multiply(row, block.count)) {
      return fail(Code::invalid, fmt::format("there are too many units of one thing at {}",
                                             format_timestamp(block.hour)));
    }
    billed += row.billed;
  }
  bill(year_of(block.hour), billed);
  note_idle(i);
  return ledger_.post(Ledger::Of::hour, block.hour, book_.version(), rows_);
}

// Demand that found no capacity, and capacity that found no demand. The latter helps a minimum
// where what it runs is paid: not where a commitment would take it.
void PathSettlement::note_idle(std::size_t i) {
  const Block& block = blocks_[i];
  const HourTerms& terms = book_.terms(block.hour);
  for (Served& one : served_) {
    const Want& want = one.wants[i];
    const MeterTerms& meter = terms.meters[one.meter];
    const auto amount = [&](Price price, std::int64_t milli) {
      return exact(price, {milli * (unit_hour.unit_micros / 1'000) * block.count});
    };
    if (one.price == Price{}) one.price = meter.list;
    unserved_ += amount(one.price, want.wanted - want.used());
    const std::int64_t spare = want.capacity - want.used();
    const bool covered =
        std::any_of(terms.commitments.begin(), terms.commitments.end(), [&](const Layer& layer) {
          return std::any_of(layer.order.begin(), layer.order.end(),
                             [&](const Layer::Entry& entry) { return entry.meter == one.meter; });
        });
    if (spare == 0 || covered || !meter.offered) continue;
    // Without a limit an hour is enough for anything.
    const auto drawn = [&](Price price) {
      return want.capacity == unlimited ? exact(Money{INT64_MAX}) : amount(price, spare);
    };
    if (meter.prepaid != none_id) {
      idle_[meter.prepaid][i] += drawn(meter.contracted);
      continue;  // not billed: no other minimum counts it
    }
    for (const Counts& counts : meter.counts) {
      idle_[counts.minimum][i] +=
          part_of(drawn(counts.before_discount ? meter.list : meter.contracted), counts.ppm);
    }
  }
}

Result<void> PathSettlement::close() {
  const std::size_t hours_end = ledger_.entries().size();
  if (auto ok = close_periods(book_, ledger_, end_); !ok) return ok;
  for (std::size_t i = hours_end; i < ledger_.entries().size(); ++i) {
    const Charge& row = ledger_.entries()[i].row;
    bill(year_of(row.end - microseconds(1)), row.billed);
  }
  for (const Payment& payment : assumptions_.payments) {
    if (payment.at < end_) bill(year_of(payment.at), exact(payment.amount));
  }
  return {};
}

std::optional<Hour> PathSettlement::last_hour(TermId id, const Window& period,
                                              Exact missing) const {
  for (std::size_t i = blocks_.size(); i-- > 0;) {
    const Block& block = blocks_[i];
    if (block.hour >= period.to) continue;
    if (block.hour < period.from) break;
    missing -= idle_[id][i];
    if (missing <= Exact{}) return block.hour;
  }
  return std::nullopt;
}

void PathSettlement::add_milestones(TermId id, PathOutcome& out) const {
  const auto at_end = draw_downs(book_, ledger_, id, end_);
  const auto today = draw_downs(book_, ledger_, id, assumptions_.today);
  for (std::size_t i = 0; i < at_end.size(); ++i) {
    const DrawDown& period = at_end[i];
    if (period.period.to > end_) continue;
    MilestoneOutcome one{rounded(period.needed), rounded(period.drawn), rounded(period.missing)};
    if (i < today.size()) one.drawn_today = rounded(today[i].drawn);
    if (period.missing > Exact{}) one.last = last_hour(id, period.period, period.missing);
    out.milestones.push_back(one);
  }
}

PathOutcome PathSettlement::outcome() const {
  PathOutcome out;
  for (const Exact bill : bills_) out.bills.push_back(rounded(bill));
  out.unserved = rounded(unserved_);
  for (TermId id = 0; id < book_.terms().size(); ++id) {
    if (book_.is(id, Term::Kind::minimum)) add_milestones(id, out);
    if (!book_.is(id, Term::Kind::commitment)) continue;
    const Balance balance = ledger_.balance(id);
    const Wide all = balance.used + balance.unused;
    out.used_ppm.push_back(all == 0 ? -1
                                    : static_cast<std::int64_t>(balance.used * ppm_whole / all));
  }
  return out;
}

}  // namespace

std::vector<MilestoneKey> milestones_of(const Assumptions& assumptions) {
  std::vector<MilestoneKey> out;
  for (const Contract& contract : assumptions.contracts.contracts) {
    for (const Minimum& minimum : contract.minimums) {
      Timestamp from = minimum.window.from;
      for (const Milestone& milestone : minimum.milestones) {
        if (milestone.due <= end_of(assumptions) && from < end_of(assumptions)) {
          out.push_back({contract.name, minimum.name, from, milestone.due});
        }
        from = milestone.due;
      }
    }
  }
  return out;
}

std::vector<CommitmentKey> commitments_of(const Assumptions& assumptions) {
  std::vector<CommitmentKey> out;
  for (const Contract& contract : assumptions.contracts.contracts) {
    for (const Commitment& commitment : contract.commitments) {
      out.push_back({contract.name, commitment.name});
    }
  }
  return out;
}

Result<PathOutcome> settle_path(const Assumptions& assumptions, std::int64_t path) {
  return PathSettlement(assumptions, path).run();
}

}  // namespace mohona

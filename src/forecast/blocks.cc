#include "forecast/blocks.h"

#include <algorithm>

namespace mohona {
namespace {

using namespace std::chrono;

constexpr int busy_from = 8, busy_to = 20;

class Edges {
 public:
  Edges(Timestamp from, Timestamp to)
      : from_(floor<hours>(from)), to_(floor<hours>(to)), all_{from_, to_} {}

  void add(Hour hour) {
    if (hour > from_ && hour < to_) all_.push_back(hour);
  }
  void add(Timestamp at) {
    if (at <= from_ || at >= to_) return;
    add(floor<hours>(at));
    add(ceil<hours>(at));
  }
  void add(const Window& window) { add(window.from), add(window.to); }
  void add(const std::vector<Step>& steps) {
    for (const Step& step : steps) add(step.from);
  }
  // The hour in which it falls due stands for itself alone.
  void add_due(Timestamp at) {
    if (at >= to_) return;
    add(floor<hours>(at));
    add(floor<hours>(at) + hours(1));
  }
  void add(const std::vector<Fee>& fees) {
    for (const Fee& fee : fees) add_due(fee.due);
  }
  std::vector<Hour> take() {
    std::sort(all_.begin(), all_.end());
    all_.erase(std::unique(all_.begin(), all_.end()), all_.end());
    return std::move(all_);
  }

 private:
  Hour from_, to_;
  std::vector<Hour> all_;
};

void add_contract(Edges& edges, const Contract& contract) {
  for (const Commitment& commitment : contract.commitments) {
    edges.add(commitment.window);
    edges.add(commitment.steps);
    edges.add(commitment.fees);
    for (const Rate& rate : commitment.rates) edges.add(rate.valid);
  }
  for (const Reservation& reservation : contract.reservations) {
    edges.add(reservation.window);
    edges.add(reservation.steps);
  }
  for (const Discount& discount : contract.discounts) edges.add(discount.window);
  for (const Minimum& minimum : contract.minimums) {
    edges.add(minimum.window);
    edges.add(minimum.fees);
    for (const Milestone& milestone : minimum.milestones) edges.add(milestone.due);
  }
}

bool is_busy(Hour hour) {
  const auto of_day = (hour - floor<days>(hour)).count();
  return of_day >= busy_from && of_day < busy_to;
}

// The busy and the quiet hours of [from, to), each by their first one.
void add_blocks(Hour from, Hour to, Block block, std::vector<Block>& out) {
  for (const bool busy : {true, false}) {
    block.count = 0, block.busy = busy;
    for (Hour hour = from; hour < to; hour += hours(1)) {
      if (is_busy(hour) != busy) continue;
      if (block.count++ == 0) block.hour = hour;
    }
    if (block.count > 0) out.push_back(block);
  }
}

}  // namespace

Timestamp add_months(Timestamp at, std::int64_t count) {
  const auto day = floor<days>(at);
  auto date = year_month_day(day) + months(count);
  if (!date.ok()) date = date.year() / date.month() / last;
  return sys_days(date) + (at - day);
}

Timestamp end_of(const Assumptions& assumptions) {
  return add_months(assumptions.begin, 12 * assumptions.years);
}

std::vector<Block> blocks_of(const Assumptions& assumptions) {
  Edges edges(assumptions.begin, end_of(assumptions));
  for (const Contract& contract : assumptions.contracts.contracts) add_contract(edges, contract);
  for (const Offer& offer : assumptions.contracts.offers) edges.add(offer.valid);
  for (const ExpectedDemand& demand : assumptions.demand) {
    edges.add(demand.window);
    for (const Delivery& delivery : demand.deliveries) edges.add(delivery.from);
  }
  for (const OutageChange& outage : assumptions.outages) edges.add(outage.window);
  edges.add(assumptions.today);
  const year_month_day first(floor<days>(assumptions.begin));
  const auto first_month = first.year() / first.month();
  for (std::int64_t month = 0; month <= 12 * assumptions.years; ++month) {
    const sys_days begin(first_month / 1 + months(month));
    for (const int day : {0, 7, 14, 21}) edges.add(Hour(begin + days(day)));
  }

  std::vector<Block> out;
  const std::vector<Hour> all = edges.take();
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    const year_month_day date(floor<days>(all[i]));
    Block block;
    block.month = (date.year() / date.month() - first_month).count();
    block.month_of_year = unsigned(date.month());
    block.week = block.month * 4 + std::min((unsigned(date.day()) - 1) / 7, 3u);
    add_blocks(all[i], all[i + 1], block, out);
  }
  std::sort(out.begin(), out.end(), [](const Block& a, const Block& b) { return a.hour < b.hour; });
  return out;
}

}  // namespace mohona

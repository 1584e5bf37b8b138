#include "focus/totals.h"

namespace mohona {

using namespace std::chrono;

BillSum& BillSum::operator+=(const BillSum& b) {
  rows += b.rows, money += b.money, quantity += b.quantity;
  return *this;
}

BillSide& BillSide::operator+=(const BillSide& b) {
  all += b.all, corrections += b.corrections;
  return *this;
}

Timestamp counted_at(const FocusRow& row) {
  const bool at_begin = row.category == BillCategory::purchase || row.begin == row.end;
  return at_begin ? row.begin : row.end - Duration(1);
}

Timestamp begin_of(BillStep step, Timestamp at) {
  if (step == BillStep::hour) return floor<hours>(at);
  if (step == BillStep::day) return floor<days>(at);
  const year_month_day date(floor<days>(at));
  return sys_days(date.year() / date.month() / 1);
}

namespace {

BillPart part_of(const FocusRow& row) {
  switch (row.category) {
    case BillCategory::usage:
      return row.status == BillStatus::unused ? BillPart::unused : BillPart::usage;
    case BillCategory::purchase:
      return BillPart::purchase;
    case BillCategory::tax:
      return BillPart::tax;
    case BillCategory::credit:
      return BillPart::credit;
    case BillCategory::adjustment:
      break;
  }
  return BillPart::adjustment;
}

BillGroup group_of(const FocusRow& row) {
  BillGroup out;
  BillThing& thing = out.thing;
  thing.part = part_of(row);
  thing.cloud = row.cloud;
  thing.commitment = row.commitment;
  const bool used = thing.part == BillPart::usage;
  if (used || thing.commitment.empty()) thing.region = row.region, thing.sku = row.sku;
  if (used) thing.unit = row.unit;
  const Duration length = row.end - row.begin;
  out.step = length <= hours(1)  ? BillStep::hour
             : length <= days(1) ? BillStep::day
                                 : BillStep::month;
  out.begin = begin_of(out.step, counted_at(row));
  return out;
}

}  // namespace

void BillTotals::add(const FocusRow& row, BillMeasure measure) {
  const BillMoney cost = measure == BillMeasure::billed ? row.billed : row.effective;
  const BillSum sum{1, cost, row.quantity.value_or(BillQuantity{})};
  BillSide& side = groups[group_of(row)];
  side.all += sum;
  if (row.correction) side.corrections += sum;
  ++rows;
  money += cost;
}

std::set<std::string> BillTotals::clouds() const {
  std::set<std::string> out;
  for (const auto& [group, side] : groups) out.insert(group.thing.cloud);
  return out;
}

BillTotals totals_of(std::span<const FocusRow> rows, BillMeasure measure) {
  BillTotals out;
  for (const FocusRow& row : rows) out.add(row, measure);
  return out;
}

}  // namespace mohona

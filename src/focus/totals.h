// Rows of a bill, or of our own settlement, added up to what both can be matched by: so much of it
// is kept as there are groups, however many rows there are.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>

#include "focus/import.h"

namespace mohona {

// What a group is of. What of a commitment nothing used is no usage of anything.
enum class BillPart { usage, unused, purchase, tax, credit, adjustment };

// How long the period is that a group stands for. Longer ones count in one month, as on an invoice:
// a purchase in that of its beginning, anything else in that of its end.
enum class BillStep { hour, day, month };

// What is alike on both sides but for the time. What belongs to a commitment alone (a fee, what
// was not used) is matched by the commitment; sku and region are then each side's own matter, and
// are empty here. Units are told apart only of what was used.
struct BillThing {
  BillPart part = BillPart::usage;
  std::string cloud, region, sku, unit;
  std::string commitment;
  friend auto operator<=>(const BillThing&, const BillThing&) = default;
};

// One side of a group.
struct BillSum {
  std::size_t rows = 0;
  BillMoney money;
  BillQuantity quantity;
  BillSum& operator+=(const BillSum& b);
  friend bool operator==(const BillSum&, const BillSum&) = default;
};
struct BillSide {
  BillSum all;
  BillSum corrections;  // of which rows of the class Correction are so much
  BillSide& operator+=(const BillSide& b);
  friend bool operator==(const BillSide&, const BillSide&) = default;
};

struct BillGroup {
  BillThing thing;
  BillStep step = BillStep::hour;
  Timestamp begin;  // of the hour, day or month
  friend auto operator<=>(const BillGroup& a, const BillGroup& b) {
    return std::tie(a.begin, a.thing, a.step) <=> std::tie(b.begin, b.thing, b.step);
  }
  friend bool operator==(const BillGroup&, const BillGroup&) = default;
};

// Cash, or the same money where it was used.
enum class BillMeasure { billed, effective };

struct BillTotals {
  std::map<BillGroup, BillSide> groups;
  std::size_t rows = 0;
  BillMoney money;

  void add(const FocusRow& row, BillMeasure measure);
  std::set<std::string> clouds() const;
};

BillTotals totals_of(std::span<const FocusRow> rows, BillMeasure measure);

// The instant by which a row counts in a time: the beginning of a purchase, the end of others.
Timestamp counted_at(const FocusRow& row);
// The beginning of the hour, day or month (UTC) that holds `at`.
Timestamp begin_of(BillStep step, Timestamp at);

}  // namespace mohona

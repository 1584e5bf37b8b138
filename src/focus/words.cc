#include "focus/words.h"

#include <fmt/format.h>

#include <array>

#include "money/exact.h"

namespace mohona {
namespace {

// value ÷ 10^places, with at least `least` digits after the point.
std::string decimal(Wide value, int places, std::size_t least) {
  Wide whole = 1;
  for (int i = 0; i < places; ++i) whole *= 10;
  const bool less = value < 0;
  const Wide size = less ? -value : value;
  std::string part = fmt::format("{:0{}}", static_cast<std::int64_t>(size % whole), places);
  while (part.size() > least && part.ends_with('0')) part.pop_back();
  return fmt::format("{}{}{}{}", less ? "-" : "", size / whole, part.empty() ? "" : ".", part);
}

std::string dollars(Wide value, int places) {
  const std::string text = decimal(value, places, 2);
  return value < 0 ? "-$" + text.substr(1) : "$" + text;
}

// What one unit costs, to a nano-dollar.
std::string unit_price(const BillSum& sum) {
  constexpr Wide nanos = 1'000;  // attos × picos per unit ÷ attos per nano-dollar
  const Wide picos = sum.quantity.picos;
  const Wide rest = sum.money.attos % picos;
  return dollars(sum.money.attos / picos * nanos + divide_half_even(rest * nanos, picos), 9);
}

bool has_price(const BillSum& sum) { return sum.quantity > BillQuantity{}; }

std::string amount_of(BillQuantity quantity, const BillThing& thing) {
  const std::string text = to_text(quantity);
  if (thing.unit == "Hours") return text + (text == "1" ? " machine-hour" : " machine-hours");
  return text + " " + (thing.unit.empty() ? "units" : thing.unit);
}

std::string when(const BillGroup& group) {
  const std::string text = format_timestamp(group.begin);
  if (group.step == BillStep::hour) return "on " + text.substr(0, 10) + " at " + text.substr(11, 5);
  return group.step == BillStep::day ? "on " + text.substr(0, 10) : "in " + text.substr(0, 7);
}

std::string what(const BillGroup& group) {
  const BillThing& thing = group.thing;
  const std::string place = thing.region.empty() ? thing.cloud : thing.region;
  if (thing.part != BillPart::usage) {
    const std::string of = thing.commitment.empty() ? thing.sku : thing.commitment;
    return fmt::format("{}{} in {} {}", name(thing.part), of.empty() ? "" : " of " + of, place,
                       when(group));
  }
  const std::string sku = thing.sku.empty() ? "usage of no sku" : thing.sku;
  const std::string under = thing.commitment.empty() ? "" : " under " + thing.commitment;
  return fmt::format("{} in {}{} {}", sku, place, under, when(group));
}

// "4 machine-hours for $220.16".
std::string one_side(const BillSum& sum, const BillThing& thing) {
  if (sum.quantity == BillQuantity{}) return to_text(sum.money);
  return fmt::format("{} for {}", amount_of(sum.quantity, thing), to_text(sum.money));
}

std::string by_quantity(const BillDifference& one) {
  const BillQuantity more = one.bill.quantity - one.ours.quantity;
  const bool on_bill = more > BillQuantity{};
  const BillQuantity size = on_bill ? more : BillQuantity{-more.picos};
  return fmt::format(
      "billed {}{}, we have {}: {} {} only {}", amount_of(one.bill.quantity, one.group.thing),
      has_price(one.bill) ? " at " + unit_price(one.bill) : "", to_text(one.ours.quantity),
      to_text(size), to_text(size) == "1" ? "is" : "are", on_bill ? "on the bill" : "in ours");
}

std::string by_price(const BillDifference& one) {
  if (one.group.thing.part == BillPart::usage && has_price(one.bill) && has_price(one.ours)) {
    return fmt::format("billed {} at {}, our price is {}",
                       amount_of(one.bill.quantity, one.group.thing), unit_price(one.bill),
                       unit_price(one.ours));
  }
  return fmt::format("billed {}, we have {}", to_text(one.bill.money), to_text(one.ours.money));
}

std::string by_correction(const BillDifference& one) {
  if (one.ours.rows == 0) {
    return fmt::format("the bill corrects an earlier one by {}", to_text(one.bill.money));
  }
  if (one.bill.rows == 0) {
    return fmt::format("we have corrected this by {}, the bill has not", to_text(one.ours.money));
  }
  return fmt::format("the bill corrects an earlier one by {}, we by {}", to_text(one.bill.money),
                     to_text(one.ours.money));
}

std::string by_coverage(const BillDifference& one) {
  const std::string bill = to_text(one.bill.quantity), ours = to_text(one.ours.quantity);
  return fmt::format("commitments cover {} of {} on the bill, {}{} in ours",
                     to_text(one.billed_covered), amount_of(one.bill.quantity, one.group.thing),
                     to_text(one.our_covered), bill == ours ? "" : " of " + ours);
}

std::string why(const BillDifference& one) {
  const BillThing& thing = one.group.thing;
  switch (one.kind) {
    case DifferenceKind::rounding:
      return fmt::format("billed {}, we have {}: each row is rounded", to_text(one.bill.money),
                         to_text(one.ours.money));
    case DifferenceKind::corrected:
      return by_correction(one);
    case DifferenceKind::coverage:
      return by_coverage(one);
    case DifferenceKind::unknown_fee:
      return fmt::format("billed {}, our contracts know no such {}", to_text(one.bill.money),
                         name(thing.part));
    case DifferenceKind::only_billed:
      return fmt::format("billed {}, we have none", one_side(one.bill, thing));
    case DifferenceKind::only_ours:
      return fmt::format("we have {}, the bill has none", one_side(one.ours, thing));
    case DifferenceKind::price:
      return by_price(one);
    case DifferenceKind::quantity:
      break;
  }
  return by_quantity(one);
}

}  // namespace

std::string to_text(BillMoney money) { return dollars(money.attos, bill_money_places); }
std::string to_decimal(BillMoney money) { return decimal(money.attos, bill_money_places, 0); }
std::string to_text(BillQuantity quantity) {
  return decimal(divide_half_even(quantity.picos, picos_per_unit / 1'000'000), 6, 0);
}

std::string_view name(BillPart part) {
  constexpr std::array<std::string_view, 6> names = {"usage", "unused", "purchase",
                                                     "tax",   "credit", "adjustment"};
  return names[static_cast<std::size_t>(part)];
}

std::string_view name(BillStep step) {
  constexpr std::array<std::string_view, 3> names = {"hour", "day", "month"};
  return names[static_cast<std::size_t>(step)];
}

std::string sentence(const BillDifference& difference) {
  return what(difference.group) + ": " + why(difference);
}

}  // namespace mohona

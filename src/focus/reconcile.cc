#include "focus/reconcile.h"

#include <algorithm>
#include <optional>

namespace mohona {
namespace {

// A group's two sides.
struct Pair {
  BillSide bill, ours;
};
using Matched = std::map<BillGroup, Pair>;

// Both sides of one group as they are compared: with all corrections, or without some.
struct Compared {
  BillGroup group;
  BillSum bill, ours;
  BillMoney money() const { return bill.money - ours.money; }
};

BillSum operator-(const BillSum& a, const BillSum& b) {
  return {a.rows - b.rows, a.money - b.money, a.quantity - b.quantity};
}

// All usage of one sku at one place goes together, covered or not.
BillThing without_commitment(const BillThing& thing) {
  BillThing out = thing;
  if (thing.part == BillPart::usage) out.commitment.clear();
  return out;
}

// Groups of both sides, each at the coarsest step in which either side has that thing.
Matched matched(const BillTotals& bill, const BillTotals& ours) {
  std::map<BillThing, BillStep> steps;
  for (const BillTotals* side : {&bill, &ours}) {
    for (const auto& [group, sums] : side->groups) {
      BillStep& step = steps[without_commitment(group.thing)];
      step = std::max(step, group.step);
    }
  }
  Matched out;
  const auto add = [&](const BillTotals& side, BillSide Pair::*into) {
    for (const auto& [group, sums] : side.groups) {
      BillGroup coarse = group;
      coarse.step = steps.at(without_commitment(group.thing));
      coarse.begin = begin_of(coarse.step, group.begin);
      out[coarse].*into += sums;
    }
  };
  add(bill, &Pair::bill);
  add(ours, &Pair::ours);
  return out;
}

bool same_quantity(const BillSum& a, const BillSum& b) {
  const Wide apart = (a.quantity - b.quantity).picos;
  const Wide rows = static_cast<Wide>(std::max(a.rows, b.rows));
  return (apart < 0 ? -apart : apart) <= quantity_rounding_of_a_row.picos * rows;
}

BillMoney rounding_of(const BillSum& bill) {
  return {rounding_of_a_row.attos * static_cast<Wide>(bill.rows)};
}

// money × part ÷ whole (above 0), toward 0; nothing if it does not fit.
std::optional<BillMoney> scaled(BillMoney money, BillQuantity part, BillQuantity whole) {
  Wide p = part.picos, w = whole.picos, large = 0, small = 0;
  // Shortened until the rest's product fits. What is lost of it is then a difference of price.
  while (w >> 62 != 0) p /= 2, w /= 2;
  const Wide rest = money.attos % w;
  if (__builtin_mul_overflow(money.attos / w, p, &large)) return {};
  if (__builtin_mul_overflow(rest, p, &small)) return {};
  Wide sum = 0;
  if (__builtin_add_overflow(large, small / w, &sum)) return {};
  // Beyond any difference of two sums it is no part of one.
  constexpr Wide most = Wide{bill_dollars_max} * attos_per_dollar * Wide{bill_rows_max};
  return sum > most || sum < -most ? std::nullopt : std::optional(BillMoney{sum});
}

class Explain {
 public:
  explicit Explain(Reconciliation& out) : out_(out) {}

  // The groups of one thing in one period that differ by commitment alone.
  void family(std::span<const std::pair<const BillGroup*, const Pair*>> members);

 private:
  void add(DifferenceKind kind, const Compared& one, BillMoney money) {
    out_.differences.push_back({kind, one.group, one.bill, one.ours, money, {}, {}});
  }
  bool rounding(const Compared& one);
  Compared without_corrections(const Compared& whole, const Pair& pair);
  bool coverage(const std::vector<Compared>& members);
  void coverage_in_part(const std::vector<Compared>& all, std::vector<Compared>& open);
  void one_by_one(const Compared& one);

  Reconciliation& out_;
};

bool Explain::rounding(const Compared& one) {
  const BillMoney apart = one.money();
  if (apart == BillMoney{}) return true;
  const bool both = one.bill.rows > 0 && one.ours.rows > 0;
  const bool usage = one.group.thing.part == BillPart::usage;
  if (!both || (usage && !same_quantity(one.bill, one.ours))) return false;
  if (abs(apart) > rounding_of(one.bill)) return false;
  add(DifferenceKind::rounding, one, apart);
  return true;
}

// Sets those corrections apart without which both sides agree best; as few as can be.
Compared Explain::without_corrections(const Compared& whole, const Pair& pair) {
  Compared best = whole;
  for (const auto& [bill_has, ours_have] :
       {std::pair{true, false}, std::pair{false, true}, std::pair{true, true}}) {
    Compared one = whole;
    if (bill_has) one.bill = whole.bill - pair.bill.corrections;
    if (ours_have) one.ours = whole.ours - pair.ours.corrections;
    if (abs(one.money()) < abs(best.money())) best = one;
  }
  const BillMoney set_apart = whole.money() - best.money();
  if (set_apart == BillMoney{}) return whole;
  const Compared corrections{whole.group, whole.bill - best.bill, whole.ours - best.ours};
  add(DifferenceKind::corrected, corrections, set_apart);
  return best;
}

bool Explain::coverage(const std::vector<Compared>& members) {
  if (members.empty() || members[0].group.thing.part != BillPart::usage) return false;
  Compared all;
  all.group = members[0].group;
  all.group.thing = without_commitment(all.group.thing);
  BillQuantity billed_covered, our_covered;
  BillMoney money;
  bool moved = false;
  for (const Compared& one : members) {
    all.bill += one.bill, all.ours += one.ours;
    money += one.money();
    moved = moved || !same_quantity(one.bill, one.ours);
    if (one.group.thing.commitment.empty()) continue;
    billed_covered += one.bill.quantity, our_covered += one.ours.quantity;
  }
  // One group alone cannot have lost to another.
  if (members.size() < 2 || !moved || !same_quantity(all.bill, all.ours)) return false;
  out_.differences.push_back({DifferenceKind::coverage, all.group, all.bill, all.ours, money,
                              billed_covered, our_covered});
  return true;
}

// What `moved` of it costs, at our price or, where ours has none of it, at the bill's.
std::optional<BillMoney> cost_of(BillQuantity moved, const Compared& one) {
  for (const BillSum* side : {&one.ours, &one.bill}) {
    if (side->quantity > BillQuantity{}) return scaled(side->money, moved, side->quantity);
  }
  return {};
}

// Where the sku's quantity differs besides: what one commitment covers less on one side and more is
// uncovered there, is set apart. Ours is then compared as if it had been covered as on the bill.
void Explain::coverage_in_part(const std::vector<Compared>& all, std::vector<Compared>& open) {
  const Compared* uncovered = nullptr;
  const Compared* covered = nullptr;
  for (const Compared& one : all) {
    if (same_quantity(one.bill, one.ours)) continue;
    const Compared*& of = one.group.thing.commitment.empty() ? uncovered : covered;
    if (of) return;  // several commitments: who has lost to whom cannot be told
    of = &one;
  }
  if (!uncovered || !covered || uncovered->group.thing.part != BillPart::usage) return;
  const Wide more = (uncovered->bill.quantity - uncovered->ours.quantity).picos;
  const Wide less = (covered->ours.quantity - covered->bill.quantity).picos;
  if ((more > 0) != (less > 0)) return;
  const BillQuantity moved{more > 0 ? std::min(more, less) : std::max(more, less)};
  const auto paid = cost_of(moved, *uncovered), saved = cost_of(moved, *covered);
  if (!paid || !saved) return;
  BillDifference out{DifferenceKind::coverage, uncovered->group, {}, {}, {}, {}, {}};
  out.bill = uncovered->bill, out.ours = uncovered->ours;
  out.bill += covered->bill, out.ours += covered->ours;
  out.billed_covered = covered->bill.quantity, out.our_covered = covered->ours.quantity;
  for (Compared& one : open) {
    const bool is_covered = one.group == covered->group;
    if (!is_covered && one.group != uncovered->group) continue;
    const BillSum change{0, is_covered ? BillMoney{} - *saved : *paid,
                         is_covered ? BillQuantity{} - moved : moved};
    one.ours += change;
    one.ours.rows = std::max<std::size_t>(one.ours.rows, 1);
    out.money += change.money;
  }
  if (out.money != BillMoney{}) out_.differences.push_back(out);
}

void Explain::one_by_one(const Compared& one) {
  const BillPart part = one.group.thing.part;
  const BillMoney apart = one.money();
  const bool usage = part == BillPart::usage;
  if (one.ours.rows == 0) {
    return add(usage || part == BillPart::unused ? DifferenceKind::only_billed
                                                 : DifferenceKind::unknown_fee,
               one, apart);
  }
  if (one.bill.rows == 0) return add(DifferenceKind::only_ours, one, apart);
  if (!usage || same_quantity(one.bill, one.ours)) {
    return add(DifferenceKind::price, one, apart);
  }
  // Quantities of corrections may make a side negative: it has no price then.
  std::optional<BillMoney> by_quantity = apart;
  if (one.ours.quantity > BillQuantity{}) {
    by_quantity = scaled(one.ours.money, one.bill.quantity - one.ours.quantity, one.ours.quantity);
  }
  if (!by_quantity || abs(apart - *by_quantity) <= rounding_of(one.bill)) by_quantity = apart;
  add(DifferenceKind::quantity, one, *by_quantity);
  if (*by_quantity != apart) add(DifferenceKind::price, one, apart - *by_quantity);
}

void Explain::family(std::span<const std::pair<const BillGroup*, const Pair*>> members) {
  std::vector<Compared> open, all;
  bool differ = false;
  for (const auto& [group, pair] : members) {
    Compared one{*group, pair->bill.all, pair->ours.all};
    bool done = rounding(one);
    if (!done) {
      const Compared rest = without_corrections(one, *pair);
      done = rest.money() != one.money() && rounding(rest);
      one = rest;
    }
    all.push_back(one);
    if (done) continue;
    open.push_back(one);
    differ = true;
  }
  if (!differ) return;
  // What costs nothing on both sides has no difference of its own, but may have been covered more.
  std::erase_if(all, [&](const Compared& one) {
    return one.money() != BillMoney{} &&
           std::none_of(open.begin(), open.end(),
                        [&](const Compared& other) { return other.group == one.group; });
  });
  if (coverage(all)) return;
  coverage_in_part(all, open);
  for (const Compared& one : open) {
    if (!rounding(one)) one_by_one(one);
  }
}

}  // namespace

std::string_view name(DifferenceKind kind) {
  constexpr std::array<std::string_view, difference_kinds> names = {
      "rounding",         "late or corrected", "coverage", "fee, tax or credit",
      "only on the bill", "only in ours",      "price",    "quantity"};
  return names[static_cast<std::size_t>(kind)];
}

BillMoney Reconciliation::residual() const {
  BillMoney left = bill - ours;
  for (const OfKind& kind : kinds) left = left - kind.money;
  return left;
}

bool Reconciliation::agrees() const {
  return std::all_of(differences.begin(), differences.end(), [](const BillDifference& one) {
    return one.kind == DifferenceKind::rounding;
  });
}

Reconciliation reconcile(const BillTotals& bill, const BillTotals& ours) {
  Reconciliation out;
  out.bill_rows = bill.rows, out.our_rows = ours.rows;
  out.bill = bill.money, out.ours = ours.money;
  const Matched groups = matched(bill, ours);
  // By period and thing, so that the groups of one sku stand together.
  std::map<BillGroup, std::vector<std::pair<const BillGroup*, const Pair*>>> families;
  for (const auto& [group, pair] : groups) {
    BillGroup key = group;
    key.thing = without_commitment(group.thing);
    families[key].push_back({&group, &pair});
  }
  Explain explain(out);
  for (const auto& [key, members] : families) explain.family(members);
  std::sort(out.differences.begin(), out.differences.end(),
            [](const BillDifference& a, const BillDifference& b) {
              return std::tuple(-abs(a.money).attos, std::tie(a.group), a.kind) <
                     std::tuple(-abs(b.money).attos, std::tie(b.group), b.kind);
            });
  for (const BillDifference& one : out.differences) {
    Reconciliation::OfKind& kind = out.kinds[static_cast<std::size_t>(one.kind)];
    ++kind.differences, kind.rows += one.rows();
    kind.money += one.money, kind.size += abs(one.money);
  }
  return out;
}

}  // namespace mohona

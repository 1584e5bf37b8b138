// Differences that were put there are found as what they are, and whatever the rows, what is
// explained adds up to the bill less ours.
#include "focus/reconcile.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "focus/words.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

const Timestamp start = *parse_timestamp("2026-03-04T00:00:00Z");

BillMoney cents(std::int64_t n) { return {attos_per_dollar / 100 * n}; }

FocusRow usage(int hour, std::int64_t units, std::int64_t price_cents) {
  FocusRow row;
  row.begin = start + std::chrono::hours(hour), row.end = row.begin + 1h;
  row.cloud = "aws", row.sku = "p5.48xlarge", row.region = "us-east-1", row.unit = "Hours";
  row.quantity = BillQuantity{picos_per_unit * units};
  row.billed = row.effective = cents(units * price_cents);
  return row;
}

FocusRow covered(int hour, std::int64_t units) {
  FocusRow row = usage(hour, units, 0);
  row.commitment = "aws/plan", row.status = BillStatus::used;
  row.effective = cents(units * 4000);
  return row;
}

FocusRow fee(std::int64_t amount) {
  FocusRow row;
  row.begin = start, row.end = start + 1h;
  row.category = BillCategory::purchase;
  row.cloud = "aws", row.sku = "fee", row.commitment = "aws/plan", row.unit = "Units";
  row.quantity = BillQuantity{picos_per_unit};
  row.billed = cents(amount);
  return row;
}

FocusRow with(FocusRow row, const std::function<void(FocusRow&)>& change) {
  change(row);
  return row;
}

using Rows = std::vector<FocusRow>;

// KIND MONEY SENTENCE, one line each.
std::string found(const Rows& bill, const Rows& ours, BillMeasure measure = BillMeasure::billed) {
  const Reconciliation out = reconcile(totals_of(bill, measure), totals_of(ours, measure));
  EXPECT_EQ(out.residual(), BillMoney{});
  std::string text;
  for (const BillDifference& one : out.differences) {
    text += fmt::format("{} {} {}\n", name(one.kind), to_text(one.money), sentence(one));
  }
  return text;
}

TEST(Reconcile, ASetAgainstItselfHasNoDifference) {
  const Rows rows = {usage(0, 4, 5504), covered(0, 20), fee(800'00), usage(1, 3, 5504)};
  EXPECT_EQ(found(rows, rows), "");
  EXPECT_EQ(found(rows, rows, BillMeasure::effective), "");
}

TEST(Reconcile, HalfACentARowIsRounding) {
  const auto off = [](std::int64_t millis) {
    return with(usage(0, 1, 5504),
                [&](FocusRow& r) { r.billed.attos += millis * 1'000'000'000'000'000; });
  };
  EXPECT_EQ(found({off(5)}, {usage(0, 1, 5504)}),
            "rounding $0.005 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: billed $55.045, we "
            "have $55.04: each row is rounded\n");
  EXPECT_EQ(found({off(6)}, {usage(0, 1, 5504)}),
            "price $0.006 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: billed 1 "
            "machine-hour at $55.046, our price is $55.04\n");
}

TEST(Reconcile, RoundingIsOfWhatBothHave) {
  FocusRow cheap = usage(0, 1, 0);
  cheap.billed = {attos_per_dollar / 250};
  EXPECT_EQ(found({cheap}, {}),
            "only on the bill $0.004 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: billed 1 "
            "machine-hour for $0.004, we have none\n");
}

TEST(Reconcile, AnotherQuantity) {
  EXPECT_EQ(found({usage(0, 24, 5504)}, {usage(0, 20, 5504)}),
            "quantity $220.16 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: billed 24 "
            "machine-hours at $55.04, we have 20: 4 are only on the bill\n");
  EXPECT_EQ(found({usage(0, 19, 5504)}, {usage(0, 20, 5504)}),
            "quantity -$55.04 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: billed 19 "
            "machine-hours at $55.04, we have 20: 1 is only in ours\n");
}

TEST(Reconcile, AnotherPrice) {
  EXPECT_EQ(found({usage(0, 20, 6000)}, {usage(0, 20, 5504)}),
            "price $99.20 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: billed 20 "
            "machine-hours at $60.00, our price is $55.04\n");
}

TEST(Reconcile, QuantityAndPriceBothDiffer) {
  // 4 more at our 55.04, and 24 at 4.96 more.
  EXPECT_EQ(found({usage(0, 24, 6000)}, {usage(0, 20, 5504)}),
            "quantity $220.16 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: billed 24 "
            "machine-hours at $60.00, we have 20: 4 are only on the bill\n"
            "price $119.04 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: billed 24 "
            "machine-hours at $60.00, our price is $55.04\n");
}

TEST(Reconcile, AnotherPartIsCovered) {
  const char* sentence =
      "p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: commitments cover 20 of 24 machine-hours "
      "on the bill, 24 in ours\n";
  EXPECT_EQ(found({usage(0, 4, 5504), covered(0, 20)}, {covered(0, 24)}),
            std::string("coverage $220.16 ") + sentence);
  // By effective cost the covered hours differ as well; it is one difference all the same.
  EXPECT_EQ(found({usage(0, 4, 5504), covered(0, 20)}, {covered(0, 24)}, BillMeasure::effective),
            std::string("coverage $60.16 ") + sentence);
}

TEST(Reconcile, AnotherPartIsCoveredAndTheQuantityDiffersBesides) {
  // 4 hours are paid that the plan covers in ours, and 2 more ran.
  EXPECT_EQ(
      found({usage(0, 6, 5504), covered(0, 20)}, {covered(0, 24)}),
      "coverage $220.16 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: commitments cover 20 "
      "of 26 machine-hours on the bill, 24 of 24 in ours\n"
      "quantity $110.08 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: billed 6 "
      "machine-hours at $55.04, we have 4: 2 are only on the bill\n");
  // The other way round, by effective cost: 3 more are covered on the bill, 1 is only there.
  EXPECT_EQ(
      found({usage(0, 2, 5504), covered(0, 24)}, {usage(0, 5, 5504), covered(0, 20)},
            BillMeasure::effective),
      "coverage -$45.12 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: commitments cover 24 "
      "of 26 machine-hours on the bill, 20 of 25 in ours\n"
      "quantity $40.00 p5.48xlarge in us-east-1 under aws/plan on 2026-03-04 at 00:00: billed "
      "24 machine-hours at $40.00, we have 23: 1 is only on the bill\n");
}

TEST(Reconcile, CorrectionsThatOursDoesNotHave) {
  const FocusRow late = with(usage(0, 2, 5504), [](FocusRow& r) { r.correction = true; });
  EXPECT_EQ(found({usage(0, 20, 5504), late}, {usage(0, 20, 5504)}),
            "late or corrected $110.08 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: the bill "
            "corrects an earlier one by $110.08\n");
  EXPECT_EQ(found({usage(0, 20, 5504)}, {usage(0, 20, 5504), late}),
            "late or corrected -$110.08 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: we have "
            "corrected this by $110.08, the bill has not\n");
  // The bill has corrected what ours had from the beginning: both agree.
  EXPECT_EQ(found({usage(0, 20, 5504), late}, {usage(0, 22, 5504)}), "");
  // A correction, and a quantity besides.
  EXPECT_EQ(found({usage(0, 21, 5504), late}, {usage(0, 20, 5504)}),
            "late or corrected $110.08 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: the bill "
            "corrects an earlier one by $110.08\n"
            "quantity $55.04 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: billed 21 "
            "machine-hours at $55.04, we have 20: 1 is only on the bill\n");
}

TEST(Reconcile, FeesThatAreNotKnown) {
  const FocusRow tax = with(fee(1900), [](FocusRow& r) {
    r.category = BillCategory::tax, r.commitment = "", r.sku = "VAT", r.quantity.reset();
  });
  EXPECT_EQ(
      found({tax, fee(500)}, {fee(500)}),
      "fee, tax or credit $19.00 tax of VAT in aws on 2026-03-04 at 00:00: billed $19.00, our "
      "contracts know no such tax\n");
  EXPECT_EQ(found({fee(600)}, {fee(500)}),
            "price $1.00 purchase of aws/plan in aws on 2026-03-04 at 00:00: billed $6.00, we have "
            "$5.00\n");
  // A commitment's fee is matched by the commitment: each side names the sku as it likes.
  const FocusRow other = with(fee(500), [](FocusRow& r) { r.sku = "8NZ", r.region = "us-east-1"; });
  EXPECT_EQ(found({other}, {fee(500)}), "");
}

TEST(Reconcile, OnlyOneHasIt) {
  EXPECT_EQ(found({usage(0, 2, 5504)}, {}),
            "only on the bill $110.08 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: billed 2 "
            "machine-hours for $110.08, we have none\n");
  EXPECT_EQ(found({}, {usage(0, 2, 5504)}),
            "only in ours -$110.08 p5.48xlarge in us-east-1 on 2026-03-04 at 00:00: we have 2 "
            "machine-hours for $110.08, the bill has none\n");
}

TEST(Reconcile, TheCoarserPeriodIsCompared) {
  const FocusRow day = with(usage(0, 24, 5504), [](FocusRow& r) { r.end = r.begin + 24h; });
  Rows hours;
  for (int i = 0; i < 24; ++i) hours.push_back(usage(i, 1, 5504));
  EXPECT_EQ(found({day}, hours), "");
  EXPECT_EQ(found(hours, {day}), "");
  hours.pop_back();
  EXPECT_EQ(found({day}, hours),
            "quantity $55.04 p5.48xlarge in us-east-1 on 2026-03-04: billed 24 machine-hours at "
            "$55.04, we have 23: 1 is only on the bill\n");
  // A month's row, whatever its days.
  const FocusRow month = with(usage(0, 23, 5504), [](FocusRow& r) {
    r.begin = *parse_timestamp("2026-03-01"), r.end = *parse_timestamp("2026-04-01");
  });
  EXPECT_EQ(found({month}, hours), "");
}

// A few of everything, so that groups meet.
FocusRow any_row() {
  FocusRow row;
  row.begin = start + std::chrono::hours(*rc::gen::inRange(0, 30));
  row.end = row.begin + *rc::gen::element<Duration>(0h, 1h, 24h, 24h * 31);
  row.category =
      *rc::gen::element(BillCategory::usage, BillCategory::usage, BillCategory::purchase,
                        BillCategory::tax, BillCategory::credit, BillCategory::adjustment);
  row.correction = *rc::gen::inRange(0, 5) == 0;
  row.cloud = *rc::gen::element<std::string>("aws", "gcp");
  row.sku = *rc::gen::element<std::string>("a", "b");
  row.region = *rc::gen::element<std::string>("", "x");
  row.commitment = *rc::gen::element<std::string>("", "", "p", "q");
  if (!row.commitment.empty()) row.status = *rc::gen::element(BillStatus::used, BillStatus::unused);
  row.unit = *rc::gen::element<std::string>("Hours", "Hours", "GB");
  if (*rc::gen::inRange(0, 6) > 0) {
    row.quantity = BillQuantity{Wide{*rc::gen::element<std::int64_t>(
        0, 1, 1'000'000'000'000, 2'000'000'000'000, -1'000'000'000'000, INT64_MAX)}};
  }
  const Wide digits = *rc::gen::element<std::int64_t>(0, 1, 4'999'999'999'999'999, INT64_MAX,
                                                      -3'000'000'000'000'000'000);
  row.billed = {digits * *rc::gen::element<std::int64_t>(1, 1, 2, 10'000'000'000)};
  row.effective = {digits};
  return row;
}

Rows any_rows() { return *rc::gen::container<Rows>(rc::gen::exec(any_row)); }

TEST(Reconcile, WhateverTheRowsNothingIsLeftUnexplained) {
  EXPECT_TRUE(rc::check([] {
    const Rows bill = any_rows(), ours = any_rows();
    const auto measure = *rc::gen::element(BillMeasure::billed, BillMeasure::effective);
    const Reconciliation out = reconcile(totals_of(bill, measure), totals_of(ours, measure));
    BillMoney explained;
    for (const BillDifference& one : out.differences) {
      explained += one.money;
      RC_ASSERT(!sentence(one).empty());
    }
    BillMoney apart;
    for (const FocusRow& row : bill) {
      apart += measure == BillMeasure::billed ? row.billed : row.effective;
    }
    for (const FocusRow& row : ours) {
      apart = apart - (measure == BillMeasure::billed ? row.billed : row.effective);
    }
    RC_ASSERT(explained == apart);
    RC_ASSERT(out.residual() == BillMoney{});
  }));
}

TEST(Reconcile, ItselfAndAnyOrder) {
  EXPECT_TRUE(rc::check([] {
    Rows bill = any_rows(), ours = any_rows();
    RC_ASSERT(found(bill, bill).empty());
    const std::string before = found(bill, ours);
    // Shuffled by a generated key for each row.
    const auto shuffle = [](Rows& rows) {
      std::vector<std::pair<int, FocusRow>> keyed;
      for (const FocusRow& row : rows) keyed.push_back({*rc::gen::inRange(0, 1'000), row});
      std::stable_sort(keyed.begin(), keyed.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = keyed[i].second;
    };
    shuffle(bill), shuffle(ours);
    RC_ASSERT(found(bill, ours) == before);
  }));
}

TEST(Reconcile, OneChangeIsFoundAmongMany) {
  EXPECT_TRUE(rc::check([] {
    Rows ours;
    const int hours = *rc::gen::inRange(1, 20);
    for (int i = 0; i < hours; ++i) {
      ours.push_back(usage(i, *rc::gen::inRange(1, 30), 5504));
      ours.push_back(covered(i, *rc::gen::inRange(1, 30)));
    }
    Rows bill = ours;
    const auto at = static_cast<std::size_t>(2 * *rc::gen::inRange(0, hours));
    const auto n = *rc::gen::inRange(1, 10);
    FocusRow& one = bill[at];
    const auto kind = *rc::gen::element(DifferenceKind::price, DifferenceKind::quantity,
                                        DifferenceKind::coverage, DifferenceKind::only_ours,
                                        DifferenceKind::corrected, DifferenceKind::only_billed,
                                        DifferenceKind::unknown_fee, DifferenceKind::rounding);
    const BillQuantity units{picos_per_unit * n};
    switch (kind) {
      case DifferenceKind::price:
        one.billed += cents(n);
        break;
      case DifferenceKind::quantity:
        one.billed += cents(n * 5504), *one.quantity += units;
        break;
      case DifferenceKind::coverage:
        one.billed += cents(n * 5504), *one.quantity += units;
        bill[at + 1].quantity = *bill[at + 1].quantity - units;
        break;
      case DifferenceKind::only_ours:
        bill.erase(bill.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case DifferenceKind::corrected:
        bill.push_back(with(usage(0, n, 5504), [](FocusRow& r) { r.correction = true; }));
        break;
      case DifferenceKind::only_billed:
        bill.push_back(with(usage(0, n, 5504), [](FocusRow& r) { r.sku = "g6"; }));
        break;
      case DifferenceKind::unknown_fee:
        bill.push_back(fee(n));
        break;
      case DifferenceKind::rounding:
        one.billed.attos += attos_per_dollar / 2'000 * n;
        break;
    }
    const Reconciliation out =
        reconcile(totals_of(bill, BillMeasure::billed), totals_of(ours, BillMeasure::billed));
    RC_ASSERT(out.differences.size() == 1u);
    RC_ASSERT(out.differences[0].kind == kind);
    RC_ASSERT(out.agrees() == (kind == DifferenceKind::rounding));
  }));
}

}  // namespace
}  // namespace mohona

// Every kind of row, as FOCUS 1.2 wants it. The official validator looks at a large export in
// tests/e2e/test_focus.py; what it cannot know (sums) is asserted here.
#include "focus/export.h"

#include <gtest/gtest.h>

#include <map>

#include "money/accounts.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

const Timestamp start{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};
const Hour first = std::chrono::floor<std::chrono::hours>(start);

using Row = std::map<std::string, std::string>;

std::vector<Row> rows_of(const Accounts& accounts) {
  std::vector<Row> rows;
  bool heading = true;
  export_focus(accounts.book(), accounts.ledger(), {}, [&](std::string_view line) {
    EXPECT_TRUE(line.ends_with('\n'));
    if (std::exchange(heading, false)) return;
    Row row;
    std::size_t column = 0;
    std::string field;
    bool quoted = false;
    for (const char c : line) {
      if (c == '"') {
        quoted = !quoted;
      } else if (!quoted && (c == ',' || c == '\n')) {
        if (!field.empty()) row[std::string(focus_columns().at(column))] = field;
        field.clear();
        ++column;
      } else {
        field += c;
      }
    }
    EXPECT_EQ(column, focus_columns().size());
    rows.push_back(row);
  });
  return rows;
}

// $1 an hour at half price, for a machine of $4: a quarter of two machines... and one hour unused.
Contracts contracts() {
  Offer offer;
  offer.sku = "box";
  offer.place = {"aws", "us-east-1", ""};
  offer.unit = "instance";
  offer.tiers = {{0, {4'000'000'000}}};
  Commitment plan;
  plan.name = "plan";
  plan.draw = Draw::plan_rate;
  plan.window = {start, start + 24h};
  plan.steps = {{start, 1'000'000'000, {1'000'000'000}}};
  plan.rates = {{{}, {}, 500'000, {}}};
  Contract contract;
  contract.name = contract.cloud = "aws";
  contract.account = "payer";
  contract.commitments = {plan};
  return {{contract}, {offer}};
}

Accounts books() {
  Accounts accounts(contracts(), start);
  EXPECT_TRUE(
      accounts.add({"i-1", {"box", {"aws", "us-east-1", "us-east-1a"}, "team", ""}, first, 3'600}));
  EXPECT_TRUE(accounts.settle(start + 2h));
  return accounts;
}

const Row& the_row(const std::vector<Row>& rows, const Row& with) {
  static const Row nothing;
  for (const Row& row : rows) {
    const bool all = std::all_of(with.begin(), with.end(), [&](const auto& field) {
      const auto found = row.find(field.first);
      return found != row.end() && found->second == field.second;
    });
    if (all) return row;
  }
  ADD_FAILURE() << "no such row";
  return nothing;
}

TEST(Focus, UsageIsSplitAtThePlansEdge) {
  const auto rows = rows_of(books());
  // $1 covers half an hour at $2; the other half costs $2.
  const Row covered =
      the_row(rows, {{"ChargeCategory", "Usage"}, {"CommitmentDiscountStatus", "Used"}});
  EXPECT_EQ(covered.at("PricingCategory"), "Committed");
  EXPECT_EQ(covered.at("PricingQuantity"), "0.5");
  EXPECT_EQ(covered.at("BilledCost"), "0");
  EXPECT_EQ(covered.at("EffectiveCost"), "1");
  EXPECT_EQ(covered.at("ListCost"), "2");
  EXPECT_EQ(covered.at("ResourceId"), "i-1");
  EXPECT_EQ(covered.at("SubAccountId"), "team");
  EXPECT_EQ(covered.at("CommitmentDiscountId"), "aws/plan");
  EXPECT_EQ(covered.at("CommitmentDiscountQuantity"), "1");
  EXPECT_EQ(covered.at("CommitmentDiscountUnit"), "USD");
  const Row rest = the_row(rows, {{"ChargeCategory", "Usage"}, {"PricingCategory", "Standard"}});
  EXPECT_EQ(rest.at("BilledCost"), "2");
  EXPECT_EQ(rest.at("EffectiveCost"), "2");
  EXPECT_EQ(rest.at("ChargePeriodStart"), "2026-01-01T00:00:00Z");
  EXPECT_EQ(rest.at("ChargePeriodEnd"), "2026-01-01T01:00:00Z");
  EXPECT_EQ(rest.at("BillingPeriodEnd"), "2026-02-01T00:00:00Z");
  EXPECT_FALSE(rest.contains("CommitmentDiscountId"));
}

TEST(Focus, WhatIsLeftOverIsTheCommitmentsOwn) {
  const Row unused = the_row(rows_of(books()), {{"CommitmentDiscountStatus", "Unused"}});
  EXPECT_EQ(unused.at("ResourceId"), "aws/plan");
  EXPECT_EQ(unused.at("EffectiveCost"), "1");
  EXPECT_EQ(unused.at("BilledCost"), "0");
  EXPECT_EQ(unused.at("BillingAccountId"), "payer");
  EXPECT_FALSE(unused.contains("ConsumedQuantity"));
}

TEST(Focus, FeesArePurchasesWithoutEffectiveCost) {
  const Row fee = the_row(rows_of(books()), {{"ChargeCategory", "Purchase"}});
  EXPECT_EQ(fee.at("BilledCost"), "1");
  EXPECT_EQ(fee.at("EffectiveCost"), "0");
  EXPECT_EQ(fee.at("ChargeFrequency"), "Recurring");
  EXPECT_EQ(fee.at("PricingCategory"), "Standard");
  EXPECT_EQ(fee.at("ResourceId"), "aws/plan");
}

TEST(Focus, LateUsageIsACorrection) {
  Accounts accounts = books();
  ASSERT_TRUE(
      accounts.add({"i-2", {"box", {"aws", "us-east-1", "us-east-1a"}, "team", ""}, first, 1'800}));
  ASSERT_TRUE(accounts.settle(start + 2h));
  const Row late = the_row(rows_of(accounts), {{"ChargeClass", "Correction"}});
  EXPECT_EQ(late.at("ChargePeriodStart"), "2026-01-01T00:00:00Z");
  EXPECT_FALSE(late.contains("ListUnitPrice"));
}

TEST(Focus, BilledAndEffectiveCostAddUpToTheLedgers) {
  const Accounts accounts = books();
  Exact billed, effective;
  for (const Entry& entry : accounts.ledger().entries()) {
    billed += entry.row.billed, effective += entry.row.effective;
  }
  double sum_billed = 0, sum_effective = 0;
  for (const Row& row : rows_of(accounts)) {
    sum_billed += std::stod(row.at("BilledCost"));
    sum_effective += std::stod(row.at("EffectiveCost"));
  }
  EXPECT_DOUBLE_EQ(sum_billed * 1e6, static_cast<double>(rounded(billed).micros));
  EXPECT_DOUBLE_EQ(sum_effective * 1e6, static_cast<double>(rounded(effective).micros));
  EXPECT_EQ(billed, effective);
}

}  // namespace
}  // namespace mohona

// The marginal price is the difference of two settlements, to the last part of a nano-dollar.
#include "money/price.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/seeds.h"
#include "money/random_world.h"
#include "money/settle.h"

namespace mohona {
namespace {

struct Cost {
  Exact cash;                     // billed, and drawn from what was paid ahead
  std::map<TermId, Wide> toward;  // minimums, in millionths of Exact
};

Cost cost_of(Book& book, const std::vector<Slice>& slices) {
  std::vector<Charge> rows;
  EXPECT_TRUE(settle_hour(book, begin + std::chrono::hours(4), slices, rows));
  Cost out;
  for (const Charge& row : rows) {
    if (row.category != Category::usage || row.meter == none_id) continue;
    const bool prepaid = row.commitment != none_id && book.is(row.commitment, Term::Kind::minimum);
    out.cash += prepaid ? Exact{row.drawn} : row.billed;
    if (prepaid) out.toward[row.commitment] += row.drawn * ppm_whole;
    if (row.billed == Exact{}) continue;
    for (const Counts& counts :
         book.terms(begin + std::chrono::hours(4)).meters[row.meter].counts) {
      const Exact counted = counts.before_discount ? row.list : row.billed;
      out.toward[counts.minimum] += counted.value * counts.ppm;
    }
  }
  return out;
}

class Question {
 public:
  explicit Question(std::uint64_t seed)
      : world_(seed), book_((world_.add_other_terms(), world_.contracts)) {
    for (const UsageSlice& slice : world_.usage) {
      slices_.push_back(
          {*book_.meter(slice.meter), book_.resource(slice.resource), slice.unit_seconds});
    }
    more_ = {
        *book_.meter({"s" + std::to_string(world_.dice().below(5)), {"c", "r", "z0"}, "a", ""}),
        book_.resource("more"), 3'600};
    for (TermId id = 0; id < book_.terms().size(); ++id) {
      mu_.push_back(world_.dice().below(1'000'000'001));
    }
  }

  void check() {
    Now now(book_, begin + std::chrono::hours(4));
    for (const Slice& slice : slices_) now.add(slice.meter, unit_seconds(slice.unit_seconds));
    const Cost before = cost_of(book_, slices_);
    const MarginalPrice price = now.price({.meter = more_.meter, .relief_ppb = mu_});
    slices_.push_back(more_);
    const Cost after = cost_of(book_, slices_);
    EXPECT_TRUE(price.rate + price.displaced == after.cash - before.cash);
    check_relief(price, before, after);

    // Asking changes nothing; what comes and goes leaves nothing behind.
    now.add(more_.meter, unit_hour);
    now.add(more_.meter, {-unit_hour.unit_micros});
    const MarginalPrice again = now.price({.meter = more_.meter, .relief_ppb = mu_});
    EXPECT_TRUE(again.rate == price.rate && again.displaced == price.displaced &&
                again.relief == price.relief);
  }

 private:
  // Each meter's part is rounded by itself, by less than one unit of Exact.
  void check_relief(const MarginalPrice& price, const Cost& before, const Cost& after) {
    Wide relief = 0;
    for (const auto& [minimum, toward] : after.toward) {
      const auto was = before.toward.find(minimum);
      const Wide more = toward - (was == before.toward.end() ? 0 : was->second);
      relief -= scaled(more, mu_[minimum], 1'000'000'000) / ppm_whole;
    }
    const Wide apart = relief - price.relief.value;
    EXPECT_LE(apart < 0 ? -apart : apart, 100);
  }

  RandomWorld world_;
  Book book_;
  std::vector<Slice> slices_;
  Slice more_;
  std::vector<std::int64_t> mu_;
};

TEST(Price, IsTheDifferenceOfTwoSettlements) {
  const auto [first, cases] = asked_seeds(2'000);
  for (std::uint64_t seed = first; seed < first + cases; ++seed) {
    Question(seed).check();
    if (HasFailure()) FAIL() << "MOHONA_SEED=" << seed << " shows it again";
  }
}

// One plan of 1.00 an hour; a saves 50 % (rate 0.50), b 20 % (rate 0.80); both cost 1.00 without
// it.
struct Plan {
  Book book{{{{.name = "aws",
               .cloud = "c",
               .commitments = {{.name = "plan",
                                .window = {begin, begin + std::chrono::hours(1)},
                                .draw = Draw::plan_rate,
                                .steps = {{begin, 1'000'000'000, {1'000'000'000}}},
                                .rates = {{.scope = {.skus = {"a"}}, .off_ppm = 500'000},
                                          {.scope = {.skus = {"b"}}, .off_ppm = 200'000}}}},
               .minimums = {{.name = "year",
                             .window = {begin, begin + std::chrono::hours(1)},
                             .milestones = {{begin + std::chrono::hours(1), {1'000'000}}}}}}},
             {{.sku = "a", .place = {"c", "", ""}, .tiers = {{0, {1'000'000'000}}}},
              {.sku = "b", .place = {"c", "", ""}, .tiers = {{0, {1'000'000'000}}}}}}};
  MeterId a = *book.meter({"a", {"c", "", ""}, "", ""});
  MeterId b = *book.meter({"b", {"c", "", ""}, "", ""});
  Now now{book, begin};
  std::string price(MeterId meter, std::vector<std::int64_t> mu_ppb = {}) {
    const MarginalPrice p = now.price({.meter = meter,
                                       .relief_ppb = mu_ppb,
                                       .egress = exact(Money{10'000}),
                                       .risk = exact(Money{20'000})});
    const auto text = [](Exact e) { return format_money_exact(rounded(e)); };
    return text(p.rate) + " " + text(p.displaced) + " " + text(p.relief) + " " + text(p.total());
  }
};

//                                          rate     displaced relief   with 0.01 egress and 0.02
//                                          risk
TEST(Price, OfARoomyPlanIsNothing) {
  Plan plan;
  EXPECT_EQ(plan.price(plan.a), "0.000000 0.000000 0.000000 0.030000");
  EXPECT_EQ(plan.price(plan.b), "0.000000 0.000000 0.000000 0.030000");
}

// The plan is full of b (1.25 of it). One more a draws 0.50 of it; that dollar covered 0.625 of b,
// which now pays 0.625 × 1.00: neither nothing nor the list price of a.
TEST(Price, OfASaturatedPlanIsWhatItDisplaces) {
  Plan plan;
  plan.now.add(plan.b, {2 * unit_hour.unit_micros});
  EXPECT_EQ(plan.price(plan.a), "0.000000 0.625000 0.000000 0.655000");
  EXPECT_EQ(plan.price(plan.b), "1.000000 0.000000 0.000000 1.030000");
}

// A dollar toward a minimum that will be missed for sure is free.
TEST(Price, OfEligibleSpendingTowardAMissedMinimumIsNothing) {
  Plan plan;
  plan.now.add(plan.a, {2 * unit_hour.unit_micros});
  EXPECT_EQ(plan.price(plan.a, {0, 1'000'000'000}), "1.000000 0.000000 -1.000000 0.030000");
  EXPECT_EQ(plan.price(plan.a, {0, 250'000'000}), "1.000000 0.000000 -0.250000 0.780000");
}

}  // namespace
}  // namespace mohona

// What must hold of any hours, contracts and usage. MOHONA_CASES says how many cases, of ten hours
// each; MOHONA_SEED shows one again.
#include "money/settle.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/seeds.h"
#include "money/accounts.h"
#include "money/invoice.h"
#include "money/naive_ledger.h"
#include "money/random_world.h"

namespace mohona {
namespace {

using namespace std::chrono;

void settle_to_the_end(Accounts& accounts) {
  ASSERT_TRUE(accounts.settle(begin + hours(hours_of_a_case)));
}

void check_against_the_naive_ledger(const RandomWorld& world, const Accounts& accounts) {
  NaiveLedger naive;
  for (int i = 0; i < hours_of_a_case; ++i) {
    std::vector<UsageSlice> slices;
    for (const UsageSlice& slice : world.usage) {
      if (slice.hour == begin + hours(i)) slices.push_back(slice);
    }
    naive.settle(world.contracts, begin + hours(i), slices);
  }
  Wide on_demand = 0, running = 0;
  for (const Entry& entry : accounts.ledger().entries()) {
    if (entry.row.cause == Cause::running) running += entry.row.billed.value;
    if (entry.row.cause == Cause::ran) on_demand += entry.row.billed.value;
  }
  EXPECT_TRUE(on_demand == naive.on_demand);
  EXPECT_TRUE(running == naive.running);
  for (TermId id = 0; id < accounts.book().terms().size(); ++id) {
    const Balance balance = accounts.ledger().balance(id);
    const NaiveSum& sum = naive.commitments[accounts.book().terms()[id].name];
    EXPECT_TRUE(balance.used == sum.used && balance.unused == sum.unused &&
                balance.billed.value == sum.fees)
        << accounts.book().terms()[id].name;
  }
}

// Σ used + unused = committed, and Σ effective = Σ billed, exactly, over each commitment's life.
void check_conservation(const RandomWorld& world, const Accounts& accounts) {
  for (TermId id = 0; id < accounts.book().terms().size(); ++id) {
    const Commitment& commitment = world.contracts.contracts[0].commitments[id];
    Wide committed = 0;
    for (int i = 0; i < hours_of_a_case; ++i) {
      committed += promised(commitment.steps, commitment.window, begin + hours(i));
    }
    const Balance balance = accounts.ledger().balance(id);
    EXPECT_TRUE(balance.used + balance.unused == committed) << commitment.name;
    EXPECT_TRUE(balance.effective == balance.billed) << commitment.name;
  }
  for (const Entry& entry : accounts.ledger().entries()) {
    if (entry.correction) continue;
    EXPECT_GE(entry.row.effective, Exact{});
    EXPECT_GE(entry.row.quantity, Quantity{});
  }
}

// Usage comes in another order, in several deliveries, with settlements between them.
void check_late_usage(RandomWorld& world, const Accounts& in_time) {
  Accounts late(world.contracts, begin);
  auto usage = world.usage;
  world.shuffle(usage);
  for (const UsageSlice& slice : usage) {
    ASSERT_TRUE(late.add(slice));
    if (world.one_in(6)) settle_to_the_end(late);
  }
  settle_to_the_end(late);
  for (TermId id = 0; id < late.book().terms().size(); ++id) {
    EXPECT_TRUE(late.ledger().balance(id) == in_time.ledger().balance(id));
  }
  const auto a = invoice(late.book(), late.ledger()), b = invoice(in_time.book(), in_time.ledger());
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(a[i].unit_micros == b[i].unit_micros);
    EXPECT_EQ(a[i].billed, b[i].billed);
    EXPECT_EQ(a[i].effective, b[i].effective);
  }
}

TEST(Settlement, HoldsForAnyHours) {
  const auto [first, cases] = asked_seeds(1'000);
  for (std::uint64_t seed = first; seed < first + cases; ++seed) {
    RandomWorld world(seed);
    Accounts accounts(world.contracts, begin);
    for (const UsageSlice& slice : world.usage) ASSERT_TRUE(accounts.add(slice));
    settle_to_the_end(accounts);
    check_conservation(world, accounts);
    check_against_the_naive_ledger(world, accounts);
    const std::size_t entries = accounts.ledger().entries().size();
    ASSERT_TRUE(accounts.settle(begin + hours(hours_of_a_case)));
    EXPECT_EQ(accounts.ledger().entries().size(), entries) << "settled twice";
    check_late_usage(world, accounts);
    if (HasFailure()) FAIL() << "MOHONA_SEED=" << seed << " shows it again";
  }
}

// With capacity, minimums and paid-ahead spending as well: what was paid for a commitment is, over
// its life, what its rows cost; reserved capacity is billed for the whole of it, used or idle.
TEST(Settlement, ConservesWhatOtherTermsCost) {
  for (std::uint64_t seed = 1; seed < 1'000; ++seed) {
    RandomWorld world(seed);
    world.add_other_terms();
    Accounts accounts(world.contracts, begin);
    for (const UsageSlice& slice : world.usage) ASSERT_TRUE(accounts.add(slice));
    settle_to_the_end(accounts);
    const Book& book = accounts.book();
    std::map<TermId, Quantity> held;
    for (const Entry& entry : accounts.ledger().entries()) {
      if (entry.row.reservation != none_id) held[entry.row.reservation] += entry.row.quantity;
    }
    for (TermId id = 0; id < book.terms().size(); ++id) {
      if (book.is(id, Term::Kind::reservation)) {
        const Reservation& one = book.reservation(id);
        Wide whole = 0;
        for (int i = 0; i < hours_of_a_case; ++i) {
          whole += promised(one.steps, one.window, begin + hours(i));
        }
        EXPECT_EQ(held[id].unit_micros, static_cast<std::int64_t>(whole / 1'000)) << one.name;
      } else {
        const Balance balance = accounts.ledger().balance(id);
        EXPECT_TRUE(balance.effective == balance.billed) << book.terms()[id].name;
      }
    }
    check_late_usage(world, accounts);
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Ledger, AnEarlierVersionDoesNotReplaceALaterOne) {
  Ledger ledger;
  ASSERT_TRUE(ledger.post(Ledger::Of::hour, begin, 2, {}));
  const auto again = ledger.post(Ledger::Of::hour, begin, 1, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::conflict);
  EXPECT_EQ(again.error().message,
            "the hour 2028-02-29T00:00:00Z was settled under version 2 of the contracts already");
}

TEST(Accounts, SayWhatHasNoPrice) {
  Accounts accounts({}, begin);
  const auto added = accounts.add({"r", {"s", {"c", "r", "z"}, "a", ""}, begin, 3'600});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().message, "there is no offer for s in c/r/z");
}

TEST(Accounts, RefuseWhatNoCounterHolds) {
  Accounts accounts({{}, {{.sku = "s", .place = {"c", "", ""}, .tiers = {{0, {1}}}}}}, begin);
  const Meter meter{"s", {"c", "r", ""}, "a", ""};
  ASSERT_TRUE(accounts.add({"r", meter, begin, unit_seconds_max}));
  ASSERT_TRUE(accounts.settle(begin + hours(1)));
  ASSERT_TRUE(accounts.add({"r2", meter, begin, 1}));
  const auto settled = accounts.settle(begin + hours(1));
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().message,
            "s in c/r has less than 0 or more than 1000000000000 unit-seconds in the hour "
            "2028-02-29T00:00:00Z");
}

TEST(Exact, IsRoundedOnceHalfToEven) {
  struct {
    std::int64_t nanos, micros;
  } const rows[] = {{1'500, 2}, {2'500, 2}, {2'501, 3}, {-1'500, -2}, {-2'500, -2}, {499, 0}};
  for (const auto& row : rows) {
    EXPECT_EQ(rounded(exact(Price{row.nanos}, unit_hour)), Money{row.micros}) << row.nanos;
  }
}

TEST(Exact, SharesAddUpToTheFee) {
  const Exact fee = exact(Money{1'000'000'000'000});  // a million dollars an hour
  const Wide whole = exact(Money{777'777'777'777}).value;
  Exact sum;
  Wide before = 0;
  for (Wide drawn : {whole / 7, whole / 3, whole / 2, whole - 1, whole}) {
    sum += share(fee, drawn, whole) - share(fee, before, whole);
    before = drawn;
  }
  EXPECT_TRUE(sum == fee);
}

}  // namespace
}  // namespace mohona

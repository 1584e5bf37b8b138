#include "control/lead.h"

#include <gtest/gtest.h>

#include "store/memory/memory_lease.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

TEST(Patience, ClaimsWhatNobodyHoldsOrItHeldItself) {
  const Patience::Time now{};
  EXPECT_TRUE(Patience().may_claim({3, "", ""}, "b", now));
  EXPECT_TRUE(Patience().may_claim({3, "b", "x"}, "b", now));
  EXPECT_FALSE(Patience().may_claim({3, "a", "x"}, "b", now));
}

TEST(Patience, WaitsALeaseAndItsMarginFromTheBeatThatItSawLast) {
  Patience patience;
  Patience::Time now{};
  EXPECT_FALSE(patience.may_claim({3, "a", ""}, "b", now));
  EXPECT_FALSE(patience.may_claim({3, "a", ""}, "b", now + standby_waits - 1ms));
  now += standby_waits - 1ms;
  EXPECT_FALSE(patience.may_claim({4, "a", ""}, "b", now));
  EXPECT_FALSE(patience.may_claim({4, "a", ""}, "b", now + standby_waits - 1ms));
  EXPECT_TRUE(patience.may_claim({4, "a", ""}, "b", now + standby_waits));
  EXPECT_GT(standby_waits, lease_length);
}

TEST(Patience, ALeaseThatDoesNotAnswerIsNoSilenceOfTheLeader) {
  Patience patience;
  const Patience::Time now{};
  EXPECT_FALSE(patience.may_claim({3, "a", ""}, "b", now));
  patience.saw_nothing();
  EXPECT_FALSE(patience.may_claim({3, "a", ""}, "b", now + 1h));
}

TEST(Lead, HoldsWhileItRenewsAndResignsAtItsEnd) {
  MemoryLease table;
  const auto claimed = *table.claim({}, "a", "here");
  ASSERT_TRUE(claimed);
  {
    Lead lead(table, *claimed, std::chrono::steady_clock::now());
    EXPECT_TRUE(lead.holds());
    const std::uint64_t beat = table.read()->beat;
    for (int i = 0; i < 500 && table.read()->beat == beat; ++i) std::this_thread::sleep_for(10ms);
    EXPECT_GT(table.read()->beat, beat);
  }
  EXPECT_EQ(table.read()->leader, "");
}

TEST(Lead, IsOverWhenAnotherHasClaimedIt) {
  MemoryLease table;
  const auto claimed = *table.claim({}, "a", "");
  Lead lead(table, *claimed, std::chrono::steady_clock::now());
  while (!*table.claim(*table.read(), "b", "")) {
  }
  for (int i = 0; i < 500 && lead.holds(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(lead.holds().error().code, Code::superseded);
  EXPECT_EQ(table.read()->leader, "b");
}

TEST(Lead, EndsByItsOwnClockWhenTheLeaseDoesNotAnswer) {
  MemoryLease table;
  table.be_silent(true);
  const Lead fresh(table, {1, "a", ""}, std::chrono::steady_clock::now());
  EXPECT_TRUE(fresh.holds());
  const Lead old(table, {1, "a", ""}, std::chrono::steady_clock::now() - lease_length);
  EXPECT_EQ(old.holds().error().code, Code::unavailable);
}

}  // namespace
}  // namespace mohona

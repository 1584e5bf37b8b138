#include "core/task_set.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace mohona {
namespace {

TEST(TaskSet, AMillionThatWaitAreOneRun) {
  TaskSet set;
  set.insert_run(0, 999'999);
  EXPECT_EQ(set.runs(), 1u);
  set.erase(500);
  EXPECT_EQ(set.runs(), 2u);
  set.insert(500);
  EXPECT_EQ(set.runs(), 1u);
  EXPECT_FALSE(set.contains(1'000'000));
  set.insert(UINT32_MAX);
  EXPECT_TRUE(set.contains(UINT32_MAX));
  EXPECT_EQ(set.runs(), 2u);
  for (std::uint32_t i = 0; i < 1'000'000; ++i) set.erase(set.front());
  set.erase(UINT32_MAX);
  EXPECT_TRUE(set.empty());
}

RC_GTEST_PROP(TaskSet, IsTheSetThatItStandsFor, ()) {
  TaskSet set;
  std::set<std::uint32_t> plain;
  const int steps = *rc::gen::inRange(0, 80);
  for (int step = 0; step < steps; ++step) {
    const auto first = *rc::gen::inRange<std::uint32_t>(0, 40);
    const auto last = first + *rc::gen::inRange<std::uint32_t>(0, 6);
    if (*rc::gen::arbitrary<bool>()) {
      set.insert_run(first, last);
      for (std::uint32_t i = first; i <= last; ++i) plain.insert(i);
    } else {
      set.erase(first);
      plain.erase(first);
    }
    TaskSet again;
    for (const std::uint32_t i : plain) again.insert(i);
    RC_ASSERT(set == again);
    RC_ASSERT(set.empty() == plain.empty());
    if (!plain.empty()) RC_ASSERT(set.front() == *plain.begin());
    for (std::uint32_t i = 0; i < 50; ++i) RC_ASSERT(set.contains(i) == plain.contains(i));
  }
}

}  // namespace
}  // namespace mohona

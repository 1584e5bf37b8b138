// What is sent to the cloud, what waits for a node of one's own, and what always holds.
#include "core/market/overflow.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

namespace mohona {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const Timestamp now = Timestamp{} + hours(1'000);

OverflowJob job(std::uint64_t id, std::int64_t gpus, Duration runs) {
  return {JobId{id}, gpus, runs, true, true};
}
OwnedNode node(std::int64_t gpus, std::vector<std::pair<std::int64_t, Duration>> busy) {
  OwnedNode out{gpus, {}};
  for (const auto& [held, lasts] : busy) out.booked.push_back({held, now - hours(1), now + lasts});
  return out;
}
constexpr Duration limit = minutes(3);
const WaitTally usual{100, 100 * limit};  // just what the limit says
const WaitTally early{100, 100 * limit / 2};

std::string told(const std::vector<OverflowChoice>& plan) {
  std::string out;
  for (const OverflowChoice& one : plan) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", one.job.value,
                       one.node
                           ? fmt::format("on {} in {}", *one.node, format_duration(one.start - now))
                           : "leaves");
  }
  return out;
}

TEST(Overflow, TheRule) {
  struct Row {
    const char* why;
    std::vector<OwnedNode> nodes;
    std::vector<OverflowJob> jobs;
    WaitTally tally;
    std::string plan;
  };
  const std::vector<Row> rows = {
      {"there is room", {node(8, {})}, {job(1, 8, hours(1))}, usual, "1 on 0 in 0ms"},
      {"the tightest place",
       {node(8, {}), node(8, {{6, hours(1)}})},
       {job(1, 2, minutes(30))},
       usual,
       "1 on 1 in 0ms"},
      {"no room for an hour: a small job is cheap in the cloud",
       {node(8, {{8, hours(1)}})},
       {job(1, 1, hours(1))},
       usual,
       "1 leaves"},
      {"a large one is worth the wait",
       {node(8, {{8, minutes(20)}})},
       {job(1, 8, hours(8))},
       early,
       "1 on 0 in 20m 00s"},
      {"but not once all have waited as long as they may",
       {node(8, {{8, minutes(20)}})},
       {job(1, 8, hours(8))},
       {100, 130 * limit},
       "1 leaves"},
      {"the small one leaves, for the large one is dear there",
       {node(8, {{8, minutes(4)}})},
       {job(1, 1, minutes(15)), job(2, 8, hours(8))},
       early,
       "1 leaves, 2 on 0 in 4m 00s"},
      {"too large for any node", {node(4, {})}, {job(1, 8, hours(1))}, usual, "1 leaves"},
      {"no nodes at all", {}, {job(1, 1, hours(1))}, usual, "1 leaves"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(told(plan_overflow(row.nodes, row.jobs, row.tally, limit, now)), row.plan) << row.why;
  }
}

TEST(Overflow, WhoMayNotLeaveWaits) {
  OverflowJob stays = job(1, 8, hours(1));
  stays.may_leave = false;
  EXPECT_EQ(told(plan_overflow({node(8, {{1, hours(9)}})}, {stays}, usual, limit, now)),
            "1 on 0 in 9h 00m");
  EXPECT_EQ(told(plan_overflow({node(4, {})}, {stays}, usual, limit, now)), "");
}

TEST(Overflow, NobodyWaitsWhereNoWaitIsAllowed) {
  EXPECT_EQ(told(plan_overflow({node(8, {{8, minutes(1)}})}, {job(1, 8, hours(9))}, {}, Duration{0},
                               now)),
            "1 leaves");
}

TEST(Overflow, WaitingIsWorthMoreTheMoreThereIsOfIt) {
  EXPECT_EQ(worth_of_waiting_milli({}, limit), 6'400);
  EXPECT_EQ(worth_of_waiting_milli({50, 50 * limit}, limit), 6'400);
  EXPECT_EQ(worth_of_waiting_milli({50, 150 * limit}, limit), 8 * 6'400);
  EXPECT_EQ(worth_of_waiting_milli({50, Duration{0}}, limit), 6'400 / 8);
}

struct Case {
  std::vector<OwnedNode> nodes;
  std::vector<OverflowJob> jobs;
  WaitTally tally;
};

Case any_case() {
  Case out;
  for (int n = *rc::gen::inRange(0, 4); n > 0; --n) {
    OwnedNode& one = out.nodes.emplace_back(OwnedNode{*rc::gen::inRange(1, 9), {}});
    for (std::int64_t free = one.gpus; free > 0;) {
      const std::int64_t held = *rc::gen::inRange<std::int64_t>(1, free + 1);
      free -= held;
      if (*rc::gen::arbitrary<bool>()) {
        one.booked.push_back({held, now - hours(1), now + minutes(*rc::gen::inRange(1, 90))});
      }
    }
  }
  const auto count = *rc::gen::inRange<std::uint64_t>(0, 9);
  for (std::uint64_t i = 1; i <= count; ++i) {
    out.jobs.push_back({JobId{i}, *rc::gen::inRange(1, 9), minutes(*rc::gen::inRange(1, 600)),
                        *rc::gen::inRange(0, 4) > 0, *rc::gen::inRange(0, 4) > 0});
  }
  out.tally = {*rc::gen::inRange(0, 100), minutes(*rc::gen::inRange(0, 600))};
  return out;
}

// By looking at every instant at which something begins.
void no_node_is_given_twice(std::vector<OwnedNode> nodes, const std::vector<OverflowJob>& jobs,
                            const std::vector<OverflowChoice>& plan) {
  for (const OverflowChoice& one : plan) {
    if (!one.node) continue;
    const OverflowJob& of = jobs[one.job.value - 1];
    nodes[*one.node].booked.push_back({of.gpus, one.start, one.start + of.runs});
  }
  for (const OwnedNode& one : nodes) {
    for (const Booking& at : one.booked) {
      std::int64_t held = 0;
      for (const Booking& b : one.booked) {
        if (b.from <= at.from && at.from < b.until) held += b.gpus;
      }
      RC_ASSERT(held <= one.gpus);
    }
  }
}

TEST(Overflow, NoNodeIsGivenTwiceAndThePlanIsAlwaysTheSame) {
  EXPECT_TRUE(rc::check([] {
    const Case c = any_case();
    const auto plan = plan_overflow(c.nodes, c.jobs, c.tally, limit, now);
    RC_ASSERT(plan == plan_overflow(c.nodes, c.jobs, c.tally, limit, now));
    no_node_is_given_twice(c.nodes, c.jobs, plan);
    std::set<JobId> told_of;
    for (const OverflowChoice& one : plan) {
      const OverflowJob& of = c.jobs[one.job.value - 1];
      RC_ASSERT(told_of.insert(one.job).second);
      RC_ASSERT((one.node ? of.may_wait : of.may_leave && one.start == now));
      RC_ASSERT(one.start >= now);
    }
  }));
}

// Whether the mean wait would stay within what the policy promises if the plan were kept.
TEST(Overflow, NoPlanPassesTheLimitOfWaiting) {
  EXPECT_TRUE(rc::check([] {
    Case c = any_case();
    for (OverflowJob& one : c.jobs) one.may_leave = true;
    c.tally.jobs += std::ssize(c.jobs);
    Duration waits{0};
    for (const auto& one : plan_overflow(c.nodes, c.jobs, c.tally, limit, now)) {
      waits += one.start - now;
    }
    RC_ASSERT(waits == Duration{0} ||
              c.tally.waited + waits <= (c.tally.jobs + 25) * limit * 95 / 100);
  }));
}

}  // namespace
}  // namespace mohona

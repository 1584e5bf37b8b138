// A deadline on machines that come and go: what is chosen, and that nothing is ever too late.
#include "core/market/deadline.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace mohona {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

DeadlineView view(Duration work, Duration time, Machine held, std::optional<Duration> spot_for,
                  Saving saving) {
  DeadlineView v;
  v.work_left = work, v.time_left = time;
  v.restart = minutes(12), v.tick = v.spot_stays = minutes(10);
  v.held = held, v.spot_for = spot_for;
  v.spot_price_ppm = 333'000, v.saving = saving;
  return v;
}

struct Row {
  const char* why;
  Duration work, time;
  Machine held;
  std::optional<Duration> spot_for;
  Machine for_hours, for_cost;
};

TEST(Deadline, TheRule) {
  constexpr auto none = Machine::none, spot = Machine::spot, demand = Machine::on_demand;
  const std::optional<Duration> gone, now = Duration{0}, long_ago = hours(2);
  const std::vector<Row> rows = {
      {"spot is taken where there is any", hours(48), hours(60), none, now, spot, spot},
      {"and kept", hours(48), hours(60), spot, long_ago, spot, spot},
      {"a fourth to spare: wait for it", hours(48), hours(64), none, gone, none, none},
      {"18 % to spare: hours are saved by doing work at once, money by waiting", hours(49),
       hours(60), none, gone, demand, none},
      {"15 % to spare: no waiting", hours(51), hours(60), none, gone, demand, demand},
      {"on demand nobody idles", hours(10), hours(60), demand, gone, demand, demand},
      {"new spot: for hours at once, for money when it has stayed", hours(48), hours(60), demand,
       now, spot, demand},
      {"spot that has stayed", hours(48), hours(60), demand, long_ago, spot, spot},
      {"8 % to spare: on-demand is not left", hours(55), hours(60), demand, long_ago, demand,
       demand},
      {"time for two starts: spot once more", minutes(576), minutes(600), none, now, spot, spot},
      {"not for two", minutes(579), minutes(600), none, now, demand, demand},
      {"a start and the work fit, no more", minutes(588), minutes(600), none, long_ago, demand,
       demand},
      {"too late already: at once all the same", minutes(599), minutes(600), none, now, demand,
       demand},
      {"the rest is done within the tick", Duration{minutes(10)}, minutes(22), spot, long_ago, spot,
       spot},
      {"nothing to do", hours(0), hours(1), demand, now, none, none},
  };
  for (const Row& row : rows) {
    const auto chosen = [&](Saving saving) {
      return choose_machine(view(row.work, row.time, row.held, row.spot_for, saving));
    };
    EXPECT_EQ(chosen(Saving::hours), row.for_hours) << row.why << ", saving hours";
    EXPECT_EQ(chosen(Saving::cost), row.for_cost) << row.why << ", saving money";
  }
}

TEST(Deadline, SpotMustStayUntilItRepays) {
  EXPECT_EQ(spot_repays_after(minutes(12), 500'000), minutes(36));
  EXPECT_EQ(spot_repays_after(minutes(12), 0), minutes(12));
  EXPECT_EQ(spot_repays_after(minutes(12), 1'000'000), Duration::max());
}

TEST(Deadline, SpotThatIsNotCheaperSavesNoMoney) {
  DeadlineView v = view(hours(10), hours(60), Machine::none, hours(2), Saving::cost);
  v.spot_price_ppm = 1'000'000;
  EXPECT_EQ(choose_machine(v), Machine::on_demand);
  v.saving = Saving::hours;
  EXPECT_EQ(choose_machine(v), Machine::spot);
}

// Plays a run tick by tick. `until_end`: spot that is there stays for its tick, and is known to.
// Otherwise it may go within the tick, and what it did in that tick is lost.
Duration left_at_the_deadline(DeadlineView v, const std::vector<bool>& available, bool until_end) {
  const Duration deadline = v.time_left;
  Duration at{0};
  for (std::size_t i = 0; v.work_left > Duration{0} && at < deadline; ++i, at += v.tick) {
    const bool spot = i < available.size() && available[i];
    v.time_left = deadline - at;
    v.spot_stays = until_end ? v.tick : Duration{0};
    if (until_end && !spot && v.held == Machine::spot) v.held = Machine::none, v.starting = {};
    if (spot || !until_end) v.spot_for = v.spot_for ? *v.spot_for + v.tick : Duration{0};
    if (until_end && !spot) v.spot_for.reset();
    const Machine next = choose_machine(v);
    RC_ASSERT(next != Machine::spot || v.spot_for.has_value());
    if (next != v.held) v.starting = next == Machine::none ? Duration{0} : v.restart;
    v.held = next;
    if (next == Machine::none) continue;
    if (next == Machine::spot && !until_end && !spot) {  // it went within the tick
      v.held = Machine::none, v.starting = {}, v.spot_for.reset();
      continue;
    }
    const Duration used = std::min(v.tick, v.time_left);
    const Duration starting = std::min(v.starting, used);
    v.starting -= starting;
    v.work_left -= std::min(v.work_left, used - starting);
  }
  return v.work_left;
}

DeadlineView any_view() {
  DeadlineView v;
  v.tick = *rc::gen::inRange(60, 1'200) * std::chrono::seconds(1);
  v.restart = *rc::gen::inRange(0, 3'000) * std::chrono::seconds(1);
  v.work_left = *rc::gen::inRange(1, 36'000) * std::chrono::seconds(1);
  v.time_left = v.work_left + v.restart + *rc::gen::inRange(0, 20'000) * std::chrono::seconds(1);
  v.spot_price_ppm = *rc::gen::inRange<std::int64_t>(0, 1'000'001);
  v.saving = *rc::gen::element(Saving::hours, Saving::cost);
  return v;
}

TEST(Deadline, WhatCanBeDoneIsDoneWhateverSpotDoes) {
  EXPECT_TRUE(rc::check([] {
    const DeadlineView v = any_view();
    RC_ASSERT(can_be_done(v));
    const auto available = *rc::gen::container<std::vector<bool>>(
        static_cast<std::size_t>(v.time_left / v.tick) + 1, rc::gen::arbitrary<bool>());
    RC_ASSERT(left_at_the_deadline(v, available, true) == Duration{0});
  }));
}

TEST(Deadline, EvenIfSpotGoesAtAnyMomentWithAllThatItDidInTheTick) {
  EXPECT_TRUE(rc::check([] {
    const DeadlineView v = any_view();
    const auto stays = *rc::gen::container<std::vector<bool>>(
        static_cast<std::size_t>(v.time_left / v.tick) + 1, rc::gen::arbitrary<bool>());
    RC_ASSERT(left_at_the_deadline(v, stays, false) == Duration{0});
  }));
}

}  // namespace
}  // namespace mohona

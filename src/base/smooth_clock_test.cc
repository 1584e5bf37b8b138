#include "base/smooth_clock.h"

#include <gtest/gtest.h>

namespace mohona {
namespace {

using namespace std::chrono_literals;

const Timestamp noon = *parse_timestamp("2026-12-01T12:00:00Z");

// The two clocks of a machine, as a test moves them.
struct Machine {
  SmoothClock::Reading shows{noon, 1h};
  void pass(Duration time) { shows.wall += time, shows.since_boot += time; }
  void set_wall(Duration by) { shows.wall += by; }
  std::function<SmoothClock::Reading()> reader() {
    return [this] { return shows; };
  }
};

TEST(SmoothClock, GoesWithTheWallClockWhileNobodySetsIt) {
  Machine machine;
  const SmoothClock clock(machine.reader());
  EXPECT_EQ(clock.now(), noon);
  machine.pass(90min);
  EXPECT_EQ(clock.now(), noon + 90min);
  EXPECT_EQ(clock.wall_ahead(), 0s);
}

TEST(SmoothClock, AnHourStaysAnHourWhenTheWallClockIsSet) {
  for (const Duration jump : {Duration(3h), Duration(-3h), Duration(10s), Duration(-400 * 24h)}) {
    Machine machine;
    SmoothClock clock(machine.reader());
    EXPECT_EQ(clock.take_jump(), std::nullopt);
    machine.set_wall(jump);
    EXPECT_EQ(clock.now(), noon);
    EXPECT_EQ(clock.take_jump(), jump);
    EXPECT_EQ(clock.take_jump(), std::nullopt);  // said once
    machine.pass(1h);
    const Duration hour = clock.now() - noon;
    EXPECT_LE(std::chrono::abs(hour - Duration(1h)), Duration(1800ms)) << format_duration(jump);
    clock.follow_wall();
    EXPECT_EQ(clock.now(), noon + jump + 1h);
    EXPECT_EQ(clock.take_jump(), std::nullopt);
  }
}

TEST(SmoothClock, ASmallDifferenceIsMadeUpSlowlyAndTimeNeverGoesBack) {
  Machine machine;
  SmoothClock clock(machine.reader());
  machine.set_wall(-1s);
  Timestamp last = clock.now();
  for (int i = 0; i < 4'000; ++i) {
    machine.pass(1s);
    const Timestamp now = clock.now();
    EXPECT_GT(now, last);
    last = now;
  }
  EXPECT_EQ(clock.wall_ahead(), 0s);
  EXPECT_EQ(clock.take_jump(), std::nullopt);
}

TEST(SmoothClock, SmallStepsAddUp) {
  Machine machine;
  const SmoothClock clock(machine.reader());
  for (int i = 0; i < 100'000; ++i) {
    machine.pass(std::chrono::duration_cast<Duration>(7us));
    (void)clock.now();
  }
  EXPECT_EQ(clock.now(), noon + std::chrono::duration_cast<Duration>(700ms));
}

TEST(SmoothClock, ASuccessorGoesOnWhereTheClockBeforeItHadCome) {
  Machine machine;
  const SmoothClock before(machine.reader());
  const SmoothClock::Mark mark = before.mark();
  machine.pass(10min);
  machine.set_wall(2h);
  SmoothClock after(machine.reader(), mark);
  EXPECT_EQ(after.now(), noon + 10min);
  EXPECT_EQ(after.take_jump(), Duration(2h));
}

TEST(SmoothClock, AMarkOfAnotherBootSaysNothing) {
  Machine machine;
  const SmoothClock clock(machine.reader(), SmoothClock::Mark{noon - 24h, 2h});
  EXPECT_EQ(clock.now(), noon);
}

// Supervisors write the wall clock's time.
TEST(SmoothClock, TimesOfTheWallClockAreTakenForWhatTheyWereHere) {
  Machine machine;
  SmoothClock clock(machine.reader());
  machine.pass(10min);
  machine.set_wall(-1h);
  ASSERT_TRUE(clock.take_jump());
  machine.pass(5min);
  const Timestamp just_now = machine.shows.wall;
  EXPECT_LE(std::chrono::abs(clock.from_wall(just_now) - clock.now()), Duration(1ms));
  EXPECT_EQ(clock.from_wall(noon - 10h), noon - 10h);  // long before
}

}  // namespace
}  // namespace mohona

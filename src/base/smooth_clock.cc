#include "base/smooth_clock.h"

#include <time.h>

#include <algorithm>

namespace mohona {
namespace {

using namespace std::chrono_literals;

// NTP slews by at most this much (adjtime(3)): durations are wrong by a two-thousandth at most.
constexpr std::int64_t slew_ppm = 500;
// A larger difference that was not there before is a clock that somebody has set.
constexpr Duration jump_least = 5s;

Duration read_clock(clockid_t which) {
  timespec at{};
  ::clock_gettime(which, &at);
  return std::chrono::duration_cast<Duration>(std::chrono::seconds(at.tv_sec) +
                                              std::chrono::nanoseconds(at.tv_nsec));
}

}  // namespace

SmoothClock::Reading SmoothClock::read_clocks() {
  return {Timestamp(read_clock(CLOCK_REALTIME)), read_clock(CLOCK_BOOTTIME)};
}

SmoothClock::SmoothClock(std::function<Reading()> read, std::optional<Mark> before)
    : read_(std::move(read)), last_(read_()), time_(last_.wall) {
  if (!before || before->since_boot > last_.since_boot) return;
  time_ = before->time + (last_.since_boot - before->since_boot);
  if (std::chrono::abs(last_.wall - time_) < jump_least) time_ = std::max(last_.wall, before->time);
}

Timestamp SmoothClock::now_at(const Reading& reading) const {
  const Duration passed = std::max(Duration{0}, reading.since_boot - last_.since_boot);
  const Timestamp plain = time_ + passed;
  const Duration most = passed * slew_ppm / 1'000'000;
  const Duration slew = std::clamp<Duration>(reading.wall - plain, -most, most);
  // A slew of less than one tick is kept for later: the last reading stays.
  if (most > Duration{0} || passed == Duration{0}) {
    last_ = reading;
    time_ = plain + slew;
    return time_;
  }
  return plain;
}

Timestamp SmoothClock::now() const {
  const std::lock_guard lock(mutex_);
  return now_at(read_());
}

Duration SmoothClock::wall_ahead() const {
  const std::lock_guard lock(mutex_);
  const Reading reading = read_();
  return reading.wall - now_at(reading);
}

Timestamp SmoothClock::from_wall(Timestamp wall) const {
  const std::lock_guard lock(mutex_);
  const Reading reading = read_();
  const Timestamp now = now_at(reading);
  const Duration ahead = reading.wall - now;
  if (std::chrono::abs(ahead) < jump_least) return wall;
  const Timestamp shown = wall - ahead;
  return shown >= jumped_at_ && shown <= now ? shown : wall;
}

void SmoothClock::follow_wall() {
  const std::lock_guard lock(mutex_);
  last_ = read_();
  time_ = last_.wall;
  known_ahead_ = Duration{0};
}

std::optional<Duration> SmoothClock::take_jump() {
  const std::lock_guard lock(mutex_);
  const Reading reading = read_();
  const Duration ahead = reading.wall - now_at(reading);
  const Duration jump = ahead - known_ahead_;
  known_ahead_ = ahead;
  if (std::chrono::abs(jump) < jump_least) return std::nullopt;
  jumped_at_ = time_;
  return jump;
}

SmoothClock::Mark SmoothClock::mark() const {
  const std::lock_guard lock(mutex_);
  const Reading reading = read_();
  return {now_at(reading), reading.since_boot};
}

}  // namespace mohona

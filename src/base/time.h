// Instants and lengths of time, in microseconds. Instants are UTC.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mohona {

using Duration = std::chrono::microseconds;
using Timestamp = std::chrono::sys_time<Duration>;

// "90s", "10m", "1h30m", "2d", "500ms"; a bare number is seconds. Never negative.
Result<Duration> parse_duration(std::string_view text);

// "1h 05m", "2m 03s", "4.2s", "85ms": the two units that a person wants to see.
std::string format_duration(Duration duration);

// ISO 8601 with a zone: "2026-12-01T00:00:00Z", "2026-12-01 08:00:00+02:00"; a bare date is its
// midnight UTC.
Result<Timestamp> parse_timestamp(std::string_view text);

// "2026-12-01T00:00:00Z"; the fraction of a second is dropped.
std::string format_timestamp(Timestamp at);

// The source of `now` for everything above the core. The core itself is only ever told.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
  // What this clock showed when the machine's wall clock showed `wall`.
  virtual Timestamp from_wall(Timestamp wall) const { return wall; }
};

class SystemClock : public Clock {
 public:
  Timestamp now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }
};

// Time that stands still until a test moves it.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Timestamp start) : now_(start) {}
  Timestamp now() const override { return now_; }
  void advance(Duration by) { now_ += by; }

 private:
  Timestamp now_;
};

}  // namespace mohona

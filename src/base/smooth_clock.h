// Wall-clock time that never jumps, for bills and limits: while a machine's clock is set forward or
// back, an hour of work stays an hour.
//
// It starts with the wall clock and goes on with the time since boot. A difference to the wall
// clock is made up slowly, as NTP does, or at once while nothing is measured (`follow_wall`).
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/time.h"

namespace mohona {

class SmoothClock : public Clock {
 public:
  // The two clocks at one moment. `since_boot` goes on while the machine sleeps.
  struct Reading {
    Timestamp wall;
    Duration since_boot{0};
  };
  // Where another process's clock has come to, so that its successor goes on from there.
  struct Mark {
    Timestamp time;
    Duration since_boot{0};
    friend bool operator==(const Mark&, const Mark&) = default;
  };

  explicit SmoothClock(std::function<Reading()> read = read_clocks,
                       std::optional<Mark> before = std::nullopt);

  Timestamp now() const override;

  // What this clock showed when the wall clock, perhaps since set, showed `wall`.
  Timestamp from_wall(Timestamp wall) const override;

  // How far the wall clock is ahead; negative: behind.
  Duration wall_ahead() const;

  // Takes the wall clock's time at once: only while no work runs and no limit counts.
  void follow_wall();

  // The size of a jump that has not been returned yet, if the wall clock has been set.
  std::optional<Duration> take_jump();

  Mark mark() const;

  static Reading read_clocks();

 private:
  Timestamp now_at(const Reading& reading) const;

  std::function<Reading()> read_;
  mutable std::mutex mutex_;
  mutable Reading last_;     // as read last
  mutable Timestamp time_;   // what was shown then
  Duration known_ahead_{0};  // the difference that `take_jump` has returned
  Timestamp jumped_at_;      // on this clock
};

}  // namespace mohona

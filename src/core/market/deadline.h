// Work that must be done by an instant, on machines that may be rented on demand at any time, or as
// spot while the cloud has some: wait, take spot, or pay for on-demand?
//
//   DeadlineView view;                        // 10 h of work left, 14 h of time, spot was lost
//   view.work_left = hours(10), view.time_left = hours(14), view.restart = minutes(12);
//   view.tick = minutes(10);
//   choose_machine(view) == Machine::none     // there is time enough to wait for spot
//
// One machine at a time. A start, or a change of machine, costs `restart` before the work goes on;
// what has been done is kept. Nothing is known of when spot comes and goes.
#pragma once

#include <optional>

#include "base/time.h"

namespace mohona {

enum class Machine { none, spot, on_demand };

// What is to be saved: hours of on-demand machines, or money.
enum class Saving { hours, cost };

constexpr std::int64_t whole_ppm = 1'000'000;

struct DeadlineView {
  Duration work_left{0};
  Duration time_left{0};                    // until the deadline
  Duration restart{0};                      // lost at each start
  Duration tick{0};                         // until this is asked again
  Machine held = Machine::none;             // spot that was lost is not held
  Duration starting{0};                     // of `held`: what is left of its start
  std::optional<Duration> spot_for;         // how long spot can be had already; none: it cannot
  Duration spot_stays{0};                   // it is sure to stay for so long
  std::int64_t spot_price_ppm = whole_ppm;  // of the price on demand
  Saving saving = Saving::cost;
};

// Whether on-demand alone, begun now, is done in time.
bool can_be_done(const DeadlineView& view);

// Whether on-demand can still be in time after a tick of nothing, or of spot that may go then.
bool safe_to_idle(const DeadlineView& view);
bool safe_on_spot(const DeadlineView& view);

// What to hold until it is asked again, at the latest after `tick`.
//
// Work that can be done in time is done in time, whatever spot does: nothing is chosen after which
// on-demand alone could be too late. Work that cannot is given on-demand at once.
Machine choose_machine(const DeadlineView& view);

// How long spot must stay to repay the change from on-demand to it: its own start, and the start
// on demand after it. Duration::max() if it is not cheaper.
Duration spot_repays_after(Duration restart, std::int64_t spot_price_ppm);

}  // namespace mohona

#include "core/market/deadline.h"

#include <algorithm>

#include "base/wide.h"

namespace mohona {
namespace {

// While so much of the time that is left is not needed for the work, waiting for spot is worth it.
// A part of what is left, not of what there was at first: the rule then has no memory, and is as
// good for work that begins late. Money is saved by idling less: on-demand that is held anyway
// does work that spot, which may go at any time, need not be started for.
constexpr std::int64_t idle_above_ppm_hours = 200'000;
constexpr std::int64_t idle_above_ppm_cost = 160'000;
// From on-demand back to spot only with so much to spare: spot goes, and then there must be time
// for yet another start without being on demand to the end.
constexpr std::int64_t back_above_ppm = 100'000;

Duration slack(const DeadlineView& v) { return v.time_left - v.work_left; }

// Whether more than so much of the time that is left is to spare.
bool spare_above(const DeadlineView& v, std::int64_t ppm) {
  return static_cast<Wide>(slack(v).count()) * whole_ppm >
         static_cast<Wide>(v.time_left.count()) * ppm;
}

Duration now_until_asked(const DeadlineView& v) { return std::min(v.tick, v.time_left); }

bool spot_is_worth_it(const DeadlineView& v) {
  return v.saving == Saving::hours || v.spot_price_ppm < whole_ppm;
}

// What would be best were there no deadline to be missed.
Machine wish(const DeadlineView& v) {
  if (!spot_is_worth_it(v)) return Machine::on_demand;
  if (v.spot_for && v.held != Machine::on_demand) return Machine::spot;
  if (v.held == Machine::on_demand) {
    // Whoever is on demand does not idle: the start has been paid. For money, spot must have stayed
    // as long as it has to stay to repay the change: what has stayed long stays longer.
    const bool lasts = v.spot_for && (v.saving == Saving::hours ||
                                      *v.spot_for + v.spot_stays >=
                                          spot_repays_after(v.restart, v.spot_price_ppm));
    return lasts && spare_above(v, back_above_ppm) ? Machine::spot : Machine::on_demand;
  }
  const auto idle_above = v.saving == Saving::hours ? idle_above_ppm_hours : idle_above_ppm_cost;
  return spare_above(v, idle_above) ? Machine::none : Machine::on_demand;
}

}  // namespace

bool can_be_done(const DeadlineView& v) {
  const Duration start = v.held == Machine::on_demand ? v.starting : v.restart;
  return v.work_left <= Duration{0} || start + v.work_left <= v.time_left;
}

// After an idle tick on-demand can still be started.
bool safe_to_idle(const DeadlineView& v) { return slack(v) - now_until_asked(v) >= v.restart; }

// Likewise after a tick of spot: if it stays, only its start is lost, else all of the tick.
bool safe_on_spot(const DeadlineView& v) {
  if (!v.spot_for) return false;
  const Duration tick = now_until_asked(v);
  if (v.spot_stays < tick) return safe_to_idle(v);
  const Duration start = v.held == Machine::spot ? v.starting : v.restart;
  return slack(v) - std::min(start, tick) >= v.restart || start + v.work_left <= tick;
}

Machine choose_machine(const DeadlineView& v) {
  if (v.work_left <= Duration{0}) return Machine::none;
  const Machine best = wish(v);
  const bool safe = best == Machine::spot   ? safe_on_spot(v)
                    : best == Machine::none ? safe_to_idle(v)
                                            : true;
  return safe ? best : Machine::on_demand;
}

Duration spot_repays_after(Duration restart, std::int64_t spot_price_ppm) {
  if (spot_price_ppm >= whole_ppm) return Duration::max();
  return Duration(
      static_cast<std::int64_t>(static_cast<Wide>(restart.count()) * (whole_ppm + spot_price_ppm) /
                                (whole_ppm - spot_price_ppm)));
}

}  // namespace mohona

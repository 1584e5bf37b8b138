// How years may go: all paths of some assumptions and of each what-if, in a few figures.
//
//   const auto forecast = make_forecast(assumptions, {});
//   forecast->milestones[0].missed_ppm;          // the chance that it is missed
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "forecast/buy.h"
#include "forecast/settle_path.h"
#include "model/assumptions.h"

namespace mohona {

// Of an amount, over the paths: in one of ten it is less than the first, in one of ten more than
// the last; `mean` is rounded to micro-dollars.
struct MoneySpread {
  Money mean, p10, p50, p90;
  friend bool operator==(const MoneySpread&, const MoneySpread&) = default;
};

struct MilestoneForecast {
  MilestoneKey key;
  Money needed;       // in the middle of the paths: it includes what earlier periods left
  Money drawn_today;  // likewise; of its period, up to the assumptions' `today`
  MoneySpread drawn;  // at the end
  std::int64_t missed_ppm = 0;
  Money shortfall;  // to be expected: the mean of what is missing, paths that miss nothing included
  // Of the paths that miss it, in the middle: the last day on which idle capacity still helps.
  // None: it is missed on no path, or idle capacity is never enough (`helpless`).
  std::optional<Timestamp> last_day;
  bool helpless = false;
  friend bool operator==(const MilestoneForecast&, const MilestoneForecast&) = default;
};

struct CommitmentForecast {
  CommitmentKey key;
  std::int64_t p10_ppm = 0, p50_ppm = 0, p90_ppm = 0;  // used of what was promised; -1: nothing was
  friend bool operator==(const CommitmentForecast&, const CommitmentForecast&) = default;
};

struct YearForecast {
  Timestamp from, to;
  MoneySpread bill;
  friend bool operator==(const YearForecast&, const YearForecast&) = default;
};

// A what-if less the forecast without it, path by path.
struct Difference {
  std::string name;
  MoneySpread bill;      // of all years
  MoneySpread unserved;  // demand that finds no capacity, at the first list price
  Money shortfall;       // of all milestones together, to be expected
  friend bool operator==(const Difference&, const Difference&) = default;
};

struct Forecast {
  std::int64_t paths = 0;
  std::vector<YearForecast> years;
  MoneySpread bill;      // of all years
  MoneySpread unserved;  // demand that finds no capacity, at the first list price
  std::vector<MilestoneForecast> milestones;
  std::vector<CommitmentForecast> commitments;
  std::vector<Difference> what_if;  // in the assumptions' order
  std::vector<BuyAdvice> buy;       // likewise
  friend bool operator==(const Forecast&, const Forecast&) = default;
};

// Runs on `threads` threads, as many as the machine has cores if 0; the result is the same for any
// number. Errors: those of settle_path and advise.
Result<Forecast> make_forecast(const Assumptions& assumptions, std::size_t threads = 0);

}  // namespace mohona

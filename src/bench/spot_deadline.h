// Work with a deadline on machines that come and go, replayed over recorded availability: our rule
// (core/market/deadline.h) beside two that were published and beside what hindsight would do.
#pragma once

#include "bench/figures.h"
#include "core/market/deadline.h"
#include "traces/spot.h"

namespace mohona {

struct SpotDeadlineOptions {
  std::string starts;  // a file, as traces/spot.h reads it
  Duration work{std::chrono::hours(48)}, deadline{std::chrono::hours(60)};
  Duration restart{std::chrono::minutes(12)};
  std::int64_t spot_price_ppm = 333'000;  // of on-demand
  Saving saving = Saving::cost;
  Duration tick{std::chrono::seconds(600)};  // of a table
  std::int64_t drawn = 300;                  // starts of a series
  std::uint64_t seed = 1;
};

// "0.333": millionths; nothing if it is no number from 0 to 1.
std::optional<std::int64_t> parse_spot_price(std::string_view text);

// Errors: Code::invalid for times that cannot be kept or are not whole seconds, and those of the
// file.
Result<Json> bench_spot_deadline(const SpotDeadlineOptions& options);

// What became of one run. Hours of work done on each machine, in seconds; the cost is that of all
// that was rented, starts too, in millionths of a second on demand.
struct SpotRun {
  std::int64_t on_demand = 0, spot = 0, cost = 0;
  bool missed = false;
  friend bool operator==(const SpotRun&, const SpotRun&) = default;
};
using ChooseMachine = std::function<Machine(const DeadlineView&)>;
SpotRun replay_spot(const Availability& available, Duration tick,
                    const SpotDeadlineOptions& options, const ChooseMachine& choose);

// The least that is possible for who knows the future: exact, by dynamic programming over ticks,
// machines and time lost.
SpotRun omniscient_spot(const Availability& available, Duration tick,
                        const SpotDeadlineOptions& options);

}  // namespace mohona

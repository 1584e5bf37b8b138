// When spot machines were to be had, as public traces tell it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace mohona {

// Tick after tick from the beginning; 1: it could be had for all of that tick.
using Availability = std::vector<std::uint8_t>;

struct SpotTrace {
  Duration tick{0};
  std::vector<Availability> runs;
};

struct SpotStarts {
  Duration tick{std::chrono::seconds(600)};  // of a table, which does not say it
  Duration needed{0};                        // how long each run must be
  std::int64_t drawn = 300;                  // starts of a series
  std::uint64_t seed = 1;
};

// Either a table with a column `unavailable`, one run a line, one character a tick: 0 is available,
// 1 is not (plain or gzip); or one series as JSON, {"metadata": {"gap_seconds": 600}, "data": [1,
// 0, …]}, where 1 is available, of which as many starts are drawn as were asked for. Errors name
// the file and the line.
Result<SpotTrace> read_spot(const std::string& path, const SpotStarts& starts);

}  // namespace mohona

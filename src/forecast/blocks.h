// Time, compressed: years as some thousand hours, each standing for all that are like it.
//
// Each month has four weeks (days 1, 8, 15 and 22 begin them; the last has up to ten days), and a
// week a busy and a quiet half. At every instant at which terms may change a block ends, so that
// all hours of a block are settled alike; an hour in which a fee falls due is a block of its own.
// Hence only demand is averaged, and never the rules (contracts.md section 3: "settlement on
// monthly-compressed hours").
#pragma once

#include <vector>

#include "model/assumptions.h"

namespace mohona {

struct Block {
  Hour hour;               // that is settled
  std::int64_t count = 0;  // how many it stands for, itself among them
  std::int64_t month = 0;  // since the beginning
  std::int64_t week = 0;   // four of them a month
  unsigned month_of_year = 1;
  bool busy = false;  // 8 to 20 UTC
};

// Of [assumptions.begin, end_of(assumptions)), by hour. Their counts add up to its hours.
std::vector<Block> blocks_of(const Assumptions& assumptions);

// The same day of the year, `count` months later; the last of the month where there is no such day.
Timestamp add_months(Timestamp at, std::int64_t count);
Timestamp end_of(const Assumptions& assumptions);

}  // namespace mohona

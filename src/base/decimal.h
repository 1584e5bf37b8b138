// Decimal numbers as tables of others write them, without floating point.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/wide.h"

namespace mohona {

// A decimal number ("-12.50", "8E-07") times 10^places, half to even. Code::invalid if it is none,
// if its size is above `max` (of the number itself), or if it has more than 36 digits.
Result<Wide> parse_decimal(std::string_view text, int places, std::int64_t max);

}  // namespace mohona

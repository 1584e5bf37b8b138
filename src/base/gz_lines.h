// The lines of a text file, plain or compressed with gzip: which, the file itself says.
//
//   auto read = for_lines("tasks.csv.gz", [&](std::size_t number, std::string_view line) {
//     return take(number, line);  // a Result<void>; a failure ends the reading
//   });
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mohona {

constexpr std::size_t line_length_max = 1 << 20;  // a longer one is no text for us

// Gives each line, without its end (LF or CR LF), to `take`, numbered from 1. A failure of `take`
// is returned as it is; one of the file names it: not_found if it is missing, invalid if it is
// damaged.
using TakeLine = std::function<Result<void>(std::size_t number, std::string_view line)>;
Result<void> for_lines(const std::string& path, const TakeLine& take);

}  // namespace mohona

// How far work is, read from what it writes.
#pragma once

#include <optional>
#include <string_view>

#include "engine/engine.h"

namespace mohona {

// Of either kind of text so many bytes are looked at: a file's first, a log's last.
constexpr std::size_t progress_bytes_max = 4'096;

// What is in the file that $MOHONA_PROGRESS names. Everything after the first word is a metric:
//
//   450/1000                     so many steps of so many
//   450 loss=2.31 rate=44.9      the total is not known, or was said elsewhere
//   {"step": 450, "total": 1000, "loss": 2.31}
//
// Nothing for any other text. Metrics beyond metrics_max, and longer ones than metric_bytes_max,
// are left out.
std::optional<StepsReport> parse_progress(std::string_view text);

// The newest line of a log that says how far the work is, in the manner of tqdm or in words; lines
// end with \n or \r. The last one may still be being written: only a bar with its closing bracket
// counts there.
//
//    45%|####5     | 450/1000 [00:10<00:12, 44.9it/s, loss=2.31]
//   step 450/1000 loss=2.31
std::optional<StepsReport> parse_log_progress(std::string_view end_of_log);

}  // namespace mohona

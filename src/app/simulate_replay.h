// `mohona simulate --replay`: a recorded run once more.
#pragma once

#include <string>

namespace mohona {

// `path`: a home, its journal.db, or a text with one fact a line. The exit status.
int replay_recorded(const std::string& path, bool json);

}  // namespace mohona

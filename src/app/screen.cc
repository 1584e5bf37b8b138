#include "app/screen.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace mohona {

bool is_terminal() {
  static const bool answer = ::isatty(STDOUT_FILENO) == 1 && !std::getenv("NO_COLOR") &&
                             std::string(std::getenv("TERM") ? std::getenv("TERM") : "") != "dumb";
  return answer;
}

std::size_t width(const std::string& text) {
  std::size_t columns = 0;
  bool escape = false;
  for (const char c : text) {
    if (c == '\033') escape = true;
    // Bytes 10xxxxxx continue a character of UTF-8.
    if (!escape && (static_cast<unsigned char>(c) & 0xc0) != 0x80) ++columns;
    if (escape && c == 'm') escape = false;
  }
  return columns;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string coloured_state(const std::string& state) {
  if (!is_terminal()) return state;
  const char* colour = state == "succeeded"                           ? "32"
                       : state == "failed"                            ? "31"
                       : state == "running"                           ? "36"
                       : state == "recovering" || state == "starting" ? "33"
                                                                      : "2";
  return "\033[" + std::string(colour) + "m" + state + "\033[0m";
}

std::string bar(std::size_t done, std::size_t total) {
  constexpr std::size_t columns = 10;
  const std::size_t full = total == 0 ? 0 : std::min(columns, done * columns / total);
  return "[" + std::string(full, '#') + std::string(columns - full, '.') + "]";
}

}  // namespace mohona

// What may reach a terminal of what jobs write and of names that others chose.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace mohona {

// A copy in which every text is `printable`.
nlohmann::ordered_json printable_json(const nlohmann::ordered_json& json);

// JSON on one line. What a terminal would obey stands in it as \u00XX.
std::string json_line(const nlohmann::ordered_json& json);

// A job's log on its way to standard output. To a terminal it passes text, the ends of lines, tabs,
// carriage returns (of progress bars) and colours; any other escape sequence loses its escape. To
// anything else every byte passes as it is.
class LogFilter {
 public:
  explicit LogFilter(bool to_terminal) : to_terminal_(to_terminal) {}

  // Pieces may end anywhere, also within a sequence or a character.
  std::string pass(std::string_view piece);
  // What has been held back, and the end of colours that are still on.
  std::string finish();

  // Whether what has passed ends with the end of a line, or is nothing.
  bool at_line_start() const { return at_line_start_; }

 private:
  std::string filtered(std::string_view text, bool is_all);

  bool to_terminal_;
  bool at_line_start_ = true;
  bool coloured_ = false;
  std::string held_;  // the beginning of a sequence or a character
};

// Whether standard output is a terminal, of any kind.
bool stdout_is_terminal();

}  // namespace mohona

#include "app/terminal.h"

#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace mohona {
namespace {

// A colour's sequence is shorter; what goes on longer is none.
constexpr std::size_t sequence_max = 32;

// The length of "ESC [ 1 ; 31 m" at the front of `text`; 0: it is something else; npos: it may
// become one when more comes.
std::size_t colour_length(std::string_view text) {
  if (text.size() == 1) return std::string_view::npos;
  if (text[1] != '[') return 0;
  const std::size_t end = text.find_first_not_of("0123456789;", 2);
  if (end == text.npos) return text.size() < sequence_max ? text.npos : 0;
  return text[end] == 'm' ? end + 1 : 0;
}

// Whether `text`, which begins with no whole character, may be the beginning of one.
bool may_continue(std::string_view text) {
  if (text.size() > 3 || static_cast<unsigned char>(text[0]) < 0xc2) return false;
  return std::all_of(text.begin() + 1, text.end(),
                     [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; });
}

}  // namespace

nlohmann::ordered_json printable_json(const nlohmann::ordered_json& json) {
  if (json.is_string()) return printable(json.get_ref<const std::string&>());
  if (!json.is_structured()) return json;
  nlohmann::ordered_json out =
      json.is_array() ? nlohmann::ordered_json::array() : nlohmann::ordered_json::object();
  // Recursion is as deep as the API's own answers are, which nest a handful of levels.
  for (const auto& [key, value] : json.items()) {
    if (json.is_array()) {
      out.push_back(printable_json(value));
    } else {
      out[printable(key)] = printable_json(value);
    }
  }
  return out;
}

std::string json_line(const nlohmann::ordered_json& json) {
  const std::string text =
      json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    constexpr std::string_view digits = "0123456789abcdef";
    if (byte == 0x7f) {
      out += "\\u007f";
    } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
      out += "\\u00";
      out += digits[next >> 4];
      out += digits[next & 15];
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string LogFilter::filtered(std::string_view text, bool is_all) {
  std::string out;
  while (!text.empty()) {
    if (text[0] == '\033') {
      const std::size_t length = colour_length(text);
      if (length == text.npos && !is_all) break;
      if (length == text.npos || length == 0) {
        out += '?';
        text.remove_prefix(1);
        continue;
      }
      const std::string_view colour = text.substr(0, length);
      coloured_ = colour != "\033[0m" && colour != "\033[m";
      out += colour;
      text.remove_prefix(length);
      continue;
    }
    const std::size_t length = character_length(text);
    if (length == 0 && !is_all && may_continue(text)) break;
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    const bool plain = character == "\n" || character == "\t" || character == "\r";
    if (length > 0 && (plain || is_printable(character))) {
      out += character;
    } else {
      out += '?';
    }
    text.remove_prefix(character.size());
  }
  held_ = text;
  return out;
}

std::string LogFilter::pass(std::string_view piece) {
  std::string out = to_terminal_ ? filtered(std::exchange(held_, {}) + std::string(piece), false)
                                 : std::string(piece);
  if (!out.empty()) at_line_start_ = out.back() == '\n';
  return out;
}

std::string LogFilter::finish() {
  if (!to_terminal_) return {};
  std::string out = filtered(std::exchange(held_, {}), true);
  if (std::exchange(coloured_, false)) out += "\033[0m";
  return out;
}

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

}  // namespace mohona

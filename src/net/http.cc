#include "net/http.h"

#include <cctype>

#include "base/text.h"

namespace mohona {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int lower_case = std::tolower(static_cast<unsigned char>(c));
  return lower_case >= 'a' && lower_case <= 'f' ? lower_case - 'a' + 10 : -1;
}

}  // namespace

std::string find_in(const Query& query, std::string_view key) {
  for (const auto& [k, value] : query) {
    if (k == key) return value;
  }
  return {};
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
        hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Query parse_query(std::string_view text) {
  Query query;
  if (text.empty()) return query;
  for (const std::string_view part : split(text, '&')) {
    const std::size_t equals = part.find('=');
    query.emplace_back(
        percent_decode(part.substr(0, equals)),
        equals == std::string_view::npos ? std::string() : percent_decode(part.substr(equals + 1)));
  }
  return query;
}

}  // namespace mohona

#include "model/output_name.h"

#include <algorithm>

namespace mohona {
namespace {

constexpr std::string_view letters = "jAabxuNnt";
constexpr std::size_t width_max = 10;  // Slurm's

void add_text(std::vector<OutputNamePiece>& pieces, std::string_view text) {
  if (pieces.empty() || pieces.back().letter != 0) pieces.emplace_back();
  pieces.back().text += text;
}

}  // namespace

std::vector<OutputNamePiece> parse_output_name(std::string_view name,
                                               std::optional<OutputNameMistake>* mistake) {
  std::vector<OutputNamePiece> out;
  if (name.find('\\') != name.npos) {
    for (const char c : name) {
      if (c != '\\') add_text(out, {&c, 1});
    }
    return out;
  }
  for (std::size_t i = 0; i < name.size();) {
    if (name[i] != '%') {
      const std::size_t end = std::min(name.find('%', i), name.size());
      add_text(out, name.substr(i, end - i));
      i = end;
      continue;
    }
    const std::size_t at = std::min(name.find_first_not_of("0123456789", i + 1), name.size());
    const std::string_view digits = name.substr(i + 1, at - i - 1);
    const char letter = at < name.size() ? name[at] : '\0';
    std::size_t width = 0;
    for (const char c : digits.substr(0, 3)) width = width * 10 + static_cast<std::size_t>(c - '0');
    const std::string_view whole = name.substr(i, at + 1 - i);
    i = std::min(at + 1, name.size());
    if (letter == '%' && digits.empty()) {
      add_text(out, "%");
    } else if (letter != '\0' && letters.find(letter) != letters.npos && width <= width_max) {
      out.push_back({"", letter, width});
    } else {
      add_text(out, whole);
      if (mistake && !*mistake) *mistake = {i - whole.size(), whole.size()};
    }
  }
  return out;
}

std::string padded_number(std::string digits, std::size_t width) {
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

}  // namespace mohona

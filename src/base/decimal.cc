#include "base/decimal.h"

#include <fmt/format.h>

namespace mohona {

Result<Wide> parse_decimal(std::string_view text, int places, std::int64_t max) {
  const auto wrong = [&] {
    return fail(Code::invalid, fmt::format("'{}' is no such number", text));
  };
  constexpr int digits_max = 36, exponent_max = 99;
  std::string_view rest = text;
  const bool less = rest.starts_with('-');
  if (less || rest.starts_with('+')) rest.remove_prefix(1);
  Wide value = 0;
  int digits = 0, kept = 0, after_point = -1;
  for (; !rest.empty() && rest[0] != 'e' && rest[0] != 'E'; rest.remove_prefix(1)) {
    if (rest[0] == '.' && after_point < 0) {
      after_point = 0;
      continue;
    }
    if (rest[0] < '0' || rest[0] > '9') return wrong();
    value = value * 10 + (rest[0] - '0');
    ++digits;
    if (value != 0 && ++kept > digits_max) return wrong();
    if (after_point >= 0) ++after_point;
  }
  if (digits == 0) return wrong();
  int exponent = 0;
  if (!rest.empty()) {
    rest.remove_prefix(1);
    const bool small = rest.starts_with('-');
    if (small || rest.starts_with('+')) rest.remove_prefix(1);
    if (rest.empty()) return wrong();
    for (const char c : rest) {
      if (c < '0' || c > '9' || exponent > exponent_max) return wrong();
      exponent = exponent * 10 + (c - '0');
    }
    if (small) exponent = -exponent;
  }
  int shift = places + exponent - std::max(after_point, 0);
  Wide bound = max;
  for (int i = 0; i < places; ++i) bound *= 10;
  for (; shift > 0 && value != 0; --shift) {
    if (value > bound) return wrong();
    value *= 10;
  }
  // Rounded once: digits are taken away together.
  Wide part = 1;
  for (; shift < 0 && part <= value; ++shift) part *= 10;
  if (shift < 0) value = 0;  // less than a tenth of the last digit
  const Wide left = value % part * 2;
  value /= part;
  if (left > part || (left == part && part > 1 && value % 2 != 0)) ++value;
  if (value > bound) return wrong();
  return less ? -value : value;
}

}  // namespace mohona

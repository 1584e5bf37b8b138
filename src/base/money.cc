#include "base/money.h"

#include <fmt/format.h>

#include <limits>

namespace mohona {
namespace {

__extension__ using Int128 = __int128;  // NOLINT: the products need it, ISO C++ has no name for it

constexpr Int128 hour_micros = 3'600'000'000;
constexpr Int128 nanos_per_micro = 1'000;

Int128 divide_half_even(Int128 dividend, Int128 divisor) {
  Int128 quotient = dividend / divisor;
  const Int128 twice = (dividend % divisor) * 2;
  if (twice > divisor || (twice == divisor && quotient % 2 != 0)) ++quotient;
  return quotient;
}

// Digits with at most `places` after the point, as an integer scaled by 10^places.
Result<std::int64_t> parse_fixed(std::string_view text, int places) {
  const auto wrong = [&] {
    return fail(Code::invalid, fmt::format("'{}' is not an amount of dollars: write 12.50", text));
  };
  std::string_view rest = text;
  if (rest.starts_with('$')) rest.remove_prefix(1);
  std::int64_t value = 0;
  int after_point = -1, digits = 0;
  for (const char c : rest) {
    if (c == '.' && after_point < 0) {
      after_point = 0;
    } else if (c >= '0' && c <= '9' && after_point < places && value < 900'000'000'000'000'000) {
      value = value * 10 + (c - '0');
      ++digits;
      if (after_point >= 0) ++after_point;
    } else {
      return wrong();
    }
  }
  if (digits == 0) return wrong();
  for (int i = after_point < 0 ? 0 : after_point; i < places; ++i) {
    if (value > std::numeric_limits<std::int64_t>::max() / 10) return wrong();
    value *= 10;
  }
  return value;
}

}  // namespace

Money charge(Price price, Duration time, std::int64_t nodes, Fraction part) {
  // nanos × micro-hours overflows 64 bits at once; reduce nothing, divide once.
  const Int128 dividend = Int128(price.nanos) * time.count() * nodes * part.held;
  const Int128 divisor = hour_micros * nanos_per_micro * part.whole;
  return {static_cast<std::int64_t>(divide_half_even(dividend, divisor))};
}

Duration time_within(Money limit, Price price, std::int64_t nodes, Fraction part) {
  const Int128 rate = Int128(price.nanos) * nodes * part.held;
  if (rate <= 0) return Duration::max();
  const Int128 time = Int128(limit.micros) * nanos_per_micro * hour_micros * part.whole / rate;
  return time > Duration::max().count() ? Duration::max()
                                        : Duration(static_cast<std::int64_t>(time));
}

std::string format_money(Money amount) {
  const std::int64_t micros = amount.micros < 0 ? -amount.micros : amount.micros;
  const char* sign = amount.micros < 0 ? "-" : "";
  if (micros == 0 || micros >= 1'000'000) {
    return fmt::format("{}${}.{:02}", sign, (micros + 5'000) / 1'000'000,
                       (micros + 5'000) % 1'000'000 / 10'000);
  }
  return fmt::format("{}$0.{:06}", sign, micros);
}

std::string format_money_exact(Money amount) {
  const std::int64_t micros = amount.micros < 0 ? -amount.micros : amount.micros;
  return fmt::format("{}{}.{:06}", amount.micros < 0 ? "-" : "", micros / 1'000'000,
                     micros % 1'000'000);
}

std::string format_price(Price price) {
  constexpr std::uint64_t nanos_per_dollar = 1'000'000'000;
  constexpr std::size_t surplus_max = 7;  // of nine digits two are always shown
  const bool below = price.nanos < 0;
  const std::uint64_t nanos =
      below ? -static_cast<std::uint64_t>(price.nanos) : static_cast<std::uint64_t>(price.nanos);
  std::string out = fmt::format("{}{}.{:09}", below ? "-" : "", nanos / nanos_per_dollar,
                                nanos % nanos_per_dollar);
  for (std::size_t i = 0; i < surplus_max && out.back() == '0'; ++i) out.pop_back();
  return out;
}

Result<Money> parse_money(std::string_view text) {
  const auto value = parse_fixed(text, 6);
  if (!value) return fail(value.error());
  return Money{*value};
}

Result<Price> parse_price(std::string_view text) {
  const auto value = parse_fixed(text, 9);
  if (!value) return fail(value.error());
  return Price{*value};
}

}  // namespace mohona

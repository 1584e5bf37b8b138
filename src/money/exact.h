// Amounts before they are rounded, and quantities that can be split at a bucket's edge.
//
// A price is nano-dollars for an hour, a quantity is units × microseconds; their product is exact
// in 128 bits. It is rounded once: where it becomes a line of an invoice (contracts.md, Numerics).
//
//   Exact e = exact(Price{55'040'000'000}, Quantity{1'800'000'000});   // half an hour of $55.04
//   rounded(e) == Money{27'520'000}
#pragma once

#include <compare>
#include <cstdint>

#include "base/money.h"
#include "base/wide.h"

namespace mohona {

// Units × microseconds: two machines for half an hour are 3'600'000'000, one unit-hour.
struct Quantity {
  std::int64_t unit_micros = 0;
  friend constexpr auto operator<=>(Quantity, Quantity) = default;
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    return {a.unit_micros + b.unit_micros};
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    return {a.unit_micros - b.unit_micros};
  }
  constexpr Quantity& operator+=(Quantity b) { return unit_micros += b.unit_micros, *this; }
  constexpr Quantity& operator-=(Quantity b) { return unit_micros -= b.unit_micros, *this; }
};
constexpr Quantity unit_hour{3'600'000'000};
constexpr Quantity unit_seconds(std::int64_t seconds) { return {seconds * 1'000'000}; }

// Money times the microseconds of an hour, in nano-dollars: $1 is 3.6 × 10^18.
struct Exact {
  Wide value = 0;
  friend constexpr bool operator==(Exact, Exact) = default;
  friend constexpr auto operator<=>(Exact a, Exact b) { return a.value <=> b.value; }
  friend constexpr Exact operator+(Exact a, Exact b) { return {a.value + b.value}; }
  friend constexpr Exact operator-(Exact a, Exact b) { return {a.value - b.value}; }
  friend constexpr Exact operator-(Exact a) { return {-a.value}; }
  constexpr Exact& operator+=(Exact b) { return value += b.value, *this; }
  constexpr Exact& operator-=(Exact b) { return value -= b.value, *this; }
};
constexpr Wide exact_per_micro_dollar = Wide{1'000} * 3'600'000'000;

constexpr Exact exact(Price per_unit_hour, Quantity quantity) {
  return {Wide{per_unit_hour.nanos} * quantity.unit_micros};
}
constexpr Exact exact(Money money) { return {money.micros * exact_per_micro_dollar}; }

// dividend ÷ divisor (above 0), half to even.
constexpr Wide divide_half_even(Wide dividend, Wide divisor) {
  Wide quotient = dividend / divisor;
  const Wide rest = dividend % divisor;
  const Wide twice = (rest < 0 ? -rest : rest) * 2;
  if (twice > divisor || (twice == divisor && quotient % 2 != 0)) quotient += dividend < 0 ? -1 : 1;
  return quotient;
}

// The one rounding of a line: to micro-dollars, half to even.
constexpr Money rounded(Exact amount) {
  return {static_cast<std::int64_t>(divide_half_even(amount.value, exact_per_micro_dollar))};
}
// What an hour of one unit costs, if one unit-hour costs `amount`: to nano-dollars, half to even.
constexpr Price rounded_price(Exact amount) {
  return {static_cast<std::int64_t>(divide_half_even(amount.value, unit_hour.unit_micros))};
}

// amount × part ÷ whole, rounded down, for parts and wholes up to 10^15: no product overflows.
constexpr Wide scaled(Wide amount, std::int64_t part, std::int64_t whole) {
  return part == whole ? amount : amount / whole * part + amount % whole * part / whole;
}
constexpr std::int64_t ppm_whole = 1'000'000;
constexpr Exact part_of(Exact amount, std::int64_t ppm) {
  return {scaled(amount.value, ppm, ppm_whole)};
}

// What of `fee` belongs to the first `drawn` of `whole`. Shares are differences of this, so that
// they add up to the fee exactly, in whatever order they are taken: every share is within one unit
// of its exact value, as by largest remainder, and nothing has to be sorted.
constexpr Exact share(Exact fee, Wide drawn, Wide whole) {
  if (fee.value == whole) return {drawn};  // a dollar paid for a dollar promised
  if (drawn >= whole) return fee;
  // Both are shortened until the product fits; the last share is the fee less the others anyway.
  while (whole >> 63 != 0) drawn >>= 1, whole >>= 1;
  return {fee.value / whole * drawn + fee.value % whole * drawn / whole};
}

}  // namespace mohona

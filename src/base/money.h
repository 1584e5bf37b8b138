// Money and prices, in integers. No floating point comes near an amount.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace mohona {

// An amount of US dollars in integer micro-dollars.
struct Money {
  std::int64_t micros = 0;
  friend constexpr auto operator<=>(Money, Money) = default;
  friend constexpr Money operator+(Money a, Money b) { return {a.micros + b.micros}; }
  friend constexpr Money operator-(Money a, Money b) { return {a.micros - b.micros}; }
  constexpr Money& operator+=(Money b) { return micros += b.micros, *this; }
};

// What one node costs for one hour, in integer nano-dollars: the clouds quote to 1e-8 of a dollar.
struct Price {
  std::int64_t nanos = 0;
  friend constexpr auto operator<=>(Price, Price) = default;
};

// The part of a node that is held: `held` of `whole` units of whichever resource is held most.
struct Fraction {
  std::int64_t held = 0;
  std::int64_t whole = 1;
  friend constexpr auto operator<=>(const Fraction&, const Fraction&) = default;
};

// price × time × nodes × part, exact in 128 bits and rounded once, half to even.
//
//   charge({55'040'000'000}, minutes(30), 1, {1, 1}) == Money{27'520'000}      // $27.52
Money charge(Price per_node_hour, Duration time, std::int64_t nodes, Fraction part);

// The time after which `charge` would exceed `limit`; Duration::max() when it never does.
Duration time_within(Money limit, Price per_node_hour, std::int64_t nodes, Fraction part);

// "$27.52", "$0.000342": cents, and more digits only where cents would show nothing.
std::string format_money(Money amount);
// "27.520000": always six digits, for scripts.
std::string format_money_exact(Money amount);

// "55.04", "0.00001275", "7.00": cents, and more digits where the price has them.
std::string format_price(Price price);

// "12.50", "$12.50", "0.00000123". At most six (Money) or nine (Price) digits after the point.
Result<Money> parse_money(std::string_view text);
Result<Price> parse_price(std::string_view text);

}  // namespace mohona

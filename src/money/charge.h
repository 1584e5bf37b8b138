// One charge, before it is rounded. What FOCUS 1.2 needs of a charge is here; names are in the
// Book.
#pragma once

#include "base/time.h"
#include "model/usage.h"
#include "money/exact.h"

namespace mohona {

// Numbers that a Book gives to what it has seen. They say nothing about order.
using MeterId = std::uint32_t;
using ResourceId = std::uint32_t;
using TermId = std::uint32_t;  // a commitment, a reservation or a minimum of any contract
constexpr std::uint32_t none_id = UINT32_MAX;

enum class Category { usage, purchase, credit, adjustment };
enum class Pricing { standard, dynamic, committed };
enum class Use { none, used, unused };

// Why there is this row.
enum class Cause {
  ran,      // a resource used a meter
  idle,     // reserved capacity that nothing used, billed all the same
  running,  // what covered usage costs beside the fees
  lost,     // what of a commitment nothing used
  fee,      // a commitment or paid-ahead spending was bought, or an instalment of it fell due
  volume,   // a month's usage reached cheaper tiers
  overage,  // a month's draws went beyond what was paid ahead
  true_up,  // a milestone was missed
  prepaid,  // usage was paid from a credit that a missed milestone left
};

struct Charge {
  Timestamp begin, end;  // of the charge period
  Category category = Category::usage;
  Cause cause = Cause::ran;
  Pricing pricing = Pricing::standard;

  TermId commitment = none_id;  // or the minimum that paid
  Use use = Use::none;
  TermId reservation = none_id;
  Use reserved = Use::none;
  MeterId meter = none_id;
  ResourceId resource = none_id;

  Quantity quantity;
  Price list_price, contracted_price;  // per unit-hour; 0 where there is no meter
  Exact billed;                        // cash
  Exact effective;                     // with the fees of commitments spread over what they cover
  Exact list, contracted;              // at the on-demand price, before and after the discount
  Wide drawn = 0;                      // of the commitment: thousandths × µs, or as in Exact

  friend bool operator==(const Charge&, const Charge&) = default;
};

}  // namespace mohona

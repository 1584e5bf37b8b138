// Price files: what things cost at a place, who says so and of which day.
//
//   prices: {as_of: 2026-07-20, source: the price API of aws, currency: USD}
//   offers:
//   - {sku: p5.48xlarge, cloud: aws, region: us-east-1, accelerators: H100:8, price: 55.04}
//   egress:
//   - {from: aws/us-east-1, to: internet, per_gb: 0.09}
//
// Offers have the words of a contracts file, and `accelerators`, `cpus` and `memory`, by which they
// are compared. An offer or an egress price may have an `as_of` and a `source` of its own. What a
// file says is not yet to be believed: check_prices (money/quarantine.h) sets aside what it lacks.
#pragma once

#include <string>

#include "base/result.h"
#include "model/price_list.h"
#include "spec/source.h"

namespace mohona {

// Error: Code::invalid; its message shows every mistake with position, line and caret.
Result<PriceList> parse_price_file(const Source& source);

// The same prices as such a file. What all of them have in common stands in its head.
std::string price_file_text(const PriceList& prices);

}  // namespace mohona

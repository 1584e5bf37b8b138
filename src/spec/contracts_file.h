// Contract files: what was promised to clouds, and what things cost there without a promise. In
// full: docs/money.md.
//
//   prices: [list-prices.yaml]     # offers of price files (spec/price_file.h), from where this is
//   offers:
//   - {sku: p5.48xlarge, family: p5, cloud: aws, region: us-east-1, price: 55.04}
//   contracts:
//   - name: aws
//     cloud: aws
//     commitments:
//     - {name: plan, from: 2026-01-01, to: 2027-01-01, dollars_per_hour: 10,
//        rates: [{families: [p5], off: 28%}]}
#pragma once

#include "base/result.h"
#include "model/contract.h"
#include "spec/source.h"

namespace mohona {

// Error: Code::invalid; its message shows every mistake with position, line and caret.
Result<Contracts> parse_contracts_file(const Source& source);

}  // namespace mohona

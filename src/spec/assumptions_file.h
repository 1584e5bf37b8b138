// Assumptions about years to come, for `mohona forecast`. In full: docs/money.md.
//
//   begin: 2026-01-01
//   years: 3
//   offers: [...]                  as in a contracts file
//   contracts: [...]
//   demand:
//   - {name: training, sku: p5.48xlarge, cloud: aws, units: 100, growth: 40%}
//   what_if:
//   - {name: prices fall, price: {clouds: aws, times: 0.8, from: 2027-01-01}}
#pragma once

#include "base/result.h"
#include "model/assumptions.h"
#include "spec/source.h"

namespace mohona {

// Error: Code::invalid; its message shows every mistake with position, line and caret.
Result<Assumptions> parse_assumptions_file(const Source& source);

// Whether the text is assumptions rather than a scenario: its top has `years`.
bool are_assumptions(const Source& source);

}  // namespace mohona

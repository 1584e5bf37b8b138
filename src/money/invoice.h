// Charges as a person reads them: by month, contract and commitment. Each line is rounded once.
#pragma once

#include <string>
#include <vector>

#include "money/book.h"
#include "money/ledger.h"

namespace mohona {

struct InvoiceLine {
  std::string month;     // "2026-01"; a charge for a longer time is in the month that it ends in,
                         // a fee in the one that it begins in
  std::string contract;  // empty: on demand, under no contract
  std::string term;      // the commitment, reservation or minimum
  Cause cause = Cause::ran;
  std::string sku, place;  // aws/us-east-1; the zone is left out
  Price price;             // per unit-hour, where it was billed at one
  Wide unit_micros = 0;    // a month of ten million cores is more than a Quantity holds
  Money billed, effective;
};

// Sorted by month, contract, term, cause, sku, place and price. Lines without quantity and money
// are left out.
std::vector<InvoiceLine> invoice(const Book& book, const Ledger& ledger);

// "ran", "fee", "unused" …: what an invoice calls the cause.
std::string_view name(Cause cause);
// Unit-hours: "2", "0.25", at most six digits.
std::string format_unit_hours(Wide unit_micros);

}  // namespace mohona

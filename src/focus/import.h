// A cloud's bill: FOCUS 1.0 to 1.2 cost and usage, comma-separated, plain or compressed.
//
//   auto read = import_focus("bill.csv.gz", [&](const FocusRow& row) { return take(row); });
//
// Rows come one after another and none is kept. Only what is compared with a settlement is read;
// other columns are passed over. What is wrong is told with line and column.
#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/wide.h"
#include "focus/csv.h"

namespace mohona {

// Dollars as bills write them, in 10^-18. What stands behind the eighteenth digit is rounded, half
// to even.
struct BillMoney {
  Wide attos = 0;
  friend constexpr bool operator==(BillMoney, BillMoney) = default;
  friend constexpr auto operator<=>(BillMoney a, BillMoney b) { return a.attos <=> b.attos; }
  friend constexpr BillMoney operator+(BillMoney a, BillMoney b) { return {a.attos + b.attos}; }
  friend constexpr BillMoney operator-(BillMoney a, BillMoney b) { return {a.attos - b.attos}; }
  constexpr BillMoney& operator+=(BillMoney b) { return attos += b.attos, *this; }
};
constexpr int bill_money_places = 18;
constexpr Wide attos_per_dollar = Wide{1'000'000'000} * 1'000'000'000;
constexpr BillMoney abs(BillMoney money) { return {money.attos < 0 ? -money.attos : money.attos}; }

// So much of a unit, in 10^-12 of it.
struct BillQuantity {
  Wide picos = 0;
  friend constexpr bool operator==(BillQuantity, BillQuantity) = default;
  friend constexpr auto operator<=>(BillQuantity a, BillQuantity b) { return a.picos <=> b.picos; }
  friend constexpr BillQuantity operator+(BillQuantity a, BillQuantity b) {
    return {a.picos + b.picos};
  }
  friend constexpr BillQuantity operator-(BillQuantity a, BillQuantity b) {
    return {a.picos - b.picos};
  }
  constexpr BillQuantity& operator+=(BillQuantity b) { return picos += b.picos, *this; }
};
constexpr int bill_quantity_places = 12;
constexpr Wide picos_per_unit = 1'000'000'000'000;

// Bounds of one row, and of a file: the sum of all rows and the difference of two such sums stay
// within 128 bits.
constexpr std::int64_t bill_dollars_max = 100'000'000'000;
constexpr std::int64_t bill_units_max = 1'000'000'000'000'000;
constexpr std::size_t bill_rows_max = 100'000'000;

enum class BillCategory { usage, purchase, tax, credit, adjustment };
enum class BillStatus { none, used, unused };  // of a commitment in a row

struct FocusRow {
  Timestamp begin, end;  // of the charge period; a row that says no length ends where it begins
  BillCategory category = BillCategory::usage;
  bool correction = false;  // of an invoice before
  std::string cloud;        // "aws" for "AWS", as cloud_name says
  std::string provider;     // as the bill has it
  std::string account;      // the sub-account or, without one, the billing account
  std::string sku, region, zone, resource;
  std::string commitment;  // its id
  BillStatus status = BillStatus::none;
  std::optional<BillQuantity> quantity;  // in hours if the row has them anywhere
  std::string unit;                      // "Hours", "GB", …
  BillMoney billed, effective;
  std::optional<BillMoney> list, contracted;

  friend bool operator==(const FocusRow&, const FocusRow&) = default;
};

// Text that comes line by line, as for_lines gives it. Errors: Code::invalid for a missing column,
// a wrong cell, another currency than US dollars, and more than bill_rows_max rows.
class FocusReader {
 public:
  using Take = std::function<Result<void>(const FocusRow&)>;
  FocusReader(std::string name, Take take);
  FocusReader(const FocusReader&) = delete;
  FocusReader& operator=(const FocusReader&) = delete;

  Result<void> line(std::size_t number, std::string_view text) { return csv_.line(number, text); }
  Result<void> end() const { return csv_.end(); }

 private:
  Result<void> take(const CsvRecord& record);

  Take take_;
  CsvReader csv_;
  FocusRow row_;
  std::size_t rows_ = 0;
};

// The same of a file. Errors: also those of for_lines (base/gz_lines.h).
Result<void> import_focus(const std::string& path, const FocusReader::Take& take);

// How contracts name a cloud that bills call "AWS", "Microsoft", "Google Cloud" or "Oracle"; others
// by what they are called, in small letters.
std::string cloud_name(std::string_view provider);

}  // namespace mohona

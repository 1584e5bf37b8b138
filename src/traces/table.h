// Comma-separated files with a heading that names their columns, as public traces are; plain or
// compressed. What is wrong is told with file and line: "tasks.csv:7: ...".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mohona {

struct NumberRange {
  std::int64_t min = 0, max = 1'000'000'000'000'000;
};
constexpr NumberRange any_millionths{0, 9'000'000'000'000'000'000};

// One line. A column that is not there is empty, as one that says nothing. Errors: Code::invalid.
class TableRow {
 public:
  TableRow(std::string where, const std::vector<std::string>& columns,
           std::vector<std::string_view> fields)
      : where_(std::move(where)), columns_(columns), fields_(std::move(fields)) {}

  std::string_view text(std::string_view column) const;  // without spaces around it
  Result<std::int64_t> whole(std::string_view column, NumberRange range = {}) const;
  // A decimal number in millionths: "66.0" is 66000000. The range is of these.
  Result<std::int64_t> millionths(std::string_view column,
                                  NumberRange range = any_millionths) const;
  Failure wrong(const std::string& what) const;

 private:
  std::string where_;
  const std::vector<std::string>& columns_;
  std::vector<std::string_view> fields_;
};

// Gives every line after the heading to `take`, whose failure ends the reading. `needed`: columns
// that must be there. Errors: those of for_lines (base/gz_lines.h), and Code::invalid for a heading
// without a needed column, a line of another length, an empty file.
Result<void> for_rows(const std::string& path, const std::vector<std::string_view>& needed,
                      const std::function<Result<void>(const TableRow&)>& take);

// A whole number, all of the text. Code::invalid: "'x' is not a whole number".
Result<std::int64_t> parse_whole(std::string_view text);
// A decimal number in millionths, rounded. Code::invalid: "'x' is not a number".
Result<std::int64_t> parse_millionths(std::string_view text);

}  // namespace mohona

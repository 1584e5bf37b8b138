// Comma-separated files with a line of names, as the public traces are.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mohona {

// One line; its fields by column. A column that is missing is an error of the file, found at once.
class TableRow {
 public:
  TableRow(std::string where, const std::map<std::string, std::size_t, std::less<>>& columns,
           std::vector<std::string_view> fields)
      : where_(std::move(where)), columns_(columns), fields_(std::move(fields)) {}

  std::string_view text(std::string_view column) const;  // empty: none
  Result<std::int64_t> whole(std::string_view column) const;
  // Decimal, in millionths; "66.0" is 66000000.
  Result<std::int64_t> millionths(std::string_view column) const;
  Failure error(const std::string& what) const;

 private:
  std::string where_;
  const std::map<std::string, std::size_t, std::less<>>& columns_;
  std::vector<std::string_view> fields_;
};

// `wanted`: columns that must be there.
Result<void> read_table(const std::string& path, const std::vector<std::string>& wanted,
                        const std::function<Result<void>(const TableRow&)>& take);

Result<std::int64_t> parse_whole(std::string_view text);
Result<std::int64_t> parse_millionths(std::string_view text);

}  // namespace mohona

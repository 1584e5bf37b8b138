#include "traces/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/gz_lines.h"
#include "base/text.h"

namespace mohona {

Result<std::int64_t> parse_whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return fail(Code::invalid, fmt::format("'{}' is not a whole number", text));
  }
  return value;
}

Result<std::int64_t> parse_millionths(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() ||
      !(value > -9e12 && value < 9e12)) {
    return fail(Code::invalid, fmt::format("'{}' is not a number", text));
  }
  return static_cast<std::int64_t>(value * 1e6 + (value < 0 ? -0.5 : 0.5));
}

std::string_view TableRow::text(std::string_view column) const {
  const auto at = static_cast<std::size_t>(std::find(columns_.begin(), columns_.end(), column) -
                                           columns_.begin());
  return at < fields_.size() ? trim(fields_[at]) : std::string_view();
}

Failure TableRow::wrong(const std::string& what) const {
  return fail(Code::invalid, fmt::format("{}: {}", where_, what));
}

Result<std::int64_t> TableRow::whole(std::string_view column, NumberRange range) const {
  const auto value = parse_whole(text(column));
  if (value && *value >= range.min && *value <= range.max) return value;
  return wrong(fmt::format("{} is '{}'; expected a whole number from {} to {}", column,
                           text(column), range.min, range.max));
}

Result<std::int64_t> TableRow::millionths(std::string_view column, NumberRange range) const {
  const auto value = parse_millionths(text(column));
  if (value && *value >= range.min && *value <= range.max) return value;
  return wrong(fmt::format("{} is '{}'; expected a number from {} to {}", column, text(column),
                           range.min / 1'000'000, range.max / 1'000'000));
}

Result<void> for_rows(const std::string& path, const std::vector<std::string_view>& needed,
                      const std::function<Result<void>(const TableRow&)>& take) {
  std::vector<std::string> columns;
  const auto read = for_lines(path, [&](std::size_t number, std::string_view line) -> Result<void> {
    const std::string where = fmt::format("{}:{}", path, number);
    if (number == 1) {
      for (const std::string_view name : split(line, ',')) columns.emplace_back(trim(name));
      for (const std::string_view name : needed) {
        if (std::find(columns.begin(), columns.end(), name) == columns.end()) {
          return fail(Code::invalid, fmt::format("{}: no column '{}'; expected at least {}", where,
                                                 name, fmt::join(needed, ",")));
        }
      }
      return {};
    }
    if (trim(line).empty()) return {};
    std::vector<std::string_view> fields = split(line, ',');
    if (fields.size() != columns.size()) {
      return fail(Code::invalid, fmt::format("{}: {} fields; the heading has {}", where,
                                             fields.size(), columns.size()));
    }
    return take(TableRow(where, columns, std::move(fields)));
  });
  if (!read) return read;
  if (columns.empty()) return fail(Code::invalid, fmt::format("{}: the file is empty", path));
  return {};
}

}  // namespace mohona

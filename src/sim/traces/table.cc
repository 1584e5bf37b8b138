#include "sim/traces/table.h"

#include <fmt/format.h>

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
  const auto found = columns_.find(column);
  if (found == columns_.end() || found->second >= fields_.size()) return {};
  return fields_[found->second];
}

Failure TableRow::error(const std::string& what) const {
  return fail(Code::invalid, fmt::format("{}: {}", where_, what));
}

Result<std::int64_t> TableRow::whole(std::string_view column) const {
  auto value = parse_whole(text(column));
  if (!value) return error(fmt::format("{}: {}", column, value.error().message));
  return value;
}

Result<std::int64_t> TableRow::millionths(std::string_view column) const {
  auto value = parse_millionths(text(column));
  if (!value) return error(fmt::format("{}: {}", column, value.error().message));
  return value;
}

Result<void> read_table(const std::string& path, const std::vector<std::string>& wanted,
                        const std::function<Result<void>(const TableRow&)>& take) {
  std::map<std::string, std::size_t, std::less<>> columns;
  const auto read = for_lines(path, [&](std::size_t number, std::string_view line) -> Result<void> {
    if (line.empty()) return {};
    const auto fields = split(line, ',');
    const std::string where = fmt::format("{}, line {}", path, number);
    if (columns.empty()) {
      for (std::size_t i = 0; i < fields.size(); ++i) columns[std::string(fields[i])] = i;
      for (const std::string& name : wanted) {
        if (columns.contains(name)) continue;
        return fail(Code::invalid, fmt::format("{}: there is no column '{}'", where, name));
      }
      return {};
    }
    if (fields.size() != columns.size()) {
      return fail(Code::invalid, fmt::format("{}: {} fields, where the first line names {}", where,
                                             fields.size(), columns.size()));
    }
    return take(TableRow(where, columns, fields));
  });
  if (!read) return read;
  if (columns.empty()) return fail(Code::invalid, path + ": the file is empty");
  return {};
}

}  // namespace mohona

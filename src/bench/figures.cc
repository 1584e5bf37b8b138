#include "bench/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"

namespace mohona {

double percentile(Series values, double p) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(p * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return static_cast<double>(values[static_cast<std::size_t>(at)]);
}

double mean(const Series& values) {
  double total = 0;
  for (const float value : values) total += static_cast<double>(value);
  return values.empty() ? 0 : total / static_cast<double>(values.size());
}

double peak_rss_mib() {
  const auto status = read_file("/proc/self/status");
  if (!status) return 0;
  const auto at = status->find("VmHWM:");
  return at == std::string::npos ? 0 : std::strtod(status->c_str() + at + 6, nullptr) / 1'024;
}

std::string readable(double value) {
  if (value != 0 && std::abs(value) < 100) return fmt::format("{:.2f}", value);
  std::string digits = fmt::format("{:.0f}", std::abs(value));
  for (std::ptrdiff_t i = std::ssize(digits) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<std::size_t>(i), 1, ',');
  }
  return (value < 0 ? "-" : "") + digits;
}

namespace {

std::string text_of(const Json& value) {
  if (value.is_number()) return readable(value.get<double>());
  if (value.is_null()) return "never";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void print_table(const Json& rows) {
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& [key, value] : rows.front().items()) lines[0].push_back(key);
  for (const Json& row : rows) {
    lines.emplace_back();
    for (const auto& [key, value] : row.items()) lines.back().push_back(text_of(value));
  }
  std::vector<std::size_t> widths(lines[0].size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) fmt::print("{:>{}}  ", line[i], widths[i]);
    fmt::print("\n");
  }
}

}  // namespace

void print_figures(const Json& figures) {
  for (const auto& [key, value] : figures.items()) {
    if (value.is_array() && !value.empty() && value.front().is_object()) {
      fmt::print("\n{}\n", key);
      print_table(value);
    } else {
      fmt::print("{:28} {:>14}\n", key, text_of(value));
    }
  }
}

}  // namespace mohona

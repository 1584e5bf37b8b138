#include "model/host_list.h"

#include <charconv>

#include "base/text.h"

namespace mohona {
namespace {

constexpr std::size_t names_max = 1'000'000;

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0) {
    return std::nullopt;
  }
  return value;
}

// "1-3,07" after "node": node1 node2 node3 node07. Digits keep their width.
bool add_numbered(std::string_view before, std::string_view ranges, std::string_view after,
                  std::vector<std::string>& out) {
  for (const std::string_view range : split(ranges, ',')) {
    const std::size_t dash = range.find('-');
    const std::string_view low = range.substr(0, dash);
    const std::string_view high = dash == std::string_view::npos ? low : range.substr(dash + 1);
    const auto first = whole(low), last = whole(high);
    if (!first || !last || *last < *first ||
        static_cast<std::size_t>(*last - *first) >= names_max - out.size()) {
      return false;
    }
    for (std::int64_t i = *first; i <= *last; ++i) {
      out.push_back(fmt::format("{}{:0{}}{}", before, i, low.size(), after));
    }
  }
  return true;
}

// One item of a list: a name, or one with a bracket in it.
bool add_item(std::string_view item, std::vector<std::string>& out) {
  const std::size_t open = item.find('['), close = item.find(']');
  if (open == std::string_view::npos && close == std::string_view::npos) {
    if (item.empty() || out.size() >= names_max) return false;
    out.emplace_back(item);
    return true;
  }
  if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
      item.find('[', open + 1) != std::string_view::npos) {
    return false;
  }
  return add_numbered(item.substr(0, open), item.substr(open + 1, close - open - 1),
                      item.substr(close + 1), out);
}

}  // namespace

std::optional<std::vector<std::string>> parse_host_list(std::string_view text) {
  std::vector<std::string> out;
  std::size_t begin = 0, depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '[') ++depth;
    if (i < text.size() && text[i] == ']' && depth-- == 0) return std::nullopt;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    if (!add_item(text.substr(begin, i - begin), out)) return std::nullopt;
    begin = i + 1;
  }
  if (depth > 0) return std::nullopt;
  return out;
}

}  // namespace mohona

#include "model/node_ranges.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace mohona {
namespace {

// Digits and nothing else: no sign, no blank.
std::optional<std::int64_t> parse_index(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != text.npos) {
    return std::nullopt;
  }
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value < pool_nodes_max ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<NodeRanges> parse_node_ranges(std::string_view text) {
  NodeRanges out;
  for (const std::string_view item : split(text, ',')) {
    const std::string_view range = trim(item);
    const std::size_t dash = std::min(range.find('-'), range.size());
    const auto first = parse_index(range.substr(0, dash));
    const auto last = dash < range.size() ? parse_index(range.substr(dash + 1)) : first;
    if (!first || !last || *last < *first) return std::nullopt;
    out.push_back({*first, *last});
  }
  return normalised(std::move(out));
}

std::string format_node_ranges(const NodeRanges& ranges) {
  std::string out;
  for (const NodeRange& range : normalised(ranges)) {
    if (!out.empty()) out += ',';
    out += std::to_string(range.first);
    if (range.last > range.first) out += fmt::format("-{}", range.last);
  }
  return out;
}

NodeRanges normalised(NodeRanges ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const NodeRange& a, const NodeRange& b) { return a.first < b.first; });
  NodeRanges out;
  for (const NodeRange& range : ranges) {
    if (!out.empty() && range.first <= out.back().last + 1) {
      out.back().last = std::max(out.back().last, range.last);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

NodeRanges united(const NodeRanges& a, const NodeRanges& b) {
  NodeRanges both = a;
  both.insert(both.end(), b.begin(), b.end());
  return normalised(std::move(both));
}

NodeRanges without(const NodeRanges& all, const NodeRanges& removed) {
  const NodeRanges holes = normalised(removed);
  NodeRanges out;
  auto hole = holes.begin();
  for (NodeRange range : normalised(all)) {
    while (hole != holes.end() && hole->last < range.first) ++hole;
    for (auto at = hole; at != holes.end() && at->first <= range.last; ++at) {
      if (at->first > range.first) out.push_back({range.first, at->first - 1});
      range.first = at->last + 1;
    }
    if (range.first <= range.last) out.push_back(range);
  }
  return out;
}

std::int64_t count_nodes(const NodeRanges& ranges) {
  std::int64_t count = 0;
  for (const NodeRange& range : normalised(ranges)) count += range.last - range.first + 1;
  return count;
}

}  // namespace mohona

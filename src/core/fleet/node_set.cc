#include "core/fleet/node_set.h"

#include <algorithm>

namespace mohona {

NodeSet to_set(const NodeRanges& ranges, std::uint32_t leaf_size) {
  NodeSet out;
  for (const NodeRange& range : ranges) {
    for (std::int64_t node = range.first; node <= range.last; ++node) {
      const auto leaf = static_cast<Leaf>(node / leaf_size);
      if (out.empty() || out.back().leaf != leaf) out.push_back({leaf, 0});
      out.back().nodes |= Mask{1} << (node % leaf_size);
    }
  }
  return out;
}

NodeRanges to_ranges(const NodeSet& nodes, std::uint32_t leaf_size) {
  NodeRanges out;
  for (const Segment& segment : nodes) {
    for_bits(segment.nodes, [&](std::uint32_t place) {
      const std::int64_t node = std::int64_t{segment.leaf} * leaf_size + place;
      if (!out.empty() && out.back().last + 1 == node) {
        ++out.back().last;
      } else {
        out.push_back({node, node});
      }
    });
  }
  return out;
}

bool overlap(const NodeSet& a, const NodeSet& b) {
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (i->leaf == j->leaf && (i->nodes & j->nodes) != 0) return true;
    (i->leaf <= j->leaf ? i : j)++;
  }
  return false;
}

Mask mask_of(const NodeSet& nodes, Leaf leaf) {
  const auto found =
      std::lower_bound(nodes.begin(), nodes.end(), leaf,
                       [](const Segment& segment, Leaf l) { return segment.leaf < l; });
  return found == nodes.end() || found->leaf != leaf ? 0 : found->nodes;
}

}  // namespace mohona

// Sets of a pool's nodes, written as Slurm and lists of cores are: "0-15,32". Every function takes
// any ranges and gives normalised ones: in order, without overlap, neighbours merged.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/resources.h"

namespace mohona {

constexpr std::int64_t pool_nodes_max = 1'000'000;

// nullopt: not such a list, or one that names a node beyond any pool's last.
std::optional<NodeRanges> parse_node_ranges(std::string_view text);
std::string format_node_ranges(const NodeRanges& ranges);

NodeRanges normalised(NodeRanges ranges);
NodeRanges united(const NodeRanges& a, const NodeRanges& b);
NodeRanges without(const NodeRanges& all, const NodeRanges& removed);  // of `all`, not in `removed`
std::int64_t count_nodes(const NodeRanges& ranges);

}  // namespace mohona

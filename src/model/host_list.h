// Names of nodes, as Slurm writes many of them: "node[1-3,07],login".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mohona {

// The names, in order; nullopt: not such a list, or more than a million names.
std::optional<std::vector<std::string>> parse_host_list(std::string_view text);

}  // namespace mohona

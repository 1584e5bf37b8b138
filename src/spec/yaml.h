// Text to trees: YAML (by yaml-cpp) and JSON (by nlohmann-json).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "spec/node.h"
#include "spec/problems.h"

namespace mohona {

// The documents of a YAML text that passed `check_text`. With mistakes noted, what is returned is
// of no use. No documents: the text holds nothing but blanks and comments.
std::vector<SpecNode> parse_yaml(const std::string& text, Problems& problems);

// Of a file that is one map: that map; nothing, and what is wrong is noted, where it is not.
struct OneDocument {
  std::string_view one;       // "a fleet file has one document"
  std::string_view lacks;     // "the file has no 'pools'": said of what is no map
  std::string_view expected;  // "expected pools: [...]"
};
std::optional<SpecNode> parse_one_map(const std::string& text, const OneDocument& says,
                                      Problems& problems);

// The one value of a JSON text.
SpecNode parse_json(std::string_view text, Problems& problems);

}  // namespace mohona

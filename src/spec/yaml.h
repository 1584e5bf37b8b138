// Text to trees: YAML (by yaml-cpp) and JSON (by nlohmann-json).
#pragma once

#include <vector>

#include "spec/node.h"
#include "spec/problems.h"

namespace mohona {

// The documents of a YAML text that passed `check_text`. With mistakes noted, what is returned is
// of no use. No documents: the text holds nothing but blanks and comments.
std::vector<SpecNode> parse_yaml(const std::string& text, Problems& problems);

// The one value of a JSON text.
SpecNode parse_json(std::string_view text, Problems& problems);

}  // namespace mohona

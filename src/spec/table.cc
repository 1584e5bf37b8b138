#include "spec/table.h"

#include <algorithm>

namespace mohona {

std::vector<TableField> table_fields(std::string_view line, std::size_t begin) {
  std::vector<TableField> out;
  bool quoted = false;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size() && line[i] == '"') quoted = !quoted;
    if (i < line.size() && (quoted || line[i] != ',')) continue;
    std::string_view text = trim(line.substr(from, i - from));
    if (text.size() > 1 && text.front() == '"' && text.back() == '"') {
      text = trim(text.substr(1, text.size() - 2));
    }
    const auto at = text.empty() ? from : static_cast<std::size_t>(text.data() - line.data());
    out.push_back({text, {begin + at, std::max<std::size_t>(text.size(), 1)}});
    from = i + 1;
  }
  return out;
}

}  // namespace mohona

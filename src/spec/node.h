// A YAML or JSON text as a tree in which every value knows where it stands.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mohona {

// What one text may hold. A job file is written by hand; these are far above any of those, and
// low enough that a hostile one (aliases of aliases of aliases) costs milliseconds.
constexpr std::size_t text_bytes_max = 1 << 20;
constexpr std::size_t nodes_max = 100'000;
constexpr std::size_t map_keys_max = 4'096;  // keeps what compares every key with every key cheap
constexpr std::size_t copied_bytes_max = 4 << 20;  // by aliases
constexpr std::size_t depth_max = 32;
constexpr std::size_t documents_max = 1'000;

// A stretch of the text, in bytes.
struct Place {
  std::size_t begin = 0;
  std::size_t length = 1;
};

struct SpecNode {
  enum class Type { null, scalar, list, map };

  Type type = Type::null;
  std::string key;                 // what it stands under; an item has its list's key
  Place key_place;                 // meaningless at the top and in lists
  Place place;                     // of a null in a map: its key's
  std::string text;                // a scalar, quotes and escapes undone; numbers as written
  bool quoted = false;             // a scalar that can only be text
  std::vector<SpecNode> children;  // a map's values, each with its key, or a list's items

  bool is_null() const { return type == Type::null; }
  bool is_scalar() const { return type == Type::scalar; }
  bool is_list() const { return type == Type::list; }
  bool is_map() const { return type == Type::map; }

  // null, "", [] or {}. Under a key this means the default, as if the key were absent: programs
  // that write job files write out what was not set.
  bool is_empty() const { return text.empty() && children.empty(); }

  // The value under `name` in this map; nullptr when there is none, or an empty one.
  const SpecNode* find(std::string_view name) const {
    const SpecNode* found = find_written(name);
    return found && !found->is_empty() ? found : nullptr;
  }
  // Also an empty one.
  const SpecNode* find_written(std::string_view name) const {
    for (const SpecNode& child : children) {
      if (child.key == name) return &child;
    }
    return nullptr;
  }
};

}  // namespace mohona

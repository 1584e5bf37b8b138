#include "engine/host/ignore_file.h"

#include <algorithm>

#include "base/text.h"

namespace mohona::host {
namespace {

// More lines, or longer ones, nobody writes by hand; matching costs their product with the files.
constexpr std::size_t rules_max = 10'000;
constexpr std::size_t line_bytes_max = 1'024;

// "[a-z]" at `at` in the pattern: whether `c` is of it, and where the pattern goes on. npos: no
// bracket closes it, so that it is a plain character.
bool in_class(std::string_view pattern, std::size_t at, char c, std::size_t& next) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (bool first = true;; first = false) {
    if (i >= pattern.size()) {
      next = std::string_view::npos;
      return false;
    }
    if (pattern[i] == ']' && !first) break;
    char low = pattern[i++];
    if (low == '\\' && i < pattern.size()) low = pattern[i++];
    char high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      high = pattern[i + 1];
      i += 2;
    }
    found = found || (low <= c && c <= high);
  }
  next = i + 1;
  return found != negated;
}

// One character of the pattern against one of the name.
bool matches_one(std::string_view pattern, std::size_t at, char c, std::size_t& next) {
  next = at + 1;
  if (pattern[at] == '?') return true;
  if (pattern[at] == '[') {
    std::size_t after = 0;
    const bool is = in_class(pattern, at, c, after);
    if (after != std::string_view::npos) {
      next = after;
      return is;
    }
  }
  if (pattern[at] == '\\' && at + 1 < pattern.size()) {
    next = at + 2;
    return pattern[at + 1] == c;
  }
  return pattern[at] == c;
}

// A name against a pattern without slashes, in steps that are at most their product.
bool matches_name(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = std::string_view::npos, starred = 0;
  while (n < name.size()) {
    std::size_t next = 0;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      starred = n;
    } else if (p < pattern.size() && matches_one(pattern, p, name[n], next)) {
      p = next;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++starred;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// Likewise a path against segments: "**" is to segments what "*" is to characters.
bool matches_path(const std::vector<std::string>& pattern,
                  const std::vector<std::string_view>& path) {
  std::size_t p = 0, n = 0, star = std::string::npos, starred = 0;
  while (n < path.size()) {
    if (p < pattern.size() && pattern[p] == "**") {
      star = p++;
      starred = n;
    } else if (p < pattern.size() && matches_name(pattern[p], path[n])) {
      ++p;
      ++n;
    } else if (star != std::string::npos) {
      p = star + 1;
      n = ++starred;
    } else {
      return false;
    }
  }
  // "a/**" is what stands below a, and not a itself.
  while (p < pattern.size() && pattern[p] == "**" && p + 1 < pattern.size()) ++p;
  if (p < pattern.size() && pattern[p] == "**") return star == p;
  return p == pattern.size();
}

// Blanks at the end do not count, unless a backslash stands before them.
std::string_view without_blanks(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  while (line.ends_with(' ') && !line.ends_with("\\ ")) line.remove_suffix(1);
  return line;
}

}  // namespace

void IgnoreRules::add(std::string_view text, const std::string& base) {
  for (std::string_view line : split(text, '\n')) {
    line = without_blanks(line);
    if (line.empty() || line.starts_with('#') || line.size() > line_bytes_max) continue;
    if (rules_.size() >= rules_max) return;
    IgnoreRule rule;
    rule.base = base;
    if (line.starts_with('!')) {
      rule.keep = true;
      line.remove_prefix(1);
    }
    if (line.starts_with("./")) line.remove_prefix(1);  // SkyPilot's users write it
    if (line.ends_with('/')) {
      rule.directories_only = true;
      line.remove_suffix(1);
    }
    rule.anchored = line.find('/') != std::string_view::npos;
    if (line.starts_with('/')) line.remove_prefix(1);
    for (const std::string_view segment : split(line, '/')) rule.segments.emplace_back(segment);
    if (!line.empty()) rules_.push_back(std::move(rule));
  }
}

bool IgnoreRules::ignores(const std::string& path, bool is_directory) const {
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if (rule->directories_only && !is_directory) continue;
    std::string_view below = path;
    if (!rule->base.empty()) {
      if (!below.starts_with(rule->base + "/")) continue;
      below.remove_prefix(rule->base.size() + 1);
    }
    const auto segments = split(below, '/');
    const bool matches = rule->anchored ? matches_path(rule->segments, segments)
                                        : matches_name(rule->segments.front(), segments.back());
    if (matches) return !rule->keep;
  }
  return false;
}

}  // namespace mohona::host

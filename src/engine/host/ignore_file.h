// What of a working directory is not copied: .skyignore, or else .gitignore, as SkyPilot reads
// them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mohona::host {

// One line of such a file, as git reads it (gitignore(5)).
struct IgnoreRule {
  std::string base;  // the directory of its file, relative to the top; "" is the top
  std::vector<std::string> segments;  // of the pattern; "**" is any number of directories
  bool anchored = false;              // a path below `base`; else a name at any depth
  bool directories_only = false;
  bool keep = false;  // "!": what an earlier rule left out
};

class IgnoreRules {
 public:
  // Rules of a file that stands in `base`. Later ones win. Lines beyond a bound are left out.
  void add(std::string_view text, const std::string& base);

  bool empty() const { return rules_.empty(); }

  // Whether `path`, relative to the top and never below an ignored directory, is left out.
  bool ignores(const std::string& path, bool is_directory) const;

 private:
  std::vector<IgnoreRule> rules_;
};

}  // namespace mohona::host

// A text to be read, and where it came from.
#pragma once

#include <string>

namespace mohona {

struct Source {
  std::string name;  // shown in messages
  std::string text;
  std::string directory;  // absolute; relative paths in the text start here
  bool check_paths =
      true;  // false: local paths in the text need not exist (another machine's file)
  std::string standing = {};  // where its author stands, absolute; empty: not known
};

}  // namespace mohona

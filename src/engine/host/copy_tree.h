// A copy of a working directory: files, directories and links, with their modes and times.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace mohona::host {

struct Copied {
  // What is neither file, directory nor link, as "control (a named pipe)". The first few.
  std::vector<std::string> left_out;
  std::size_t left_out_count = 0;
};

// Copies what `from` holds into the new directory `to`, but what its .skyignore names (or, without
// one, its .gitignore files and .git/info/exclude), and the directory `without`, which it may
// contain. An error names the entry.
Result<Copied> copy_tree(const std::string& from, const std::string& to,
                         const std::string& without);

// Removes a directory with all that it holds, also directories that may not be written to.
Result<void> remove_tree(const std::string& path);

}  // namespace mohona::host

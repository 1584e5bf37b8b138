// Reading the files under tests/.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "spec/job_file.h"

namespace mohona {

inline std::filesystem::path tests_directory() {
  return std::filesystem::path(MOHONA_SOURCE_DIR) / "tests";
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The first example of a file's documentation that begins so.
inline std::string documented_example(const std::string& document, const std::string& begin) {
  const std::string text = read_file(tests_directory() / "../docs" / document);
  const std::string fence = "```yaml\n";
  const std::size_t from = text.find(fence + begin) + fence.size();
  return text.substr(from, text.find("```", from) - from);
}

}  // namespace mohona

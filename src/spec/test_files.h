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

}  // namespace mohona

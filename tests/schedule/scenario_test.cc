// Every file beside this one that ends in .scenario, played. With MOHONA_UPDATE=1 the files are
// written as they were played; look at the difference before you keep it.
#include "schedule/scenario.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace mohona {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::stringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

// Line by line, by the longest common part: "-" was expected, "+" happened.
std::string difference(const std::string& expected, const std::string& real) {
  const auto a = lines(expected), b = lines(real);
  std::vector<std::vector<std::size_t>> common(a.size() + 1,
                                               std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      common[i][j] =
          a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::string out;
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      out += "  " + a[i] + "\n";
      ++i, ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      out += "- " + a[i++] + "\n";
    } else {
      out += "+ " + b[j++] + "\n";
    }
  }
  return out;
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& file :
       std::filesystem::directory_iterator(MOHONA_SOURCE_DIR "/tests/schedule")) {
    if (file.path().extension() == ".scenario") out.push_back(file.path().stem());
  }
  std::sort(out.begin(), out.end());
  return out;
}

class Scenario : public ::testing::TestWithParam<std::string> {};

TEST_P(Scenario, IsDecidedAsItSays) {
  const std::filesystem::path path =
      std::filesystem::path(MOHONA_SOURCE_DIR "/tests/schedule") / (GetParam() + ".scenario");
  const std::string text = read(path), played = play(text);
  if (std::getenv("MOHONA_UPDATE") && !played.starts_with("line ")) {
    std::ofstream(path) << played;
    return;
  }
  if (played != text) {
    FAIL() << path << " (- expected, + happened)\n" << difference(text, played);
  }
}

INSTANTIATE_TEST_SUITE_P(File, Scenario, ::testing::ValuesIn(names()), [](const auto& scenario) {
  std::string name = scenario.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
});

}  // namespace
}  // namespace mohona

#include "base/glob.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace mohona {
namespace {

namespace fs = std::filesystem;

class Glob : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/mohona-glob-XXXXXX";
    root_ = ::mkdtemp(name.data());
    for (const char* directory : {"a/b/c", "a/x", "d"}) fs::create_directories(root_ / directory);
    for (const char* file : {"1.txt", "2.txt", ".hidden.txt", "a/3.txt", "a/b/4.txt", "a/b/c/5.txt",
                             "d/6.json", "a/x/*.txt"}) {
      std::ofstream(root_ / file) << "x";
    }
    fs::create_directory_symlink("..", root_ / "a/up");  // a loop
    fs::create_directory_symlink("d", root_ / "link");
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string matches(const std::string& pattern, const GlobLimits& limits = {}) {
    const auto found = list_matches(root_.string() + "/" + pattern, limits);
    if (!found) return found.error().message;
    std::vector<std::string> names;
    for (const std::string& path : *found)
      names.push_back(fs::path(path).lexically_relative(root_));
    return join(names, " ");
  }

  fs::path root_;
};

TEST_F(Glob, ListsAsAShellDoes) {
  struct Row {
    const char *pattern, *files;
  };
  constexpr Row rows[] = {
      {"*.txt", "1.txt 2.txt"},
      {".*.txt", ".hidden.txt"},
      {"[2-9].txt", "2.txt"},
      {"?.txt", "1.txt 2.txt"},
      {"none*", ""},
      {"1.txt", "1.txt"},
      {"no.txt", ""},
      {"a/*/*.txt", "a/b/4.txt a/up/1.txt a/up/2.txt a/x/*.txt"},
      {"a/x/\\*.txt", "a/x/*.txt"},
      {"link/*", "link/6.json"},
      {"**/*.txt", "1.txt 2.txt a/3.txt a/b/4.txt a/b/c/5.txt a/x/*.txt"},
      {"a/**/c/*", "a/b/c/5.txt"},
      {"d/**", "d/6.json"},
      {"1.txt/*", ""},
  };
  for (const Row& row : rows) EXPECT_EQ(matches(row.pattern), row.files) << row.pattern;
}

TEST_F(Glob, EndsWithinItsBounds) {
  std::string loops = "a";
  for (int i = 0; i < 500; ++i) loops += "/up/a";
  EXPECT_EQ(matches(loops + "/3.txt"), "");  // more links than the kernel follows
  EXPECT_EQ(matches("a/up/a/up/a/*.txt"), "a/up/a/up/a/3.txt");
  EXPECT_NE(matches("*.txt", {.matches_max = 1}).find("matches more than 1 files"),
            std::string::npos);
  EXPECT_NE(matches("*", {.entries_max = 3}).find("has too many files to look at: more than 3"),
            std::string::npos);
  EXPECT_NE(matches("*", {.time_max = std::chrono::seconds(-1)}).find("takes too long to list"),
            std::string::npos);
  EXPECT_NE(matches(std::string(5'000, '*')).find("expected at most 4096"), std::string::npos);
  // Each ** looks at all again: the bound on entries ends that.
  EXPECT_NE(matches("**/*/**/*/**/*/**/*", {.entries_max = 100})
                .find("has too many files to look at: more than 100"),
            std::string::npos);
  EXPECT_EQ(matches("**/**/**/**/**/**/**/**/**/**/**/**/**/**/*.json"), "d/6.json");
}

}  // namespace
}  // namespace mohona

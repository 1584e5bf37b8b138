#include "engine/host/ignore_file.h"

#include <gtest/gtest.h>

#include <chrono>

namespace mohona::host {
namespace {

struct Case {
  const char *rules, *ignored, *kept;  // paths apart by blanks; "dir/" is a directory
};

// As gitignore(5) has it; the cases of public reports about .skyignore among them.
const Case cases[] = {
    {"*.ckpt", "a.ckpt sub/b.ckpt", "ckpt a.ckpt.txt"},
    {"data/", "data/ sub/data/", "data sub/data"},
    {"data", "data data/ sub/data", "data2 mydata"},
    {"/data", "data data/", "sub/data"},
    {"./data", "data data/", "sub/data"},
    {"sub/data", "sub/data", "data a/sub/data"},
    {"**/logs", "logs a/logs a/b/logs", "logs2"},
    {"logs/**", "logs/a logs/a/b", "logs logs/ a/logs/b"},
    {"a/**/b", "a/b a/x/b a/x/y/b", "a/xb b"},
    {"*.log\n!keep.log", "a.log", "keep.log"},
    {"!keep.log\n*.log", "keep.log", "keep"},
    {"# comment\n\n  \n\\#file", "#file", "comment"},
    {"data/*", "data/x data/sub/", "src/project/data/__init__.py"},
    {"scripts/*\n!scripts/entrypoint.sh", "scripts/other.sh", "scripts/entrypoint.sh"},
    {"a?c", "abc", "ac abbc a/c"},
    {"[a-c]x [!a]y", "", "ax by"},
    {"[a-c]x", "ax bx", "dx"},
    {"[!a]x", "bx", "ax"},
    {"[]]x", "]x", "[x"},
    {"[open", "[open", "o"},
    {"trailing   ", "trailing", ""},
    {"a\\*b", "a*b", "axb"},
    {"windows.txt\r", "windows.txt", ""},
};

TEST(IgnoreRules, ReadPatternsAsGitDoes) {
  for (const Case& c : cases) {
    IgnoreRules rules;
    rules.add(c.rules, "");
    const auto check = [&](std::string paths, bool expected) {
      std::istringstream words(paths);
      for (std::string path; words >> path;) {
        const bool directory = path.ends_with('/');
        if (directory) path.pop_back();
        EXPECT_EQ(rules.ignores(path, directory), expected) << c.rules << " and " << path;
      }
    };
    check(c.ignored, true);
    check(c.kept, false);
  }
}

TEST(IgnoreRules, OfADirectoryHoldBelowIt) {
  IgnoreRules rules;
  rules.add("/out\n*.tmp\n", "sub");
  EXPECT_TRUE(rules.ignores("sub/out", false));
  EXPECT_TRUE(rules.ignores("sub/deep/a.tmp", false));
  EXPECT_FALSE(rules.ignores("sub/deep/out", false));
  EXPECT_FALSE(rules.ignores("out", false));
  EXPECT_FALSE(rules.ignores("a.tmp", false));
}

// Matchers that go back to every star take longer than the universe has.
TEST(IgnoreRules, OfManyStarsTakeNoTime) {
  std::string stars;
  for (int i = 0; i < 100; ++i) stars += "*a";
  IgnoreRules rules;
  rules.add(stars + "b", "");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(rules.ignores(std::string(5'000, 'a'), false));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
}

}  // namespace
}  // namespace mohona::host

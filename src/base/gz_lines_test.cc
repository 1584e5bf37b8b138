#include "base/gz_lines.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"

namespace mohona {
namespace {

class GzLines : public testing::Test {
 protected:
  std::string path_ = fmt::format("{}gz_lines.{}", testing::TempDir(), ::getpid());
  ~GzLines() override { ::unlink(path_.c_str()); }

  void compressed(const std::string& text) {
    const gzFile file = gzopen(path_.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
  }
  Result<std::vector<std::string>> lines() {
    std::vector<std::string> out;
    const auto read = for_lines(path_, [&](std::size_t number, std::string_view line) {
      EXPECT_EQ(number, out.size() + 1);
      out.emplace_back(line);
      return Result<void>{};
    });
    if (!read) return fail(read.error());
    return out;
  }
};

using Lines = std::vector<std::string>;

TEST_F(GzLines, ReadsPlainAndCompressedAlike) {
  const std::string long_line(100'000, 'x');
  for (const std::string& text : {"a\n\nb,c\r\n" + long_line + "\n", "a\n\nb,c\r\n" + long_line}) {
    ASSERT_TRUE(write_file(path_, text, false));
    EXPECT_EQ(*lines(), (Lines{"a", "", "b,c", long_line}));
    compressed(text);
    EXPECT_EQ(*lines(), (Lines{"a", "", "b,c", long_line}));
  }
  compressed("");
  EXPECT_EQ(*lines(), Lines{});
}

TEST_F(GzLines, NamesAFileThatIsMissingOrDamaged) {
  EXPECT_EQ(lines().error().code, Code::not_found);
  EXPECT_EQ(lines().error().message, "cannot read " + path_ + ": No such file or directory");
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += fmt::format("{}\n", i * 7919);
  compressed(text);
  const std::string whole = *read_file(path_);
  ASSERT_TRUE(write_file(path_, whole.substr(0, whole.size() / 2), false));
  EXPECT_EQ(lines().error().code, Code::invalid);
  EXPECT_NE(lines().error().message.find(path_), std::string::npos);
  ASSERT_TRUE(write_file(path_, std::string(line_length_max + 1, 'x'), false));
  EXPECT_EQ(lines().error().code, Code::invalid);
}

TEST_F(GzLines, EndsWithTheFailureOfWhoTakes) {
  compressed("a\nb\nc\n");
  std::size_t seen = 0;
  const auto read = for_lines(path_, [&](std::size_t number, std::string_view) -> Result<void> {
    seen = number;
    if (number == 2) return fail(Code::conflict, "no more");
    return {};
  });
  EXPECT_EQ(seen, 2u);
  EXPECT_EQ(read.error().message, "no more");
}

}  // namespace
}  // namespace mohona

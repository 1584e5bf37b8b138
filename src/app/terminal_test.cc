#include "app/terminal.h"

#include <gtest/gtest.h>

namespace mohona {
namespace {

// What a terminal gets of these pieces.
std::string shown(const std::vector<std::string>& pieces) {
  LogFilter filter(true);
  std::string out;
  for (const std::string& piece : pieces) out += filter.pass(piece);
  return out + filter.finish();
}

TEST(LogFilter, PassesTextAndColoursAlone) {
  struct Row {
    const char *written, *shown;
  };
  constexpr Row rows[] = {
      {"plain\ttext\r\n", "plain\ttext\r\n"},
      {"h\xc3\xa9 \xe2\x9c\x93 \xf0\x9f\x9a\x80", "h\xc3\xa9 \xe2\x9c\x93 \xf0\x9f\x9a\x80"},
      {"\033[1;31mred\033[0m", "\033[1;31mred\033[0m"},
      {"\033[mreset", "\033[mreset"},
      {"\033[31mleft on", "\033[31mleft on\033[0m"},
      {"\033[2J\033[H", "?[2J?[H"},
      {"\033]0;title\007", "?]0;title?"},
      {"\033]8;;file:///x\033\\link", "?]8;;file:///x?\\link"},
      {"\033[?25l\033c\033P1", "?[?25l?c?P1"},
      {"\033[38;5;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1", "?[38;5;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1"},
      {"a\bb\x7f"
       "c\x0e",
       "a?b?c?"},
      {"\xc2\x9b"
       "2J \xff\xfe",
       "?2J ??"},
      {"\xe2\x80\xae"
       "abc",
       "?abc"},
      {"\033", "?"},
      {"\033[3", "?[3"},
      {"\xe2\x9c", "??"},
  };
  for (const Row& row : rows) EXPECT_EQ(shown({row.written}), row.shown) << row.shown;
}

TEST(LogFilter, GivesTheSameHoweverTheTextIsCut) {
  const std::string text =
      "a\033[1;31mb\xc3\xa9\033[0m\033]0;t\007\xe2\x9c\x93\xc2\x9b\xf0\x9f\x9a\x80\033[2Kc\xff\n";
  const std::string whole = shown({text});
  for (std::size_t size = 1; size < text.size(); ++size) {
    std::vector<std::string> pieces;
    for (std::size_t i = 0; i < text.size(); i += size) pieces.push_back(text.substr(i, size));
    EXPECT_EQ(shown(pieces), whole) << size;
  }
}

TEST(LogFilter, PassesEveryByteToWhatIsNoTerminal) {
  LogFilter filter(false);
  const std::string bytes = "\033[2J\xff\x01\xc2";
  EXPECT_EQ(filter.pass(bytes) + filter.finish(), bytes);
}

TEST(LogFilter, KnowsWhereALineBegins) {
  LogFilter filter(true);
  EXPECT_TRUE(filter.at_line_start());
  filter.pass("part");
  EXPECT_FALSE(filter.at_line_start());
  filter.pass("");
  EXPECT_FALSE(filter.at_line_start());
  filter.pass(" and end\n");
  EXPECT_TRUE(filter.at_line_start());
}

TEST(Terminal, JsonKeepsEveryCharacterAndSteersNothing) {
  const nlohmann::ordered_json json = {{"a", "\033[2J\x7f\xc2\x9b\xc3\xa9"}};
  EXPECT_EQ(json_line(json), "{\"a\":\"\\u001b[2J\\u007f\\u009b\xc3\xa9\"}");
  EXPECT_EQ(nlohmann::ordered_json::parse(json_line(json)), json);
  EXPECT_EQ(printable_json({{"a\n", {"\033", 1, nullptr}}}).dump(), R"({"a?":["?",1,null]})");
}

}  // namespace
}  // namespace mohona

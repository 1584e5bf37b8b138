#include "model/output_name.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace mohona {
namespace {

// "logs/" "<A>" "_" "<a:3>": a piece that stands for something in angle brackets.
std::string shown(std::string_view name) {
  std::optional<OutputNameMistake> mistake;
  std::string out;
  for (const OutputNamePiece& piece : parse_output_name(name, &mistake)) {
    if (piece.letter == 0) {
      out += piece.text;
    } else if (piece.width == 0) {
      out += fmt::format("<{}>", piece.letter);
    } else {
      out += fmt::format("<{}:{}>", piece.letter, piece.width);
    }
  }
  if (mistake) out += fmt::format(" !{}+{}", mistake->at, mistake->length);
  return out;
}

TEST(OutputName, HasLettersWithWidths) {
  struct Row {
    const char *name, *pieces;
  };
  constexpr Row rows[] = {
      {"", ""},
      {"out.txt", "out.txt"},
      {"%j", "<j>"},
      {"logs/%x-%A_%a.out", "logs/<x>-<A>_<a>.out"},
      {"wide-%3a.txt", "wide-<a:3>.txt"},
      {"%10j%010j", "<j:10><j:10>"},
      {"%4x", "<x:4>"},
      {"100%%-%b%u%N%n%t", "100%-<b><u><N><n><t>"},
      {"%5", "%5 !0+2"},
      {"a%", "a% !1+1"},
      {"a%q-%j", "a%q-<j> !1+2"},
      {"%11a", "%11a !0+4"},
      {"%99999999999999999999a", "%99999999999999999999a !0+22"},
      {"%3%", "%3% !0+3"},
      {"%J%s", "%J%s !0+2"},
      {"a\\%j", "a%j"},
  };
  for (const Row& row : rows) EXPECT_EQ(shown(row.name), row.pieces) << row.name;
}

TEST(OutputName, PadsNumbers) {
  EXPECT_EQ(padded_number("8", 3), "008");
  EXPECT_EQ(padded_number("1234", 3), "1234");
  EXPECT_EQ(padded_number("8", 0), "8");
}

}  // namespace
}  // namespace mohona

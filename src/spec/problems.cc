#include "spec/problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "spec/lines.h"

namespace mohona {
namespace {

constexpr std::size_t columns_max = 100;
constexpr std::size_t columns_before_caret = 60;  // kept when a long line is cut
constexpr std::size_t quoted_max = 40;

bool is_control(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u < 0x20 || u == 0x7f;
}

// One element a column, safe to print.
std::vector<std::string_view> columns(std::string_view line) {
  std::vector<std::string_view> out;
  while (!line.empty()) {
    const std::size_t length = character_length(line);
    if (length == 0) {
      out.push_back("\uFFFD");
    } else if (is_control(line[0])) {
      out.push_back(line[0] == '\t' || line[0] == '\r' ? " " : "?");
    } else {
      out.push_back(is_printable(line.substr(0, length)) ? line.substr(0, length) : "?");
    }
    line.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

struct Position {
  std::size_t line = 1;     // from 1
  std::size_t column = 1;   // from 1, in characters
  std::size_t length = 1;   // in characters
  std::string_view source;  // the line
};

// The end of the text is shown as the end of its last line that is not blank.
Position locate(std::string_view text, Place place) {
  const std::size_t last = text.find_last_not_of("\n ");
  const std::size_t end = last == std::string_view::npos ? 0 : last + 1;
  const std::size_t begin = std::min(place.begin, end);
  const std::size_t line_begin = text.substr(0, begin).rfind('\n') + 1;
  const std::size_t line_end = std::min(text.find('\n', begin), text.size());
  Position out;
  out.line = 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + begin, '\n'));
  out.source = text.substr(line_begin, line_end - line_begin);
  out.column = 1 + columns(text.substr(line_begin, begin - line_begin)).size();
  const std::size_t length = std::min(place.length, line_end - begin);
  out.length = std::max<std::size_t>(1, columns(text.substr(begin, length)).size());
  return out;
}

std::string excerpt(const Position& at) {
  auto cells = columns(at.source);
  std::size_t caret = at.column - 1;
  if (cells.size() > columns_max) {
    const std::size_t cut = caret > columns_before_caret ? caret - columns_before_caret : 0;
    if (cut > 0) {
      cells.erase(cells.begin(), cells.begin() + cut);
      std::fill_n(cells.begin(), 3, ".");
      caret -= cut;
    }
    if (cells.size() > columns_max) {
      cells.resize(columns_max);
      std::fill_n(cells.end() - 3, 3, ".");
    }
  }
  const std::size_t tail = std::min(at.length - 1, columns_max - std::min(columns_max, caret + 1));
  const std::string number = fmt::format("{}", at.line);
  std::string line = fmt::format("  {} | {}", number, fmt::join(cells, ""));
  line.erase(line.find_last_not_of(' ') + 1);
  return fmt::format("{}\n  {:{}} | {:{}}^{:~<{}}\n", line, "", number.size(), "", caret, "", tail);
}

}  // namespace

void Problems::add(Place place, std::string message, std::string hint) {
  // The same text is read several times where alternatives share it.
  for (const Problem& known : problems_) {
    if (known.place.begin == place.begin && known.message == message) return;
  }
  if (full()) return;  // one more than is shown says that there are more
  problems_.push_back({place, std::move(message), std::move(hint)});
}

void Problems::not_yet(Place place, const std::string& what) {
  add(place, what + " that Mohona cannot honour yet", "take it out to run without it");
}

bool Problems::suggested(Place place, std::string_view meant) const {
  const std::string hint = fmt::format("did you mean '{}'?", meant);
  return std::any_of(problems_.begin(), problems_.end(), [&](const Problem& problem) {
    return problem.place.begin == place.begin && problem.hint == hint;
  });
}

void Problems::no_effect(Place place, std::string what, std::string_view why) {
  for (const NoEffect& known : no_effects_) {
    if (known.place.begin == place.begin && known.what == what) return;
  }
  if (no_effects_.size() > shown_max) return;
  no_effects_.push_back({place, std::move(what), std::string(why)});
}

void Problems::note(Place place, std::string message) {
  if (notes_.size() < shown_max) notes_.push_back({place, std::move(message), ""});
}

std::vector<std::string> Problems::notes(const Source& source) const {
  const Lines lines(source.text);
  std::vector<std::string> out;
  for (const Problem& note : notes_) {
    out.push_back(
        fmt::format("{}:{}: note: {}", source.name, lines.at(note.place.begin), note.message));
  }
  if (no_effects_.empty()) return out;
  auto sorted = no_effects_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const NoEffect& a, const NoEffect& b) {
    return a.place.begin < b.place.begin;
  });
  const std::size_t shown = std::min(sorted.size(), shown_max);
  std::string what;
  std::vector<std::string> reasons;
  const std::int64_t first = lines.at(sorted[0].place.begin);
  std::int64_t before = first;
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) what += i + 1 == shown ? " and " : ", ";
    what += in_quotes(sorted[i].what);
    const std::int64_t line = lines.at(sorted[i].place.begin);
    if (line != before) what += fmt::format(" (line {})", line);
    before = line;
    if (sorted[i].why.empty()) continue;
    if (std::find(reasons.begin(), reasons.end(), sorted[i].why) == reasons.end()) {
      reasons.push_back(sorted[i].why);
    }
  }
  if (sorted.size() > shown) what += " and more";
  out.push_back(fmt::format("{}:{}: note: {} {} no effect{}{}", source.name, first, what,
                            sorted.size() == 1 ? "has" : "have", reasons.empty() ? "" : ": ",
                            fmt::join(reasons, "; ")));
  return out;
}

Error Problems::error(const Source& source) const {
  auto sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return a.place.begin < b.place.begin;
  });
  std::string out;
  for (std::size_t i = 0; i < std::min(sorted.size(), shown_max); ++i) {
    const Problem& problem = sorted[i];
    const Position at = locate(source.text, problem.place);
    out += fmt::format("{}:{}:{}: {}\n", source.name, at.line, at.column, problem.message);
    out += excerpt(at);
    if (!problem.hint.empty()) out += fmt::format("  {}\n", problem.hint);
  }
  if (sorted.size() > shown_max) out += fmt::format("{}: and more\n", source.name);
  return {Code::invalid, std::move(out)};
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::string near = nearest(word, candidates);
  if (!near.empty()) return fmt::format("did you mean '{}'?", near);
  if (candidates.size() == 1) return fmt::format("expected {}", candidates[0]);
  return fmt::format("expected one of {}", fmt::join(candidates, ", "));
}

Source with_plain_lines(const Source& given) {
  std::string_view text = given.text;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Source out{given.name, "", given.directory, given.check_paths, given.standing};
  out.text.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') out.text += text[i];
  }
  return out;
}

bool check_text(std::string_view text, Problems& problems, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    problems.add({}, fmt::format("the file has {} bytes", text.size()),
                 fmt::format("expected at most {}", bytes_max));
    return false;
  }
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text.substr(i));
    const bool fine = length > 1 || text[i] == '\n' || text[i] == '\t' || !is_control(text[i]);
    if (length == 0 || !fine) {
      const auto byte = static_cast<unsigned char>(text[i]);
      problems.add({i, 1}, fmt::format("this is not text: byte 0x{:02x}", byte),
                   "expected UTF-8 without control characters");
      return false;
    }
    i += length;
  }
  return true;
}

std::string in_quotes(std::string_view text) {
  const auto cells = columns(text);
  if (cells.size() <= quoted_max) return fmt::format("'{}'", fmt::join(cells, ""));
  const auto end = cells.begin() + (quoted_max - 3);
  return fmt::format("'{}...'", fmt::join(cells.begin(), end, ""));
}

}  // namespace mohona

#include "engine/progress_text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace mohona {
namespace {

constexpr std::string_view blanks = " \t\r\n,";
constexpr std::string_view count_characters = "0123456789/";

std::optional<std::int64_t> parse_count(std::string_view text) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.empty() || text[0] == '-' || n > steps_max) return std::nullopt;
  return n;
}

// "450/1000", "450".
std::optional<StepsReport> parse_steps(std::string_view word) {
  const std::size_t slash = word.find('/');
  const auto done = parse_count(word.substr(0, slash));
  if (!done) return std::nullopt;
  StepsReport steps;
  steps.done = *done;
  if (slash == word.npos) return steps;
  steps.total = parse_count(word.substr(slash + 1));
  if (!steps.total) return std::nullopt;
  return steps;
}

void add_metric(std::string_view name, std::string_view value, Metrics& metrics) {
  // No metric brings codes to the terminal that shows it.
  const auto plain = [](std::string_view text) {
    return is_utf8(text) && std::all_of(text.begin(), text.end(),
                                        [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
  };
  const bool fits = name.size() <= metric_bytes_max && value.size() <= metric_bytes_max;
  if (name.empty() || value.empty() || !fits || metrics.size() == metrics_max) return;
  if (plain(name) && plain(value)) metrics.emplace_back(name, value);
}

std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  text.remove_prefix(word.size());
  return word;
}

// The words NAME=VALUE among others.
Metrics parse_metrics(std::string_view text) {
  Metrics metrics;
  for (std::string_view word; !(word = next_word(text)).empty();) {
    const std::size_t equals = word.find('=');
    if (equals != word.npos) add_metric(word.substr(0, equals), word.substr(equals + 1), metrics);
  }
  return metrics;
}

std::optional<StepsReport> parse_json_progress(std::string_view text) {
  const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto count = [&](const char* key) -> std::optional<std::int64_t> {
    const auto found = json.find(key);
    return found == json.end() ? std::nullopt : parse_count(found->dump());
  };
  const auto done = count("step");
  if (!done || (json.contains("total") && !count("total"))) return std::nullopt;
  StepsReport steps{*done, count("total"), {}, {}};
  for (const auto& [key, value] : json.items()) {
    if (key == "step" || key == "total" || value.is_structured()) continue;
    add_metric(key, value.is_string() ? value.get<std::string>() : value.dump(), steps.metrics);
  }
  return steps;
}

// The word that ends just before `at`: digits, a slash, digits.
std::string_view steps_before(std::string_view line, std::size_t at) {
  const std::string_view before = line.substr(0, at);
  const std::size_t other = before.find_last_not_of(count_characters);
  return before.substr(other == before.npos ? 0 : other + 1);
}

// "… 450/1000 [00:10<00:12, 44.9it/s, loss=2.31]": the last bracket that holds a '<' and stands
// after counts.
std::optional<StepsReport> parse_bar(std::string_view line) {
  for (std::size_t open = line.rfind(" ["); open != line.npos && open > 0;
       open = line.rfind(" [", open - 1)) {
    const std::string_view inner = line.substr(open + 2, line.find(']', open) - open - 2);
    if (line.find(']', open) == line.npos || inner.find('<') == inner.npos) continue;
    const std::string_view word = steps_before(line, open);
    auto steps = word.find('/') == word.npos ? std::nullopt : parse_steps(word);
    if (!steps) continue;
    steps->metrics = parse_metrics(inner);
    return steps;
  }
  return std::nullopt;
}

// "step 450/1000", "Step: 450/1000": the word at the beginning of a word, then the counts.
std::optional<StepsReport> parse_words(std::string_view line) {
  constexpr std::string_view step = "step";
  const std::string low = lower(line);
  for (std::size_t at = low.find(step); at != low.npos; at = low.find(step, at + 1)) {
    if (at > 0 && std::isalnum(static_cast<unsigned char>(low[at - 1])) != 0) continue;
    std::string_view rest = line.substr(at + step.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" :=["), rest.size()));
    const std::string_view word = rest.substr(0, rest.find_first_not_of(count_characters));
    auto steps = word.find('/') == word.npos ? std::nullopt : parse_steps(word);
    if (!steps) continue;
    steps->metrics = parse_metrics(rest.substr(word.size()));
    return steps;
  }
  return std::nullopt;
}

}  // namespace

std::optional<StepsReport> parse_progress(std::string_view text) {
  text = trim(text.substr(0, progress_bytes_max));
  if (text.starts_with('{')) return parse_json_progress(text);
  auto steps = parse_steps(next_word(text));
  if (steps) steps->metrics = parse_metrics(text);
  return steps;
}

std::optional<StepsReport> parse_log_progress(std::string_view end_of_log) {
  const bool cut = end_of_log.size() >= progress_bytes_max;  // in the middle of a line
  bool whole = false;                                        // the line has its end
  while (true) {
    const std::size_t before = end_of_log.find_last_of("\r\n");
    if (cut && before == end_of_log.npos) return std::nullopt;
    const std::string_view line = end_of_log.substr(before == end_of_log.npos ? 0 : before + 1);
    if (auto steps = parse_bar(line)) return steps;
    if (auto steps = whole ? parse_words(line) : std::nullopt) return steps;
    if (before == end_of_log.npos) return std::nullopt;
    end_of_log = end_of_log.substr(0, before);
    whole = true;
  }
}

}  // namespace mohona

#include "spec/slurm_values.h"

#include <charconv>
#include <csignal>
#include <set>

#include "base/text.h"
#include "spec/draft.h"

namespace mohona {
namespace {

constexpr std::int64_t index_max = 4'000'000;

// A whole number of at most nine digits and nothing else.
std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != text.npos) {
    return std::nullopt;
  }
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "7", "0-15", "0-15:4".
std::optional<Indices> parse_range(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view range = text.substr(0, colon);
  const std::size_t dash = std::min(range.find('-'), range.size());
  const auto first = number(range.substr(0, dash));
  const auto last = dash < range.size() ? number(range.substr(dash + 1)) : first;
  const auto step = colon < text.size() ? number(text.substr(colon + 1)) : 1;
  if (!first || !last || !step || *step < 1 || *last < *first || *last > index_max) {
    return std::nullopt;
  }
  Indices out{*first, *last, *step};
  out.last = *first + (out.count() - 1) * *step;
  return out;
}

struct Numbered {
  std::int64_t number;
  std::string_view name;
};
constexpr std::array<Numbered, 14> signal_numbers = {{{SIGHUP, "HUP"},
                                                      {SIGINT, "INT"},
                                                      {SIGQUIT, "QUIT"},
                                                      {SIGABRT, "ABRT"},
                                                      {SIGKILL, "KILL"},
                                                      {SIGUSR1, "USR1"},
                                                      {SIGUSR2, "USR2"},
                                                      {SIGPIPE, "PIPE"},
                                                      {SIGALRM, "ALRM"},
                                                      {SIGTERM, "TERM"},
                                                      {SIGCONT, "CONT"},
                                                      {SIGSTOP, "STOP"},
                                                      {SIGTSTP, "TSTP"},
                                                      {SIGWINCH, "WINCH"}}};

}  // namespace

std::optional<Duration> parse_slurm_time(std::string_view text) {
  const std::string word = lower(text);
  if (word == "unlimited" || word == "infinite") return Duration::max();
  using namespace std::chrono;
  Duration total{0};
  const std::size_t dash = text.find('-');
  if (dash != text.npos) {
    const auto d = number(text.substr(0, dash));
    if (!d || *d > 36'500) return std::nullopt;
    total += days(*d);
    text.remove_prefix(dash + 1);
  }
  const auto parts = split(text, ':');
  if (parts.size() > 3) return std::nullopt;
  // After days the first part is hours; otherwise one or two parts are minutes and seconds.
  constexpr std::array<Duration, 3> units = {hours(1), minutes(1), seconds(1)};
  std::size_t unit = dash != text.npos || parts.size() == 3 ? 0 : 1;
  for (const std::string_view part : parts) {
    const auto value = number(part);
    if (!value || *value > 36'500 * 24 * 60) return std::nullopt;
    total += *value * units[unit++];
  }
  return total == Duration(0) ? Duration::max() : total;
}

std::optional<SlurmArray> parse_slurm_array(std::string_view text) {
  SlurmArray out;
  const std::size_t percent = text.find('%');
  if (percent != text.npos) {
    const auto limit = number(text.substr(percent + 1));
    if (!limit || *limit < 1) return std::nullopt;
    out.at_once_max = *limit;
    text = text.substr(0, percent);
  }
  const auto ranges = split(text, ',');
  if (ranges.size() == 1) {
    out.range = parse_range(text);
    if (!out.range || out.range->count() > range_max) return std::nullopt;
    return out;
  }
  std::set<std::int64_t> indices;
  for (const std::string_view item : ranges) {
    const auto range = parse_range(item);
    if (!range) return std::nullopt;
    for (std::int64_t i = range->first; i <= range->last; i += range->step) {
      indices.insert(i);
      if (std::ssize(indices) > shards_max) return std::nullopt;
    }
  }
  out.indices.assign(indices.begin(), indices.end());
  return out;
}

std::optional<Gpus> parse_slurm_gpus(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  Gpus out;
  if (colon != text.npos) {
    if (!is_name(text.substr(0, colon))) return std::nullopt;
    out.name = lower(text.substr(0, colon));
    text.remove_prefix(colon + 1);
  }
  const auto count = number(text);
  if (!count) return std::nullopt;
  out.count = *count;
  return out;
}

std::optional<SlurmSignal> parse_slurm_signal(std::string_view text) {
  SlurmSignal out;
  if (text.starts_with("B:") || text.starts_with("b:")) {
    out.target = StopTarget::shell;
    text.remove_prefix(2);
  }
  const std::size_t at = text.find('@');
  if (at != text.npos) {
    const auto seconds = number(text.substr(at + 1));
    if (!seconds || *seconds < 1 || *seconds > 65'535) return std::nullopt;
    out.before = std::chrono::seconds(*seconds);
    text = text.substr(0, at);
  }
  out.name = signal_name(text);
  for (const Numbered& signal : signal_numbers) {
    if (number(text) == signal.number) out.name = signal.name;
  }
  if (out.name.empty()) return std::nullopt;
  return out;
}

std::optional<std::vector<std::string>> parse_slurm_afterok(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view item : split(text, ',')) {
    const auto parts = split(item, ':');
    if (parts.size() < 2 || parts[0] != "afterok") return std::nullopt;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      if (!number(parts[i])) return std::nullopt;
      out.emplace_back(parts[i]);
    }
  }
  return out;
}

}  // namespace mohona

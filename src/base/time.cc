#include "base/time.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace mohona {
namespace {

using namespace std::chrono;

struct Unit {
  std::string_view name;
  Duration length;
};

// Longest names first, so that "ms" is not read as minutes.
constexpr std::array<Unit, 5> units = {{
    {"ms", milliseconds(1)},
    {"s", seconds(1)},
    {"m", minutes(1)},
    {"h", hours(1)},
    {"d", days(1)},
}};

constexpr Duration duration_max = days(36'500);

Failure no_duration(std::string_view text) {
  return fail(Code::invalid,
              fmt::format("'{}' is not a length of time: write 90s, 10m, 1h30m or 2d", text));
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  std::string_view rest = text;
  Duration total{0};
  if (rest.empty()) return no_duration(text);
  while (!rest.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0) || number > 1e12) return no_duration(text);
    const bool bare = end == text.data() + text.size() && rest.size() == text.size();
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    Duration unit = seconds(1);
    if (!bare) {
      const Unit* found = nullptr;
      for (const Unit& u : units) {
        if (rest.starts_with(u.name) && (!found || u.name.size() > found->name.size())) found = &u;
      }
      if (!found) return no_duration(text);
      rest.remove_prefix(found->name.size());
      unit = found->length;
    }
    const double micros = number * static_cast<double>(unit.count());
    if (micros > static_cast<double>(duration_max.count())) return no_duration(text);
    total += Duration(static_cast<std::int64_t>(micros + 0.5));
    if (total > duration_max) return no_duration(text);
  }
  return total;
}

std::string format_duration(Duration d) {
  const auto s = duration_cast<seconds>(d).count();
  if (s >= 86'400) return fmt::format("{}d {:02}h", s / 86'400, s % 86'400 / 3'600);
  if (s >= 3'600) return fmt::format("{}h {:02}m", s / 3'600, s % 3'600 / 60);
  if (s >= 60) return fmt::format("{}m {:02}s", s / 60, s % 60);
  if (s >= 1) {
    return fmt::format("{}.{}s", s, duration_cast<milliseconds>(d).count() % 1'000 / 100);
  }
  return fmt::format("{}ms", duration_cast<milliseconds>(d).count());
}

Result<Timestamp> parse_timestamp(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  const std::string owned(text);
  const auto wrong = [&] {
    return fail(Code::invalid,
                fmt::format("'{}' is not an instant: write 2026-12-01T00:00:00Z", owned));
  };
  if (std::sscanf(owned.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3) return wrong();
  const year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                            std::chrono::day(unsigned(day))};
  if (!date.ok()) return wrong();
  std::string_view rest = std::string_view(owned).substr(static_cast<std::size_t>(used));
  if (rest.empty()) return Timestamp(sys_days(date));
  used = 0;
  if ((rest[0] != 'T' && rest[0] != ' ') ||
      std::sscanf(rest.data() + 1, "%2d:%2d:%2d%n", &hour, &minute, &second, &used) != 3) {
    return wrong();
  }
  rest.remove_prefix(static_cast<std::size_t>(used) + 1);
  if (rest.starts_with('.')) {
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of("0123456789", 1)));
  }
  if (hour > 23 || minute > 59 || second > 59) return wrong();
  const Timestamp local = sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
  if (rest == "Z") return local;
  int zone_hours = 0, zone_minutes = 0;
  char sign = 0;
  used = 0;
  if (std::sscanf(rest.data(), "%c%2d:%2d%n", &sign, &zone_hours, &zone_minutes, &used) != 3 ||
      std::size_t(used) != rest.size() || (sign != '+' && sign != '-')) {
    return wrong();
  }
  const auto offset = hours(zone_hours) + minutes(zone_minutes);
  return sign == '+' ? local - offset : local + offset;
}

std::string format_timestamp(Timestamp at) {
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(at) - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", int(date.year()),
                     unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace mohona

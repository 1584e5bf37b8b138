#include "spec/usage_file.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/text.h"
#include "spec/problems.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr std::int64_t hours_max = 24 * 366 * 10;

struct Field {
  std::string_view text;
  Place place;
};

struct UsageDraft {
  UsageSlice slice;
  std::int64_t hours = 1;
};

std::vector<Field> fields_of(std::string_view line, std::size_t begin) {
  std::vector<Field> out;
  for (const std::string_view part : split(line, ',')) {
    const std::string_view text = trim(part);
    const std::string_view shown = text.empty() ? part : text;
    const auto at = static_cast<std::size_t>(shown.data() - line.data());
    out.push_back({text, {begin + at, std::max<std::size_t>(text.size(), 1)}});
  }
  return out;
}

void read_whole(const Field& field, std::int64_t min, std::int64_t max, std::int64_t& out,
                Problems& problems) {
  const std::string_view text = field.text;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= min && value <= max) {
    out = value;
  } else {
    problems.add(field.place, fmt::format("{} is not such a number", in_quotes(text)),
                 fmt::format("expected a whole number from {} to {}", min, max));
  }
}

void read_hour(const Field& field, UsageDraft& draft, Problems& problems) {
  const auto at = parse_timestamp(field.text);
  if (at && *at == floor<hours>(*at)) {
    draft.slice.hour = floor<hours>(*at);
  } else {
    problems.add(field.place,
                 fmt::format("{} is not the beginning of an hour", in_quotes(field.text)),
                 "expected a UTC hour, such as 2026-12-01T13:00:00Z");
  }
}

struct Column {
  std::string_view name;
  void (*read)(const Field&, UsageDraft&, Problems&);
};

constexpr std::array<Column, 10> columns = {{
    {"hour", read_hour},
    {"resource", [](const Field& f, UsageDraft& d, Problems&) { d.slice.resource = f.text; }},
    {"sku", [](const Field& f, UsageDraft& d, Problems&) { d.slice.meter.sku = f.text; }},
    {"cloud", [](const Field& f, UsageDraft& d, Problems&) { d.slice.meter.place.cloud = f.text; }},
    {"region",
     [](const Field& f, UsageDraft& d, Problems&) { d.slice.meter.place.region = f.text; }},
    {"zone", [](const Field& f, UsageDraft& d, Problems&) { d.slice.meter.place.zone = f.text; }},
    {"account", [](const Field& f, UsageDraft& d, Problems&) { d.slice.meter.account = f.text; }},
    {"unit_seconds",
     [](const Field& f, UsageDraft& d, Problems& p) {
       read_whole(f, 1, unit_seconds_max, d.slice.unit_seconds, p);
     }},
    {"reservation",
     [](const Field& f, UsageDraft& d, Problems&) { d.slice.meter.reservation = f.text; }},
    {"hours",
     [](const Field& f, UsageDraft& d, Problems& p) { read_whole(f, 1, hours_max, d.hours, p); }},
}};

std::vector<const Column*> read_heading(const std::vector<Field>& fields, Problems& problems) {
  std::vector<std::string_view> known;
  for (const Column& column : columns) known.push_back(column.name);
  std::vector<const Column*> out;
  for (const Field& field : fields) {
    const auto column = std::find(known.begin(), known.end(), field.text);
    if (column == known.end()) {
      problems.add(field.place, fmt::format("there is no column {}", in_quotes(field.text)),
                   suggestion(field.text, known));
    } else {
      out.push_back(&columns[static_cast<std::size_t>(column - known.begin())]);
    }
  }
  for (const std::string_view needed : {"hour", "sku", "cloud", "unit_seconds"}) {
    if (std::none_of(out.begin(), out.end(), [&](auto* c) { return c->name == needed; })) {
      problems.add({}, fmt::format("there is no column '{}'", needed),
                   "expected a heading such as "
                   "hour,resource,sku,cloud,region,zone,account,unit_seconds");
    }
  }
  return out;
}

}  // namespace

Result<std::vector<UsageSlice>> parse_usage_file(const Source& given) {
  const Source source = with_plain_lines(given);
  Problems problems;
  std::vector<UsageSlice> out;
  std::vector<const Column*> heading;
  std::size_t begin = 0;
  for (const std::string_view line : split(source.text, '\n')) {
    const std::size_t at = begin;
    begin += line.size() + 1;
    if (problems.full()) break;
    if (trim(line).empty() || trim(line).starts_with('#')) continue;
    const std::vector<Field> fields = fields_of(line, at);
    if (heading.empty()) {
      heading = read_heading(fields, problems);
      if (!problems.none()) break;
      continue;
    }
    if (fields.size() != heading.size()) {
      problems.add({at, line.size()}, fmt::format("this line has {} fields", fields.size()),
                   fmt::format("expected {}, as in the heading", heading.size()));
      continue;
    }
    UsageDraft draft;
    for (std::size_t i = 0; i < fields.size(); ++i) heading[i]->read(fields[i], draft, problems);
    for (std::int64_t i = 0; i < draft.hours; ++i, draft.slice.hour += hours(1)) {
      out.push_back(draft.slice);
    }
  }
  if (heading.empty() && problems.none()) {
    problems.add({}, "the file is empty", "expected a heading and a line for each usage");
  }
  if (!problems.none()) return fail(problems.error(source));
  return out;
}

}  // namespace mohona

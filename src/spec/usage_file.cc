#include "spec/usage_file.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/text.h"
#include "spec/fields.h"
#include "spec/problems.h"
#include "spec/table.h"

namespace mohona {
namespace {

using namespace std::chrono;

constexpr std::int64_t hours_max = 24 * 366 * 10;

struct UsageDraft {
  UsageSlice slice;
  std::int64_t hours = 1;
};

void read_whole(const TableField& field, std::int64_t min, std::int64_t max, std::int64_t& out,
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

void read_hour(const TableField& field, UsageDraft& draft, Problems& problems) {
  const auto at = parse_timestamp(field.text);
  if (at && *at == floor<hours>(*at)) {
    draft.slice.hour = floor<hours>(*at);
  } else {
    problems.add(field.place,
                 fmt::format("{} is not the beginning of an hour", in_quotes(field.text)),
                 "expected a UTC hour, such as 2026-12-01T13:00:00Z");
  }
}

using Column = TableColumn<UsageDraft>;

constexpr std::array<Column, 10> columns = {{
    {"hour", read_hour},
    {"resource", [](const TableField& f, UsageDraft& d, Problems&) { d.slice.resource = f.text; }},
    {"sku", [](const TableField& f, UsageDraft& d, Problems&) { d.slice.meter.sku = f.text; }},
    {"cloud", [](const TableField& f, UsageDraft& d,
                 Problems&) { d.slice.meter.place.cloud = canonical_cloud(f.text); }},
    {"region",
     [](const TableField& f, UsageDraft& d, Problems&) { d.slice.meter.place.region = f.text; }},
    {"zone",
     [](const TableField& f, UsageDraft& d, Problems&) { d.slice.meter.place.zone = f.text; }},
    {"account",
     [](const TableField& f, UsageDraft& d, Problems&) { d.slice.meter.account = f.text; }},
    {"unit_seconds",
     [](const TableField& f, UsageDraft& d, Problems& p) {
       read_whole(f, 1, unit_seconds_max, d.slice.unit_seconds, p);
     }},
    {"reservation",
     [](const TableField& f, UsageDraft& d, Problems&) { d.slice.meter.reservation = f.text; }},
    {"hours", [](const TableField& f, UsageDraft& d,
                 Problems& p) { read_whole(f, 1, hours_max, d.hours, p); }},
}};

std::vector<const Column*> read_heading(const std::vector<TableField>& fields, Problems& problems) {
  std::vector<std::string_view> known;
  for (const Column& column : columns) known.push_back(column.name);
  std::vector<const Column*> out;
  for (const TableField& field : fields) {
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
  read_table<UsageDraft>(
      source.text, "usage", problems,
      [&](const auto& fields) { return read_heading(fields, problems); },
      [&](UsageDraft& draft, std::int64_t, Place) {
        for (std::int64_t i = 0; i < draft.hours; ++i, draft.slice.hour += hours(1)) {
          out.push_back(draft.slice);
        }
      });
  if (!problems.none()) return fail(problems.error(source));
  return out;
}

}  // namespace mohona

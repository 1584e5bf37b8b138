// Tables that people write or are given: a heading, then a line for each thing. Mistakes are told
// with their place. Empty lines, and those that begin with #, say nothing.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "spec/problems.h"

namespace mohona {

struct TableField {
  std::string_view text;  // without blanks around it
  Place place;
};

// Comma-separated. A field in quotes may hold commas; quotes doubled within it stay doubled.
std::vector<TableField> table_fields(std::string_view line, std::size_t begin);

template <class Draft>
struct TableColumn {
  std::string_view name;
  void (*read)(const TableField&, Draft&, Problems&);
};

// `heading`: the columns that these fields of the first line are, nullptr for one that is not read.
// `take`: what a line says, its number and its place. `what`: "usage", of which each line is one.
template <class Draft, class Heading, class Take>
void read_table(std::string_view text, std::string_view what, Problems& problems, Heading heading,
                Take take) {
  std::vector<const TableColumn<Draft>*> columns;
  std::size_t begin = 0;
  std::int64_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    const Place place{begin, line.size()};
    begin += line.size() + 1;
    ++number;
    if (problems.full()) return;
    if (trim(line).empty() || trim(line).starts_with('#')) continue;
    const std::vector<TableField> fields = table_fields(line, place.begin);
    if (columns.empty()) {
      columns = heading(fields);
      if (!problems.none()) return;
      continue;
    }
    if (fields.size() != columns.size()) {
      problems.add(place, fmt::format("this line has {} fields", fields.size()),
                   fmt::format("expected {}, as in the heading", columns.size()));
      continue;
    }
    Draft draft;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (columns[i]) columns[i]->read(fields[i], draft, problems);
    }
    take(draft, number, place);
  }
  if (columns.empty() && problems.none()) {
    problems.add({}, "the file is empty",
                 fmt::format("expected a heading and a line for each {}", what));
  }
}

}  // namespace mohona

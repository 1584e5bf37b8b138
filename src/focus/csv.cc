#include "focus/csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/gz_lines.h"
#include "base/text.h"

namespace mohona {

Failure CsvRecord::wrong(std::size_t column, std::string_view expected) const {
  return fail(Code::invalid, fmt::format("{}:{}: {} is '{}'; expected {}", *name_, line_,
                                         (*columns_)[column].name, fields_[column], expected));
}

Failure CsvReader::broken(const std::string& what) const {
  return fail(Code::invalid, fmt::format("{}:{}: {}", name_, begun_, what));
}

Result<void> CsvReader::line(std::size_t number, std::string_view text) {
  if (in_quotes_) {
    record_ += '\n';
  } else {
    record_.clear();
    begun_ = number;
    // Some programs begin a file with the mark of its encoding.
    if (number == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  }
  record_ += text;
  // A quote within a field is written twice, so that it changes nothing here.
  if (std::count(text.begin(), text.end(), '"') % 2 != 0) in_quotes_ = !in_quotes_;
  if (in_quotes_) {
    if (record_.size() <= line_length_max) return {};
    return broken(fmt::format("a field in quotes is longer than {} bytes", line_length_max));
  }
  if (!has_heading_) return heading();
  return trim(record_).empty() ? Result<void>() : record();
}

Result<void> CsvReader::end() const {
  if (in_quotes_) return broken("a field in quotes begins here and does not end");
  if (!has_heading_) return fail(Code::invalid, name_ + ": the file is empty");
  return {};
}

template <class TakeField>
Result<void> CsvReader::split_record(TakeField take_field) {
  std::size_t at = 0, index = 0;
  while (true) {
    field_.clear();
    if (at < record_.size() && record_[at] == '"') {
      for (++at; at < record_.size(); ++at) {
        if (record_[at] != '"') {
          field_ += record_[at];
        } else if (at + 1 < record_.size() && record_[at + 1] == '"') {
          field_ += record_[++at];
        } else {
          break;
        }
      }
      ++at;  // past the quote that ends it
      if (at < record_.size() && record_[at] != ',') {
        return broken(fmt::format("field {} goes on after its quotes", index + 1));
      }
    } else {
      const std::size_t comma = std::min(record_.find(',', at), record_.size());
      field_.assign(record_, at, comma - at);
      at = comma;
    }
    take_field(index++, std::string_view(field_));
    if (at >= record_.size()) return {};
    ++at;  // the comma
  }
}

Result<void> CsvReader::heading() {
  std::vector<std::string> names;
  auto split =
      split_record([&](std::size_t, std::string_view name) { names.emplace_back(trim(name)); });
  if (!split) return split;
  std::vector<std::string_view> missing;
  places_.assign(names.size(), columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto found = std::find(names.begin(), names.end(), columns_[i].name);
    if (found == names.end()) {
      if (columns_[i].needed) missing.push_back(columns_[i].name);
      continue;
    }
    if (std::find(found + 1, names.end(), columns_[i].name) != names.end()) {
      return broken(fmt::format("there are two columns {}", columns_[i].name));
    }
    places_[static_cast<std::size_t>(found - names.begin())] = i;
  }
  if (!missing.empty()) {
    return broken(fmt::format("no column {}", fmt::join(missing, ", no column ")));
  }
  has_heading_ = true;
  current_.name_ = &name_;
  current_.columns_ = &columns_;
  current_.fields_.resize(columns_.size());
  return {};
}

Result<void> CsvReader::record() {
  current_.line_ = begun_;
  std::size_t count = 0;
  auto split = split_record([&](std::size_t index, std::string_view text) {
    count = index + 1;
    if (index >= places_.size() || places_[index] == columns_.size()) return;
    text = trim(text);
    current_.fields_[places_[index]] = text == "NULL" ? std::string_view() : text;
  });
  if (!split) return split;
  if (count != places_.size()) {
    return broken(fmt::format("{} fields; the heading has {}", count, places_.size()));
  }
  return take_(current_);
}

}  // namespace mohona

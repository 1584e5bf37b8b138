// Comma-separated text with a heading, some of its fields in quotes (RFC 4180), record by record.
// Columns stand in any order; those that nobody wants are passed over.
//
//   CsvReader reader("bill.csv", columns, take);
//   for_lines("bill.csv", [&](auto number, auto line) { return reader.line(number, line); });
//   reader.end();
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mohona {

struct CsvColumn {
  std::string_view name;
  bool needed = false;
};

// What one record says, by the number of a wanted column. A column that is not there, an empty
// field and the word NULL all say nothing.
class CsvRecord {
 public:
  std::string_view text(std::size_t column) const { return fields_[column]; }
  // "bill.csv:7: BilledCost is 'abc'; expected a number".
  Failure wrong(std::size_t column, std::string_view expected) const;
  std::size_t line() const { return line_; }  // that it begins on

 private:
  friend class CsvReader;
  const std::string* name_ = nullptr;
  const std::vector<CsvColumn>* columns_ = nullptr;
  std::size_t line_ = 0;
  std::vector<std::string> fields_;
};

class CsvReader {
 public:
  using Take = std::function<Result<void>(const CsvRecord&)>;
  CsvReader(std::string name, std::vector<CsvColumn> columns, Take take)
      : name_(std::move(name)), columns_(std::move(columns)), take_(std::move(take)) {}

  // Lines without their ends, from the heading on. A field in quotes may go on over several.
  // Errors: Code::invalid with file and line, and those of `take`.
  Result<void> line(std::size_t number, std::string_view text);
  // After the last line. Code::invalid for an empty file, or in the middle of a field.
  Result<void> end() const;

 private:
  Result<void> heading();
  Result<void> record();
  // The record's fields, one after another, to take(index, text).
  template <class TakeField>
  Result<void> split_record(TakeField take_field);
  Failure broken(const std::string& what) const;

  std::string name_;
  std::vector<CsvColumn> columns_;
  Take take_;
  std::string record_;      // what has been read of it
  bool in_quotes_ = false;  // at its end
  std::size_t begun_ = 0;   // the line that it begins on
  bool has_heading_ = false;
  std::vector<std::size_t> places_;  // field -> wanted column, or columns_.size()
  CsvRecord current_;
  std::string field_;
};

}  // namespace mohona

#include "focus/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/gz_lines.h"

namespace mohona {

void BillNames::rename(FocusRow& row) const {
  if (ours.empty()) return;
  const auto look_up = [&](Of what, const std::string& theirs, std::string& out) {
    const auto found = ours.find({what, theirs});
    if (found != ours.end()) out = found->second;
  };
  look_up(Of::cloud, row.provider, row.cloud);
  look_up(Of::region, row.region, row.region);
  look_up(Of::sku, row.sku, row.sku);
  look_up(Of::commitment, row.commitment, row.commitment);
}

Result<BillNames> read_bill_names(const std::string& path) {
  BillNames out;
  enum : std::size_t { what, theirs, ours };
  const auto take = [&](const CsvRecord& record) -> Result<void> {
    constexpr std::array<std::string_view, 4> kinds = {"cloud", "region", "sku", "commitment"};
    const auto kind = std::find(kinds.begin(), kinds.end(), record.text(what));
    if (kind == kinds.end()) return record.wrong(what, "cloud, region, sku or commitment");
    for (const std::size_t column : {theirs, ours}) {
      if (record.text(column).empty()) return record.wrong(column, "a name");
    }
    const auto of = static_cast<BillNames::Of>(kind - kinds.begin());
    const auto [at, is_new] =
        out.ours.insert({{of, std::string(record.text(theirs))}, std::string(record.text(ours))});
    if (!is_new) return record.wrong(theirs, fmt::format("one name: it is {} already", at->second));
    return {};
  };
  CsvReader reader(path, {{"what", true}, {"theirs", true}, {"ours", true}}, take);
  auto read = for_lines(
      path, [&](std::size_t number, std::string_view line) { return reader.line(number, line); });
  if (!read) return fail(read.error());
  if (auto ended = reader.end(); !ended) return fail(ended.error());
  return out;
}

}  // namespace mohona

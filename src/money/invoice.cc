#include "money/invoice.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <tuple>

namespace mohona {
namespace {

using namespace std::chrono;

std::string month_of(const Charge& row) {
  const Timestamp at = row.category == Category::purchase ? row.begin : row.end - Duration(1);
  const year_month_day day(floor<days>(at));
  return fmt::format("{:04}-{:02}", int(day.year()), unsigned(day.month()));
}

// The term that a row is told under: what covers it or, on demand, the capacity it is bound to.
TermId term_of(const Charge& row) {
  return row.commitment != none_id ? row.commitment : row.reservation;
}

struct Sums {
  Wide unit_micros = 0;
  Exact billed, effective;
};

using Key =
    std::tuple<std::string, std::string, std::string, Cause, std::string, std::string, Price>;

Key key_of(const Book& book, const Charge& row) {
  const TermId term = term_of(row);
  std::string contract, name, sku, place;
  if (term != none_id) contract = book.terms()[term].contract_name, name = book.terms()[term].name;
  if (row.meter != none_id) {
    const Meter& meter = book.meter(row.meter);
    sku = meter.sku;
    place = meter.place.cloud + (meter.place.region.empty() ? "" : "/" + meter.place.region);
  }
  const bool at_a_price = row.category == Category::usage && row.commitment == none_id;
  return {month_of(row),
          contract,
          name,
          row.cause,
          sku,
          place,
          at_a_price ? row.contracted_price : Price{}};
}

}  // namespace

std::vector<InvoiceLine> invoice(const Book& book, const Ledger& ledger) {
  std::map<Key, Sums> lines;
  for (const Entry& entry : ledger.entries()) {
    Sums& sums = lines[key_of(book, entry.row)];
    sums.unit_micros += entry.row.quantity.unit_micros;
    sums.billed += entry.row.billed;
    sums.effective += entry.row.effective;
  }
  std::vector<InvoiceLine> out;
  for (const auto& [key, sums] : lines) {
    const auto& [month, contract, term, cause, sku, place, price] = key;
    const Money billed = rounded(sums.billed), effective = rounded(sums.effective);
    if (sums.unit_micros == 0 && billed == Money{} && effective == Money{}) continue;
    out.push_back(
        {month, contract, term, cause, sku, place, price, sums.unit_micros, billed, effective});
  }
  return out;
}

std::string_view name(Cause cause) {
  constexpr std::array<std::string_view, 9> names = {
      "used", "idle", "running", "unused", "fee", "volume", "overage", "true-up", "credit"};
  return names[static_cast<std::size_t>(cause)];
}

std::string format_unit_hours(Wide unit_micros) {
  const auto millionths =
      static_cast<std::int64_t>(divide_half_even(unit_micros * 1'000'000, unit_hour.unit_micros));
  const std::int64_t size = millionths < 0 ? -millionths : millionths;
  std::string text =
      fmt::format("{}{}.{:06}", millionths < 0 ? "-" : "", size / 1'000'000, size % 1'000'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace mohona

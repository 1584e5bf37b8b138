#include "focus/export.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "money/invoice.h"

namespace mohona {
namespace {

using namespace std::chrono;

// What a charge says, column by column; no value is null.
using Value = std::optional<std::string>;

std::string instant(Timestamp at) {
  const auto second = floor<seconds>(at);
  const auto day = floor<days>(second);
  const year_month_day date(day);
  const hh_mm_ss time(second - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", int(date.year()),
                     unsigned(date.month()), unsigned(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

// value ÷ whole with twelve digits after the point, half to even.
std::string decimal(Wide value, Wide whole) {
  constexpr std::int64_t digits = 1'000'000'000'000;
  const bool less = value < 0;
  const Wide size = less ? -value : value;
  const Wide integer = size / whole;
  const Wide part = divide_half_even(size % whole * digits, whole);
  const auto carried = static_cast<std::int64_t>(integer + part / digits);
  std::string text = fmt::format("{}{}.{:012}", less ? "-" : "", carried,
                                 static_cast<std::int64_t>(part % digits));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

constexpr Wide dollar = Wide{1'000'000'000} * 3'600'000'000;  // in Exact
std::string money(Exact amount) {
  // Below 10^-9 of a nano-dollar nothing is lost: products stay within 128 bits.
  constexpr Wide coarse = 1'000;
  return decimal(divide_half_even(amount.value, coarse), dollar / coarse);
}
std::string price_of(Price price) { return decimal(price.nanos, 1'000'000'000); }
std::string hours_of(Quantity quantity) {
  return decimal(quantity.unit_micros, unit_hour.unit_micros);
}

struct Month {
  Timestamp begin, end;
};
Month month_of(Timestamp at) {
  const year_month_day day(floor<days>(at));
  const auto first = day.year() / day.month() / 1;
  return {sys_days(first), sys_days(first + months(1))};
}

// The charge's own sku, place and who bills it.
struct About {
  std::string cloud, account, sku, region, zone;
};

class Line {
 public:
  Line(const Book& book, const FocusOptions& options, const Entry& entry)
      : book_(book), charge_(entry.row), correction_(entry.correction), about_(find_about()) {
    if (about_.account.empty()) about_.account = options.account;
  }

  // The value in a column of that name.
  Value value(std::string_view column) const;

 private:
  About find_about() const;
  bool is_usage() const { return charge_.category == Category::usage; }
  bool is_purchase() const { return charge_.category == Category::purchase; }
  bool has_meter() const { return charge_.meter != none_id; }
  bool is_priced() const { return is_usage() || is_purchase(); }
  bool unused() const { return charge_.use == Use::unused; }
  // Spending that was paid ahead is a commitment discount as well; a promise to spend is none.
  bool has_commitment() const {
    if (charge_.commitment == none_id) return false;
    const Term::Kind kind = book_.terms()[charge_.commitment].kind;
    return kind == Term::Kind::commitment ||
           (kind == Term::Kind::minimum && book_.minimum(charge_.commitment).prepaid);
  }
  bool draws_money() const {
    return book_.terms()[charge_.commitment].kind != Term::Kind::commitment ||
           draws_dollars(book_.commitment(charge_.commitment).draw);
  }
  std::string term_id() const {
    const TermId id = charge_.commitment != none_id ? charge_.commitment : charge_.reservation;
    const Term& term = book_.terms()[id];
    return term.contract_name + "/" + term.name;
  }
  std::string reservation_id() const {
    const Term& term = book_.terms()[charge_.reservation];
    return term.contract_name + "/" + term.name;
  }
  bool at_its_price() const {
    return has_meter() && charge_.quantity != Quantity{} &&
           charge_.list == exact(charge_.list_price, charge_.quantity) &&
           charge_.contracted == exact(charge_.contracted_price, charge_.quantity);
  }
  // Of a charge that has no unit price.
  Exact own_cost() const {
    return is_usage() && charge_.billed.value == 0 ? charge_.effective : charge_.billed;
  }
  Month month() const {
    return month_of(is_purchase() ? charge_.begin : charge_.end - Duration(1));
  }

  // A fee that does not come again: it pays for the whole time.
  bool pays_for_all() const {
    if (!has_commitment()) return true;
    const bool promise = book_.terms()[charge_.commitment].kind == Term::Kind::commitment;
    const Window& window = promise ? book_.commitment(charge_.commitment).window
                                   : book_.minimum(charge_.commitment).window;
    return charge_.begin <= window.from && window.to <= charge_.end;
  }

  Value account_column(std::string_view column) const;
  Value cost_column(std::string_view column) const;
  Value sku_column(std::string_view column) const;
  Value commitment_column(std::string_view column) const;
  Value what_column(std::string_view column) const;
  Value quantity(bool consumed) const;
  std::string unit() const;
  std::string description() const;

  const Book& book_;
  const Charge& charge_;
  bool correction_;
  About about_;
};

About Line::find_about() const {
  About out;
  const TermId id = charge_.commitment != none_id ? charge_.commitment : charge_.reservation;
  if (id != none_id) {
    const Contract& contract = book_.contract(id);
    out = {contract.cloud, contract.account, term_id(), "", ""};
  }
  if (has_meter()) {
    const Meter& meter = book_.meter(charge_.meter);
    out.cloud = meter.place.cloud;
    // Who has a contract with that cloud pays for what runs under none as well.
    for (const Contract& contract : book_.contracts().contracts) {
      if (out.account.empty() && contract.cloud == out.cloud) out.account = contract.account;
    }
    out.sku = meter.sku;
    out.region = meter.place.region;
    out.zone = meter.place.zone;
  }
  if (out.sku.empty()) out.sku = std::string(name(charge_.cause));
  return out;
}

Value text_or_null(const std::string& text) { return text.empty() ? Value() : Value(text); }

Value Line::account_column(std::string_view column) const {
  if (column == "BillingAccountId" || column == "BillingAccountName") return about_.account;
  if (column == "BillingAccountType") return "Billing Account";
  if (column == "BillingCurrency" || column == "PricingCurrency") return "USD";
  if (column == "BillingPeriodStart") return instant(month().begin);
  if (column == "BillingPeriodEnd") return instant(month().end);
  if (column == "InvoiceId") {
    return fmt::format("{}-{}-{}", about_.cloud, about_.account,
                       instant(month().begin).substr(0, 7));
  }
  if (column == "InvoiceIssuerName" || column == "ProviderName" || column == "PublisherName") {
    return about_.cloud;
  }
  if (column == "SubAccountId" || column == "SubAccountName" || column == "SubAccountType") {
    if (!has_meter() || book_.meter(charge_.meter).account.empty()) return {};
    return column == "SubAccountType" ? "Account" : book_.meter(charge_.meter).account;
  }
  if (column == "RegionId" || column == "RegionName") return text_or_null(about_.region);
  if (column == "AvailabilityZone") return text_or_null(about_.zone);
  return {};
}

// What was used, or what a row is for where nothing was.
Value Line::quantity(bool consumed) const {
  if (!is_priced() || (consumed && (!is_usage() || unused()))) return {};
  if (at_its_price() || consumed || unused()) return hours_of(charge_.quantity);
  return own_cost().value < 0 ? "-1" : "1";
}

std::string Line::unit() const { return at_its_price() || unused() ? "Hours" : "Units"; }

Value Line::cost_column(std::string_view column) const {
  // A charge that has no unit price is one unit of itself.
  const bool alone = !at_its_price();
  const Exact own = own_cost();
  // A correction may move money between commitments alone.
  const bool moved = correction_ && has_meter();
  const Exact list = alone && !moved ? own : charge_.list;
  const Exact contracted = alone && !moved ? own : charge_.contracted;
  if (column == "BilledCost") return money(charge_.billed);
  if (column == "EffectiveCost") return money(is_purchase() ? Exact{} : charge_.effective);
  if (column == "ListCost") return money(unused() ? Exact{} : list);
  if (column == "ContractedCost") return money(unused() ? Exact{} : contracted);
  // Corrections are differences: their parts need not multiply.
  const bool priced = is_priced() && !correction_;
  if (column == "ListUnitPrice" || column == "ContractedUnitPrice") {
    if (!priced) return {};
    if (unused()) return "0";
    if (alone) return money(own.value < 0 ? -own : own);  // of one unit, or of one given back
    return price_of(column == "ListUnitPrice" ? charge_.list_price : charge_.contracted_price);
  }
  if (column == "PricingQuantity") return quantity(false);
  if (column == "PricingUnit") return quantity(false) ? Value(unit()) : Value();
  if (column == "ConsumedQuantity") return quantity(true);
  if (column == "ConsumedUnit") return quantity(true) ? Value("Hours") : Value();
  return {};
}

Value Line::sku_column(std::string_view column) const {
  if (!is_priced()) return {};
  if (column == "SkuId") return about_.sku;
  if (column == "SkuMeter") return has_meter() ? "Machine hours" : "Commitment";
  if (column == "SkuPriceId") {
    return fmt::format("{}/{}/{}", about_.cloud, about_.region.empty() ? "global" : about_.region,
                       about_.sku);
  }
  return {};
}

Value Line::commitment_column(std::string_view column) const {
  if (column == "CapacityReservationId" || column == "CapacityReservationStatus") {
    if (charge_.reservation == none_id) return {};
    if (column == "CapacityReservationId") return reservation_id();
    if (!is_usage()) return {};
    return charge_.reserved == Use::unused ? "Unused" : "Used";
  }
  if (!has_commitment()) return {};
  if (column == "CommitmentDiscountId") return term_id();
  if (column == "CommitmentDiscountName") return book_.terms()[charge_.commitment].name;
  if (column == "CommitmentDiscountCategory") return draws_money() ? "Spend" : "Usage";
  if (column == "CommitmentDiscountType") {
    if (book_.terms()[charge_.commitment].kind == Term::Kind::minimum) return "Credits";
    return draws_money()                                   ? "Savings Plan"
           : book_.commitment(charge_.commitment).capacity ? "Reserved Capacity"
                                                           : "Reservation";
  }
  if (column == "CommitmentDiscountStatus") {
    if (!is_usage()) return {};
    return unused() ? "Unused" : "Used";
  }
  if (!is_priced()) return {};
  if (column == "CommitmentDiscountQuantity") {
    // Money in dollars; units in hours of one (thousandths × µs are kept).
    if (is_purchase()) return "1";
    return draws_money() ? money({charge_.drawn})
                         : decimal(charge_.drawn, Wide{1'000} * unit_hour.unit_micros);
  }
  if (column == "CommitmentDiscountUnit") {
    return is_purchase() ? "Units" : draws_money() ? "USD" : "Hours";
  }
  return {};
}

std::string Line::description() const {
  std::string out = fmt::format("{}: {}", name(charge_.cause), about_.sku);
  if (!about_.region.empty()) out += " in " + about_.region;
  if (charge_.commitment != none_id && has_meter()) out += " under " + term_id();
  return out;
}

Value Line::what_column(std::string_view column) const {
  if (column == "ChargeCategory") {
    constexpr std::array<const char*, 4> names = {"Usage", "Purchase", "Credit", "Adjustment"};
    return names[static_cast<std::size_t>(charge_.category)];
  }
  if (column == "ChargeClass") return correction_ ? Value("Correction") : Value();
  if (column == "ChargeDescription") return description();
  if (column == "ChargeFrequency") {
    if (is_usage()) return "Usage-Based";
    return is_purchase() && !pays_for_all() ? "Recurring" : "One-Time";
  }
  if (column == "ChargePeriodStart") return instant(charge_.begin);
  if (column == "ChargePeriodEnd") return instant(charge_.end);
  if (column == "PricingCategory") {
    if (!is_priced()) return {};
    if (is_purchase()) return "Standard";
    constexpr std::array<const char*, 3> names = {"Standard", "Dynamic", "Committed"};
    return has_commitment() ? "Committed" : names[static_cast<std::size_t>(charge_.pricing)];
  }
  if (column == "ResourceId" || column == "ResourceName") {
    if (charge_.resource != none_id) return book_.resource(charge_.resource);
    if (has_commitment()) return term_id();
    return charge_.reservation != none_id ? Value(reservation_id()) : Value();
  }
  if (column == "ResourceType") {
    if (charge_.resource != none_id) return "Machine";
    if (has_commitment()) return "Commitment";
    return charge_.reservation != none_id ? Value("Capacity reservation") : Value();
  }
  if (column == "ServiceCategory") return "Compute";
  if (column == "ServiceSubcategory") return "Virtual Machines";
  if (column == "ServiceName") return "Machines";
  return {};
}

Value Line::value(std::string_view column) const {
  // Everything is priced and billed in dollars.
  constexpr std::string_view priced = "PricingCurrency";
  if (column.starts_with(priced) && column != priced) column.remove_prefix(priced.size());
  for (const auto part : {&Line::account_column, &Line::what_column, &Line::cost_column,
                          &Line::sku_column, &Line::commitment_column}) {
    if (Value found = (this->*part)(column)) return found;
  }
  return {};
}

// A field with commas, quotes or line ends stands in quotes (RFC 4180).
void append_field(std::string& out, const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

const std::vector<std::string_view>& focus_columns() {
  static const std::vector<std::string_view> columns = {
      "AvailabilityZone",
      "BilledCost",
      "BillingAccountId",
      "BillingAccountName",
      "BillingAccountType",
      "BillingCurrency",
      "BillingPeriodEnd",
      "BillingPeriodStart",
      "CapacityReservationId",
      "CapacityReservationStatus",
      "ChargeCategory",
      "ChargeClass",
      "ChargeDescription",
      "ChargeFrequency",
      "ChargePeriodEnd",
      "ChargePeriodStart",
      "CommitmentDiscountCategory",
      "CommitmentDiscountId",
      "CommitmentDiscountName",
      "CommitmentDiscountQuantity",
      "CommitmentDiscountStatus",
      "CommitmentDiscountType",
      "CommitmentDiscountUnit",
      "ConsumedQuantity",
      "ConsumedUnit",
      "ContractedCost",
      "ContractedUnitPrice",
      "EffectiveCost",
      "InvoiceId",
      "InvoiceIssuerName",
      "ListCost",
      "ListUnitPrice",
      "PricingCategory",
      "PricingCurrency",
      "PricingCurrencyContractedUnitPrice",
      "PricingCurrencyEffectiveCost",
      "PricingCurrencyListUnitPrice",
      "PricingQuantity",
      "PricingUnit",
      "ProviderName",
      "PublisherName",
      "RegionId",
      "RegionName",
      "ResourceId",
      "ResourceName",
      "ResourceType",
      "ServiceCategory",
      "ServiceName",
      "ServiceSubcategory",
      "SkuId",
      "SkuMeter",
      "SkuPriceDetails",
      "SkuPriceId",
      "SubAccountId",
      "SubAccountName",
      "SubAccountType",
      "Tags",
  };
  return columns;
}

void export_focus(const Book& book, const Ledger& ledger, const FocusOptions& options,
                  const std::function<void(std::string_view)>& line) {
  std::string text;
  for (const std::string_view column : focus_columns()) {
    if (!text.empty()) text += ',';
    text += column;
  }
  text += '\n';
  line(text);
  for (const Entry& entry : ledger.entries()) {
    const Line one(book, options, entry);
    text.clear();
    bool first = true;
    for (const std::string_view column : focus_columns()) {
      if (!std::exchange(first, false)) text += ',';
      if (const Value value = one.value(column)) append_field(text, *value);
    }
    text += '\n';
    line(text);
  }
}

}  // namespace mohona

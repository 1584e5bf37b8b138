#include "focus/import.h"

#include <fmt/format.h>

#include <array>

#include "base/decimal.h"
#include "base/gz_lines.h"
#include "base/text.h"

namespace mohona {
namespace {

// The columns that are read, in the order of `columns`.
enum Column : std::size_t {
  availability_zone,
  billed_cost,
  billing_account,
  billing_currency,
  charge_category,
  charge_class,
  period_end,
  period_start,
  commitment_id,
  commitment_status,
  consumed_quantity,
  consumed_unit,
  contracted_cost,
  effective_cost,
  list_cost,
  pricing_quantity,
  pricing_unit,
  provider_name,
  region_id,
  resource_id,
  sku_id,
  sub_account,
};

std::vector<CsvColumn> columns() {
  return {{"AvailabilityZone"},
          {"BilledCost", true},
          {"BillingAccountId", true},
          {"BillingCurrency", true},
          {"ChargeCategory", true},
          {"ChargeClass", true},
          {"ChargePeriodEnd", true},
          {"ChargePeriodStart", true},
          {"CommitmentDiscountId"},
          {"CommitmentDiscountStatus"},
          {"ConsumedQuantity"},
          {"ConsumedUnit"},
          {"ContractedCost", true},
          {"EffectiveCost", true},
          {"ListCost", true},
          {"PricingQuantity", true},
          {"PricingUnit", true},
          {"ProviderName", true},
          {"RegionId"},
          {"ResourceId"},
          {"SkuId"},
          {"SubAccountId"}};
}

Result<Timestamp> instant(const CsvRecord& record, Column column) {
  // Instants of a bill are UTC. Some leave that unsaid, some the seconds, some write it out.
  std::string text(record.text(column));
  if (text.ends_with(" UTC")) text.resize(text.size() - 4);
  if (text.size() == 17 && text.ends_with('Z')) text.insert(16, ":00");
  if (text.size() == 19) text += 'Z';
  const auto at = parse_timestamp(text);
  if (!at) return record.wrong(column, "an instant, as 2026-12-01T00:00:00Z");
  return *at;
}

Result<BillMoney> money(const CsvRecord& record, Column column) {
  const auto value = parse_decimal(record.text(column), bill_money_places, bill_dollars_max);
  if (value) return BillMoney{*value};
  return record.wrong(column, fmt::format("a number from -{0} to {0}", bill_dollars_max));
}

Result<void> take_money(const CsvRecord& record, FocusRow& out) {
  const auto billed = money(record, billed_cost);
  if (!billed) return fail(billed.error());
  const auto effective = money(record, effective_cost);
  if (!effective) return fail(effective.error());
  out.billed = *billed, out.effective = *effective;
  // Nothing is compared by these two, and some bills leave them out where there is no price.
  for (const auto& [column, into] :
       {std::pair{list_cost, &out.list}, std::pair{contracted_cost, &out.contracted}}) {
    into->reset();
    if (record.text(column).empty()) continue;
    const auto value = money(record, column);
    if (!value) return fail(value.error());
    *into = *value;
  }
  return {};
}

bool means_hours(std::string_view unit) {
  const std::string word = lower(unit);
  return word == "hours" || word == "hour" || word == "hrs" || word == "h" || word == "1 hour";
}

// What was used. A cloud may count seconds and price hours, or price millions of what it counts:
// hours come first, then what was counted.
Result<void> take_quantity(const CsvRecord& record, FocusRow& out) {
  out.quantity.reset();
  out.unit.clear();
  Column quantity = consumed_quantity, unit = consumed_unit;
  const bool consumed = !record.text(consumed_quantity).empty();
  const bool priced = !record.text(pricing_quantity).empty();
  if (!consumed || (priced && !means_hours(record.text(consumed_unit)) &&
                    means_hours(record.text(pricing_unit)))) {
    quantity = pricing_quantity, unit = pricing_unit;
  }
  if (record.text(quantity).empty()) return {};
  const auto value = parse_decimal(record.text(quantity), bill_quantity_places, bill_units_max);
  if (!value) {
    return record.wrong(quantity, fmt::format("a number from -{0} to {0}", bill_units_max));
  }
  out.quantity = BillQuantity{*value};
  out.unit = means_hours(record.text(unit)) ? "Hours" : std::string(record.text(unit));
  return {};
}

Result<void> take_kind(const CsvRecord& record, FocusRow& out) {
  constexpr std::array<std::string_view, 5> categories = {"Usage", "Purchase", "Tax", "Credit",
                                                          "Adjustment"};
  const auto category =
      std::find(categories.begin(), categories.end(), record.text(charge_category));
  if (category == categories.end()) {
    return record.wrong(charge_category, "Usage, Purchase, Tax, Credit or Adjustment");
  }
  out.category = static_cast<BillCategory>(category - categories.begin());
  const std::string_view charged = record.text(charge_class);
  if (!charged.empty() && charged != "Correction") {
    return record.wrong(charge_class, "Correction or nothing");
  }
  out.correction = !charged.empty();
  const std::string_view status = record.text(commitment_status);
  if (!status.empty() && status != "Used" && status != "Unused") {
    return record.wrong(commitment_status, "Used, Unused or nothing");
  }
  out.status = status.empty()     ? BillStatus::none
               : status == "Used" ? BillStatus::used
                                  : BillStatus::unused;
  return {};
}

Result<void> take_period(const CsvRecord& record, FocusRow& out) {
  const auto begin = instant(record, period_start);
  if (!begin) return fail(begin.error());
  const auto end = instant(record, period_end);
  if (!end) return fail(end.error());
  if (*end < *begin) return record.wrong(period_end, "an instant after ChargePeriodStart");
  out.begin = *begin, out.end = *end;
  return {};
}

}  // namespace

std::string cloud_name(std::string_view provider) {
  const std::string name = lower(provider);
  if (name == "amazon web services" || name == "amazon") return "aws";
  if (name == "microsoft" || name == "microsoft azure") return "azure";
  if (name == "google cloud" || name == "google" || name == "google cloud platform") return "gcp";
  if (name == "oracle" || name == "oracle cloud") return "oci";
  return name;
}

FocusReader::FocusReader(std::string name, Take take)
    : take_(std::move(take)), csv_(std::move(name), columns(), [this](const CsvRecord& record) {
        return this->take(record);
      }) {}

Result<void> FocusReader::take(const CsvRecord& record) {
  if (++rows_ > bill_rows_max) {
    return fail(Code::invalid, fmt::format("there are more than {} rows", bill_rows_max));
  }
  for (const auto part : {take_kind, take_period, take_money, take_quantity}) {
    if (auto ok = part(record, row_); !ok) return ok;
  }
  if (record.text(billing_currency) != "USD") {
    return record.wrong(billing_currency, "USD: contracts are in US dollars only");
  }
  if (record.text(provider_name).empty()) return record.wrong(provider_name, "a name");
  // Most rows are of the provider of the row before.
  if (row_.provider != record.text(provider_name)) {
    row_.provider = record.text(provider_name);
    row_.cloud = cloud_name(row_.provider);
  }
  const Column account = record.text(sub_account).empty() ? billing_account : sub_account;
  row_.account = record.text(account);
  row_.sku = record.text(sku_id);
  row_.region = record.text(region_id);
  row_.zone = record.text(availability_zone);
  row_.resource = record.text(resource_id);
  row_.commitment = record.text(commitment_id);
  return take_(row_);
}

Result<void> import_focus(const std::string& path, const FocusReader::Take& take) {
  FocusReader reader(path, take);
  auto read = for_lines(
      path, [&](std::size_t number, std::string_view line) { return reader.line(number, line); });
  if (!read) return read;
  return reader.end();
}

}  // namespace mohona

#include "spec/skypilot_catalogue.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/decimal.h"
#include "base/text.h"
#include "spec/fields.h"
#include "spec/table.h"

namespace mohona {
namespace {

constexpr std::size_t catalogue_bytes_max = std::size_t{64} << 20;
constexpr std::size_t rows_max = 500'000;
constexpr std::int64_t cores_max = 10'000;         // of one machine
constexpr std::int64_t gib_max = 1 << 20;          // likewise
constexpr std::int64_t dollars_max = 999'999'999;  // an hour; sentinels are below it

struct CatalogueRow {
  std::string sku, gpu, region, zone;
  std::int64_t gpus_milli = 0, cpus_milli = 0, memory_mib = 0;
  std::optional<Price> price, spot_price;
};

// Nothing where the field is empty, as SkyPilot leaves what it does not know.
std::optional<std::int64_t> read_decimal(const TableField& field, int places, std::int64_t min,
                                         std::int64_t max, Problems& problems) {
  if (field.text.empty()) return std::nullopt;
  const auto value = parse_decimal(field.text, places, max);
  if (value && (min < 0 || *value >= 0)) return static_cast<std::int64_t>(*value);
  problems.add(field.place, fmt::format("{} is not such a number", in_quotes(field.text)),
               fmt::format("expected a decimal number from {} to {}", min, max));
  return std::nullopt;
}

void read_price_field(const TableField& field, std::optional<Price>& out, Problems& problems) {
  constexpr int nano_places = 9;
  if (const auto nanos = read_decimal(field, nano_places, -dollars_max, dollars_max, problems)) {
    out = Price{*nanos};
  }
}

// As fleets and price files spell them, where a name has no blanks.
void read_gpu_name(const TableField& field, CatalogueRow& row, Problems& problems) {
  std::string text = lower(field.text);
  std::replace(text.begin(), text.end(), ' ', '-');
  if (text.empty() || is_name(text)) {
    row.gpu = text;
  } else {
    problems.add(field.place, fmt::format("{} is no accelerator", in_quotes(field.text)),
                 std::string(name_rule));
  }
}

using CatalogueColumn = TableColumn<CatalogueRow>;

constexpr std::array<CatalogueColumn, 9> catalogue_columns = {{
    {"InstanceType", [](const TableField& f, CatalogueRow& r, Problems&) { r.sku = f.text; }},
    {"AcceleratorName", read_gpu_name},
    {"AcceleratorCount",
     [](const TableField& f, CatalogueRow& r, Problems& p) {
       r.gpus_milli = read_decimal(f, 3, 0, gpus_max, p).value_or(0);
     }},
    {"vCPUs", [](const TableField& f, CatalogueRow& r,
                 Problems& p) { r.cpus_milli = read_decimal(f, 3, 0, cores_max, p).value_or(0); }},
    {"MemoryGiB",
     [](const TableField& f, CatalogueRow& r, Problems& p) {
       r.memory_mib = read_decimal(f, 6, 0, gib_max, p).value_or(0) * 1'024 / 1'000'000;
     }},
    {"Price",
     [](const TableField& f, CatalogueRow& r, Problems& p) { read_price_field(f, r.price, p); }},
    {"SpotPrice", [](const TableField& f, CatalogueRow& r,
                     Problems& p) { read_price_field(f, r.spot_price, p); }},
    {"Region", [](const TableField& f, CatalogueRow& r, Problems&) { r.region = f.text; }},
    {"AvailabilityZone", [](const TableField& f, CatalogueRow& r, Problems&) { r.zone = f.text; }},
}};

// For each field of a row the column that it is, or nullptr for one that is not read.
std::vector<const CatalogueColumn*> read_catalogue_heading(const std::vector<TableField>& fields,
                                                           Problems& problems) {
  std::vector<const CatalogueColumn*> out;
  for (const TableField& field : fields) {
    const auto column = std::find_if(catalogue_columns.begin(), catalogue_columns.end(),
                                     [&](const auto& one) { return one.name == field.text; });
    out.push_back(column == catalogue_columns.end() ? nullptr : column);
  }
  for (const std::string_view needed : {"InstanceType", "Price", "Region"}) {
    if (std::none_of(out.begin(), out.end(), [&](auto* c) { return c && c->name == needed; })) {
      problems.add(fields.front().place, fmt::format("there is no column '{}'", needed),
                   "expected the heading of a SkyPilot catalogue, such as "
                   "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,SpotPrice,"
                   "Region,AvailabilityZone");
    }
  }
  return out;
}

void add_listings(const CatalogueRow& row, const std::string& cloud, const Origin& origin,
                  std::vector<Listing>& out) {
  Listing listing;
  listing.offer.sku = row.sku;
  listing.offer.place = {cloud, row.region, row.zone};
  listing.offer.family = row.sku.substr(0, row.sku.find_first_of("./@"));
  listing.offer.unit = "instance";
  listing.gpu = row.gpu;
  if (!row.gpu.empty()) listing.gpus_milli = row.gpus_milli > 0 ? row.gpus_milli : 1'000;
  listing.cpus_milli = row.cpus_milli;
  listing.memory_mib = row.memory_mib;
  listing.origin = origin;
  if (row.price) listing.offer.tiers = {{0, *row.price}};
  if (row.price || !row.spot_price) out.push_back(listing);
  if (!row.spot_price) return;
  listing.offer.tiers = {{0, *row.spot_price}};
  listing.offer.dynamic = true;
  if (!row.sku.empty()) listing.offer.sku += spot_ending;
  out.push_back(std::move(listing));
}

}  // namespace

std::string cloud_of_catalogue(const std::string& path) {
  const std::vector<std::string_view> parts = split(path, '/');
  std::string_view name = parts.back().substr(0, parts.back().find('.'));
  if (name == "vms") name = parts.size() > 1 ? parts[parts.size() - 2] : "";
  return is_name(name) ? std::string(name) : "";
}

Result<PriceList> parse_skypilot_catalogue(const Source& given, const std::string& cloud,
                                           const Origin& origin) {
  const Source source = with_plain_lines(given);
  Problems problems;
  if (!check_text(source.text, problems, catalogue_bytes_max)) {
    return fail(problems.error(source));
  }
  PriceList out;
  Origin here = origin;
  here.file = source.name;
  bool too_long = false;
  read_table<CatalogueRow>(
      source.text, "machine", problems,
      [&](const auto& fields) { return read_catalogue_heading(fields, problems); },
      [&](const CatalogueRow& row, std::int64_t line, Place place) {
        if (out.listings.size() >= rows_max) {
          if (!std::exchange(too_long, true)) {
            problems.add(place, "the table is too long",
                         fmt::format("expected at most {} prices", rows_max));
          }
          return;
        }
        here.line = line;
        add_listings(row, cloud, here, out.listings);
      });
  if (!problems.none()) return fail(problems.error(source));
  return out;
}

}  // namespace mohona

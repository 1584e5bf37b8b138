#include "spec/skypilot_catalogue.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/text.h"
#include "base/wide.h"
#include "spec/fields.h"

namespace mohona {
namespace {

constexpr std::size_t catalogue_bytes_max = std::size_t{64} << 20;
constexpr std::size_t rows_max = 500'000;
constexpr std::int64_t cores_max = 10'000;         // of one machine
constexpr std::int64_t gib_max = 1 << 20;          // likewise
constexpr std::int64_t dollars_max = 999'999'999;  // an hour; sentinels are below it

struct CatalogueField {
  std::string_view text;
  Place place;
};

// A field in quotes may hold commas. Quotes within it are doubled, which only matters to text that
// nobody reads here.
std::vector<CatalogueField> catalogue_fields(std::string_view line, std::size_t begin) {
  std::vector<CatalogueField> out;
  bool quoted = false;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size() && line[i] == '"') quoted = !quoted;
    if (i < line.size() && (quoted || line[i] != ',')) continue;
    std::string_view text = trim(line.substr(from, i - from));
    if (text.size() > 1 && text.front() == '"' && text.back() == '"') {
      text = trim(text.substr(1, text.size() - 2));
    }
    const auto at = text.empty() ? from : static_cast<std::size_t>(text.data() - line.data());
    out.push_back({text, {begin + at, std::max<std::size_t>(text.size(), 1)}});
    from = i + 1;
  }
  return out;
}

// A decimal number times 10^places, with what is behind that rounded, half to even: "8.0",
// "-0.5", "0.30000000000000004". Nothing: it is none, or beyond `max`.
std::optional<std::int64_t> parse_decimal(std::string_view text, std::size_t places,
                                          std::int64_t max) {
  const bool below = text.starts_with('-');
  if (below) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view part = text.substr(std::min(point + 1, text.size()));
  if (point + part.size() == 0) return std::nullopt;
  Wide value = 0;
  const auto take = [&](char c) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
    return value <= Wide{max} * 1'000'000'000;
  };
  for (const char c : text.substr(0, point)) {
    if (!take(c)) return std::nullopt;
  }
  if (value > max) return std::nullopt;
  for (std::size_t i = 0; i < places; ++i) {
    if (!take(i < part.size() ? part[i] : '0')) return std::nullopt;
  }
  const std::string_view rest = part.substr(std::min(places, part.size()));
  if (rest.find_first_not_of("0123456789") != rest.npos) return std::nullopt;
  if (!rest.empty()) {
    const bool half = rest[0] == '5' && rest.find_first_not_of('0', 1) == rest.npos;
    if (half ? value % 2 != 0 : rest[0] >= '5') ++value;
  }
  return static_cast<std::int64_t>(below ? -value : value);
}

struct CatalogueRow {
  std::string sku, gpu, region, zone;
  std::int64_t gpus_milli = 0, cpus_milli = 0, memory_mib = 0;
  std::optional<Price> price, spot_price;
};

// Nothing where the field is empty, as SkyPilot leaves what it does not know.
std::optional<std::int64_t> read_decimal(const CatalogueField& field, std::size_t places,
                                         std::int64_t min, std::int64_t max, Problems& problems) {
  if (field.text.empty()) return std::nullopt;
  const auto value = parse_decimal(field.text, places, max);
  if (value && (min < 0 || *value >= 0)) return value;
  problems.add(field.place, fmt::format("{} is not such a number", in_quotes(field.text)),
               fmt::format("expected a decimal number from {} to {}", min, max));
  return std::nullopt;
}

void read_price_field(const CatalogueField& field, std::optional<Price>& out, Problems& problems) {
  constexpr std::size_t nano_places = 9;
  if (const auto nanos = read_decimal(field, nano_places, -dollars_max, dollars_max, problems)) {
    out = Price{*nanos};
  }
}

// As fleets and price files spell them, where a name has no blanks.
void read_gpu_name(const CatalogueField& field, CatalogueRow& row, Problems& problems) {
  std::string text = lower(field.text);
  std::replace(text.begin(), text.end(), ' ', '-');
  if (text.empty() || is_name(text)) {
    row.gpu = text;
  } else {
    problems.add(field.place, fmt::format("{} is no accelerator", in_quotes(field.text)),
                 std::string(name_rule));
  }
}

struct CatalogueColumn {
  std::string_view name;
  void (*read)(const CatalogueField&, CatalogueRow&, Problems&);
};

constexpr std::array<CatalogueColumn, 9> catalogue_columns = {{
    {"InstanceType", [](const CatalogueField& f, CatalogueRow& r, Problems&) { r.sku = f.text; }},
    {"AcceleratorName", read_gpu_name},
    {"AcceleratorCount",
     [](const CatalogueField& f, CatalogueRow& r, Problems& p) {
       r.gpus_milli = read_decimal(f, 3, 0, gpus_max, p).value_or(0);
     }},
    {"vCPUs", [](const CatalogueField& f, CatalogueRow& r,
                 Problems& p) { r.cpus_milli = read_decimal(f, 3, 0, cores_max, p).value_or(0); }},
    {"MemoryGiB",
     [](const CatalogueField& f, CatalogueRow& r, Problems& p) {
       r.memory_mib = read_decimal(f, 6, 0, gib_max, p).value_or(0) * 1'024 / 1'000'000;
     }},
    {"Price", [](const CatalogueField& f, CatalogueRow& r,
                 Problems& p) { read_price_field(f, r.price, p); }},
    {"SpotPrice", [](const CatalogueField& f, CatalogueRow& r,
                     Problems& p) { read_price_field(f, r.spot_price, p); }},
    {"Region", [](const CatalogueField& f, CatalogueRow& r, Problems&) { r.region = f.text; }},
    {"AvailabilityZone",
     [](const CatalogueField& f, CatalogueRow& r, Problems&) { r.zone = f.text; }},
}};

// For each field of a row the column that it is, or nullptr for one that is not read.
std::vector<const CatalogueColumn*> read_catalogue_heading(
    const std::vector<CatalogueField>& fields, Problems& problems) {
  std::vector<const CatalogueColumn*> out;
  for (const CatalogueField& field : fields) {
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
  std::vector<const CatalogueColumn*> heading;
  std::size_t begin = 0;
  Origin here = origin;
  here.file = source.name;
  here.line = 0;
  for (const std::string_view line : split(source.text, '\n')) {
    const std::size_t at = begin;
    begin += line.size() + 1;
    ++here.line;
    if (problems.full()) break;
    if (trim(line).empty()) continue;
    const std::vector<CatalogueField> fields = catalogue_fields(line, at);
    if (heading.empty()) {
      heading = read_catalogue_heading(fields, problems);
      if (!problems.none()) break;
      continue;
    }
    if (fields.size() != heading.size()) {
      problems.add({at, line.size()}, fmt::format("this line has {} fields", fields.size()),
                   fmt::format("expected {}, as in the heading", heading.size()));
      continue;
    }
    if (out.listings.size() >= rows_max) {
      problems.add({at, line.size()}, "the table is too long",
                   fmt::format("expected at most {} prices", rows_max));
      break;
    }
    CatalogueRow row;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (heading[i]) heading[i]->read(fields[i], row, problems);
    }
    add_listings(row, cloud, here, out.listings);
  }
  if (heading.empty() && problems.none()) {
    problems.add({}, "the file is empty", "expected a heading and a line for each machine");
  }
  if (!problems.none()) return fail(problems.error(source));
  return out;
}

}  // namespace mohona

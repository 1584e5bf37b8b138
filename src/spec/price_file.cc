#include "spec/price_file.h"

#include <fmt/format.h>

#include "base/text.h"
#include "spec/contracts_draft.h"
#include "spec/lines.h"
#include "spec/yaml.h"

namespace mohona {
namespace {

constexpr std::int64_t egress_max = 10'000;

// What a price has of its own, or of the file's head.
struct OriginDraft {
  Origin origin;
  Problems& problems;
};

void read_as_of(const SpecNode& node, Origin& out, Problems& problems) {
  Timestamp at;
  if (read_local(node, Duration{0}, at, problems)) out.as_of = at;
}

constexpr std::array<Key<OriginDraft>, 3> head_keys = {{
    {"as_of", [](const SpecNode& n, OriginDraft& d) { read_as_of(n, d.origin, d.problems); }},
    {"source",
     [](const SpecNode& n, OriginDraft& d) { read_text(n, d.origin.source, d.problems); }},
    {"currency",
     [](const SpecNode& n, OriginDraft& d) {
       if (n.is_scalar() && n.text == "USD") return;
       wrong(n, "expected USD: amounts in other currencies are not understood yet", d.problems);
     }},
}};

struct PriceFileDraft {
  Problems& problems;
  const SpecNode* head = nullptr;
  const SpecNode* offers = nullptr;  // read after the head: they take its day and source
  const SpecNode* egress = nullptr;
};

constexpr std::array<Key<PriceFileDraft>, 3> price_file_keys = {{
    {"prices", [](const SpecNode& n, PriceFileDraft& d) { d.head = &n; }},
    {"offers", [](const SpecNode& n, PriceFileDraft& d) { d.offers = &n; }},
    {"egress", [](const SpecNode& n, PriceFileDraft& d) { d.egress = &n; }},
}};

Origin read_head(const SpecNode& node, Problems& problems) {
  OriginDraft draft{{}, problems};
  if (!is_map(node, "{as_of: DAY, source: WHO SAYS SO, currency: USD}", problems)) return {};
  read_keys(node, head_keys, {}, draft, problems);
  if (!node.find("currency")) {
    lacks(node, "currency", node.key_place, "'prices' has no 'currency'", "expected currency: USD",
          problems);
  }
  return draft.origin;
}

// --- offers -------------------------------------------------------------------------------------

struct ListingDraft {
  Listing listing;
  Problems& problems;
};

void read_gpus(const SpecNode& node, ListingDraft& draft) {
  const auto gpus = read_accelerators(node, Parts::allowed, draft.problems);
  if (gpus.size() > 1) wrong(node, "expected accelerators of one kind", draft.problems);
  if (gpus.size() != 1) return;
  draft.listing.gpu = gpus[0].name;
  draft.listing.gpus_milli = gpus[0].count > 0 ? gpus[0].count * 1'000 : gpus[0].milli;
}

void read_amount_of(const SpecNode& node, std::optional<Amount> amount, std::string_view expected,
                    std::int64_t& out, Problems& problems) {
  if (node.is_scalar() && amount && !amount->or_more) {
    out = amount->value;
  } else {
    wrong(node, std::string(expected), problems);
  }
}

constexpr std::array<Key<ListingDraft>, 5> listing_keys = {{
    {"accelerators", read_gpus},
    {"cpus",
     [](const SpecNode& n, ListingDraft& d) {
       read_amount_of(n, parse_cpus(n.text, Round::down), "expected a number of cores, such as 192",
                      d.listing.cpus_milli, d.problems);
     }},
    {"memory",
     [](const SpecNode& n, ListingDraft& d) {
       read_amount_of(n, parse_memory(n.text, Round::down),
                      "expected an amount of memory, such as 2048GB", d.listing.memory_mib,
                      d.problems);
     }},
    {"as_of",
     [](const SpecNode& n, ListingDraft& d) { read_as_of(n, d.listing.origin, d.problems); }},
    {"source",
     [](const SpecNode& n, ListingDraft& d) { read_text(n, d.listing.origin.source, d.problems); }},
}};

void read_listing(const SpecNode& item, const Origin& origin, PriceList& out, Problems& problems) {
  ListingDraft draft{{}, problems};
  Listing& listing = draft.listing;
  listing.origin = origin;
  listing.offer.unit = "instance";
  read_keys(item, listing_keys, {}, draft, problems, offer_key_names(),
            [&](const SpecNode& value) { return read_offer_key(value, listing.offer, problems); });
  check_offer(item, listing.offer, problems);
  out.listings.push_back(std::move(listing));
}

// --- egress -------------------------------------------------------------------------------------

struct EgressDraft {
  EgressPrice price;
  Problems& problems;
};

// "aws", "aws/us-east-1", "aws/us-east-1/us-east-1a".
bool read_place(const SpecNode& node, Location& out, Problems& problems) {
  constexpr std::size_t parts_max = 3;
  const auto parts = split(node.text, '/');
  const bool whole = std::none_of(parts.begin(), parts.end(),
                                  [](std::string_view part) { return trim(part).empty(); });
  if (!node.is_scalar() || !whole || parts.size() > parts_max || !is_name(parts[0]) ||
      (parts[0] == internet && parts.size() > 1)) {
    wrong(node, "expected a place, such as aws, aws/us-east-1 or internet", problems);
    return false;
  }
  out.cloud = canonical_cloud(parts[0]);
  out.region = parts.size() > 1 ? parts[1] : "";
  out.zone = parts.size() > 2 ? parts[2] : "";
  return true;
}

constexpr std::array<Key<EgressDraft>, 5> egress_keys = {{
    {"from",
     [](const SpecNode& n, EgressDraft& d) {
       if (read_place(n, d.price.from, d.problems) && d.price.from.cloud == internet) {
         wrong(n, "expected a place in a cloud, such as aws or aws/us-east-1", d.problems);
       }
     }},
    {"to", [](const SpecNode& n, EgressDraft& d) { read_place(n, d.price.to, d.problems); }},
    {"per_gb",
     [](const SpecNode& n, EgressDraft& d) {
       const auto price = parse_price(n.text);
       if (n.is_scalar() && price) {
         d.price.per_gb = *price;
       } else {
         wrong(n, "expected dollars a GB, such as 0.09", d.problems);
       }
     }},
    {"as_of", [](const SpecNode& n, EgressDraft& d) { read_as_of(n, d.price.origin, d.problems); }},
    {"source",
     [](const SpecNode& n, EgressDraft& d) { read_text(n, d.price.origin.source, d.problems); }},
}};

void read_egress(const SpecNode& item, const Origin& origin, PriceList& out, Problems& problems) {
  EgressDraft draft{{}, problems};
  draft.price.origin = origin;
  read_keys(item, egress_keys, {}, draft, problems);
  require(item, "egress price", {"from", "to", "per_gb"}, problems);
  out.egress.push_back(std::move(draft.price));
}

}  // namespace

Result<PriceList> parse_price_file(const Source& given) {
  const Source source = with_plain_lines(given);
  Problems problems;
  PriceList out;
  const OneDocument says{"a price file has one document", "the file has no 'prices'",
                         "expected prices: {as_of: DAY, source: WHO SAYS SO, currency: USD} and "
                         "offers: [...]"};
  const auto file = parse_one_map(source.text, says, problems);
  if (!file) return fail(problems.error(source));
  PriceFileDraft draft{problems};
  read_keys(*file, price_file_keys, {}, draft, problems);
  Origin origin;
  if (draft.head) {
    origin = read_head(*draft.head, problems);
  } else {
    problems.add(file->place, std::string(says.lacks), std::string(says.expected));
  }
  origin.file = source.name;
  const Lines lines(source.text);
  const auto on_its_line = [&](const SpecNode& item) {
    Origin here = origin;
    here.line = lines.at(item.place.begin);
    return here;
  };
  if (draft.offers) {
    read_items(*draft.offers, "a list of offers", offers_max, problems,
               [&](const SpecNode& item) { read_listing(item, on_its_line(item), out, problems); });
  }
  if (draft.egress) {
    read_items(*draft.egress, "a list of egress prices", egress_max, problems,
               [&](const SpecNode& item) { read_egress(item, on_its_line(item), out, problems); });
  }
  if (!problems.none()) return fail(problems.error(source));
  return out;
}

}  // namespace mohona

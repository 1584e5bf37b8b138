// prices: [list-prices.yaml]: offers out of price files, beside those of the file itself.
#include <fmt/format.h>

#include <map>

#include "base/file.h"
#include "base/text.h"
#include "money/quarantine.h"
#include "spec/contracts_draft.h"
#include "spec/draft.h"
#include "spec/price_file.h"

namespace mohona {
namespace {

constexpr std::size_t price_files_max = 100;

void append(PriceList& all, PriceList more) {
  std::move(more.listings.begin(), more.listings.end(), std::back_inserter(all.listings));
  std::move(more.egress.begin(), more.egress.end(), std::back_inserter(all.egress));
}

void read_one(const SpecNode& node, const std::string& path, const Source& source, PriceList& all,
              Problems& problems) {
  if (path.ends_with(".csv")) {
    problems.add(node.place, fmt::format("{} has no source and no day", in_quotes(path)),
                 "`mohona prices --format yaml` makes a price file of it");
    return;
  }
  auto text = read_file(absolute_path(path, source));
  if (!text) {
    problems.add(node.place, fmt::format("there is no file {}", in_quotes(path)),
                 "expected a path, from where this file is");
    return;
  }
  auto prices = parse_price_file({path, std::move(*text), ""});
  if (prices) return append(all, std::move(*prices));
  const std::string& message = prices.error().message;
  problems.add(node.place, message.substr(0, message.find('\n')),
               "`mohona prices` with this file shows all that is wrong with it");
}

// The file's own offer stands for what it covers, whatever a price file says of that.
bool offered(const std::vector<Offer>& own, const Offer& other) {
  return std::any_of(own.begin(), own.end(), [&](const Offer& offer) {
    return covers(offer.place, other.place) && offer.valid.from < other.valid.to &&
           other.valid.from < offer.valid.to;
  });
}

// What contracts name, and which term does so first.
std::map<std::string, std::string> skus_needed(const Contracts& contracts) {
  std::map<std::string, std::string> out;
  for (const Contract& contract : contracts.contracts) {
    for (const Reservation& one : contract.reservations) out.emplace(one.holds.sku, one.name);
    for (const Commitment& one : contract.commitments) {
      for (const std::string& sku : one.scope.skus) out.emplace(sku, one.name);
    }
  }
  return out;
}

}  // namespace

void read_prices(const SpecNode& node, const Source& source, Contracts& contracts,
                 Problems& problems) {
  std::vector<std::string> paths;
  if (!read_texts(node, paths, problems)) return;
  if (paths.size() > price_files_max) {
    wrong(node, fmt::format("expected at most {} price files", price_files_max), problems);
    return;
  }
  PriceList all;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    read_one(node.is_list() ? node.children[i] : node, paths[i], source, all, problems);
  }
  const CheckedPrices checked = check_prices(all);
  std::map<std::string, std::vector<Offer>> own;
  for (const Offer& offer : contracts.offers) own[offer.sku].push_back(offer);
  std::set<std::string> known;
  for (const auto& [sku, offers] : own) known.insert(sku);
  for (const Listing& listing : checked.accepted.listings) {
    known.insert(listing.offer.sku);
    const auto same = own.find(listing.offer.sku);
    if (same != own.end() && offered(same->second, listing.offer)) continue;
    contracts.offers.push_back(listing.offer);
  }
  for (EgressPrice price : checked.accepted.egress) {
    price.origin = {};
    contracts.egress.push_back(std::move(price));
  }
  // A price that is set aside is missed only where something needs it; then silence would be a lie.
  const auto needed = skus_needed(contracts);
  for (const Quarantined& one : checked.quarantined) {
    const auto term = needed.find(one.listing.offer.sku);
    if (term == needed.end() || known.count(term->first) > 0) continue;
    problems.add(node.place,
                 fmt::format("'{}' needs {}, whose price in {}:{} is set aside: {}", term->second,
                             in_quotes(term->first), one.listing.origin.file,
                             one.listing.origin.line, one.why),
                 "expected an offer of it in this file, or a price file that is right");
  }
}

}  // namespace mohona

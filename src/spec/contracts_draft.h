// A contracts file while it is being read: what the readers of its parts share.
#pragma once

#include "model/contract.h"
#include "spec/fields.h"

namespace mohona {

// What everything within one contract needs to know of it.
struct ContractDraft {
  Contract contract;
  Duration zone{0};  // local time − UTC
  Problems& problems;
  const SpecNode* commitments = nullptr;  // read last: they take the cloud and the zone
  const SpecNode* reservations = nullptr;
  const SpecNode* discounts = nullptr;
  const SpecNode* minimums = nullptr;
};

// All of a file's contracts and offers, also where they stand in a fleet file.
void read_contracts(const SpecNode& node, Contracts& contracts, Problems& problems);  // _file.cc
void check_contract_names(const SpecNode& file, Problems& problems);
void read_offers(const SpecNode& node, Contracts& contracts, Problems& problems);  // _offers.cc

// The keys of an offer beside others in one map. True: it was one.
bool read_offer_key(const SpecNode& node, Offer& out, Problems& problems);  // _offers.cc
const std::vector<std::string_view>& offer_key_names();
// Notes what an offer lacks that was read by its keys.
void check_offer(const SpecNode& item, Offer& offer, Problems& problems);
constexpr std::int64_t offers_max = 100'000;
// The accepted offers of the price files that `node` names, after the file's own, which win. To be
// read when the file's offers and contracts are.
void read_prices(const SpecNode& node, const Source& source, Contracts& contracts,
                 Problems& problems);  // prices_key.cc

void read_commitments(const SpecNode& node, ContractDraft& draft);   // _commitments.cc
void read_reservations(const SpecNode& node, ContractDraft& draft);  // _reservations.cc
void read_discounts(const SpecNode& node, ContractDraft& draft);     //
void read_minimums(const SpecNode& node, ContractDraft& draft);      // _minimums.cc

// {families: [p5], regions: us-east-1}. Without clouds: those that it has already.
void read_scope(const SpecNode& node, Scope& out, Problems& problems);
// The keys of a scope beside others in one map. True: it was one.
bool read_scope_key(const SpecNode& node, Scope& out, Problems& problems);
constexpr std::array<std::string_view, 7> scope_keys = {
    "clouds", "regions", "zones", "families", "skus", "accounts", "except_families"};

// An instant: with a zone of its own, or as the contract's clocks show it.
bool read_local(const SpecNode& node, Duration zone, Timestamp& out, Problems& problems);

// How a commitment is paid: upfront, month by month, or on given days.
struct Payments {
  const SpecNode* upfront = nullptr;
  const SpecNode* monthly = nullptr;
  const SpecNode* instalments = nullptr;
  bool any() const { return upfront || monthly || instalments; }
};
std::vector<Fee> read_fees(const Payments& payments, const Window& window, Duration zone,
                           Problems& problems);

// Items of a list that must be maps, each given to `read`.
void read_items(const SpecNode& node, std::string_view expected, std::int64_t max,
                Problems& problems, const std::function<void(const SpecNode&)>& read);

// Notes each of `keys` that `node` lacks: "this commitment has no 'from'".
void require(const SpecNode& node, std::string_view what,
             std::initializer_list<std::string_view> keys, Problems& problems);

// The keys of `keys` and those of a scope, which go to `scope_of(draft)`.
template <class Draft, std::size_t N>
void read_scoped_keys(const SpecNode& map, const std::array<Key<Draft>, N>& keys, Scope& scope,
                      Draft& draft, Problems& problems) {
  read_keys(map, keys, {}, draft, problems, scope_keys,
            [&](const SpecNode& value) { return read_scope_key(value, scope, problems); });
}

}  // namespace mohona

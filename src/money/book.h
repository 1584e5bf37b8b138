// Contracts as settlement uses them: every meter and term has a number, and for each hour it is
// known what a meter costs and which commitments take it, in which order.
//
//   Book book(contracts);
//   auto meter = book.meter({"p5.48xlarge", {"aws", "us-east-1", "us-east-1a"}, "research", ""});
//   const HourTerms& terms = book.terms(hour);
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/contract.h"
#include "money/charge.h"

namespace mohona {

struct Term {
  enum class Kind { commitment, reservation, minimum };
  Kind kind = Kind::commitment;
  std::string contract_name, name;
  std::size_t contract = 0, index = 0;  // in its contract's list of that kind
  bool gone = false;                    // an amendment has taken it out
};

// Spending that counts toward a minimum: so many millionths of it.
struct Counts {
  TermId minimum = none_id;
  std::int64_t ppm = 0;
  bool before_discount = false;
};

// What a meter costs in an hour when nothing covers it.
struct MeterTerms {
  bool offered = false;
  bool dynamic = false;
  Price list, contracted;  // the first tier's; contracted: less the discount
  std::int64_t size_milli = 0;
  TermId prepaid = none_id;            // the paid-ahead spending that pays for it
  std::vector<Counts> counts;          // toward each minimum that runs at this hour
  Money prepaid_fees, prepaid_amount;  // of its period: a dollar drawn costs fees ÷ amount
};

// A commitment or reservation in an hour: whom it serves, in which order.
struct Layer {
  struct Entry {
    MeterId meter = 0;
    std::int64_t draw = 0;  // per unit-hour: thousandths of a unit, or nano-dollars
  };
  TermId term = none_id;
  Wide amount = 0;  // the bucket: thousandths × µs, or as in Exact
  std::vector<Entry> order;
  Price running;
  MeterId idle = none_id;  // a reservation's idle part is usage of this meter
};

// Everything that holds in one hour.
struct HourTerms {
  std::vector<MeterTerms> meters;   // by MeterId
  std::vector<Layer> reservations;  // usage is bound to capacity first
  std::vector<Layer> commitments;   // then covered, by rank
};

class Book {
 public:
  explicit Book(Contracts contracts) { amend(std::move(contracts)); }

  // From now on these contracts hold, for every hour. Terms and meters keep their numbers.
  void amend(Contracts contracts);

  const Contracts& contracts() const { return contracts_; }
  std::int64_t version() const;  // the sum of the contracts': every amendment raises it

  // The meter's number; the same meter has the same. Errors: Code::not_found when no offer, of
  // whatever time, has its sku at its place.
  Result<MeterId> meter(const Meter& meter);
  ResourceId resource(std::string_view name);

  const Meter& meter(MeterId id) const { return meters_[id]; }
  std::size_t meters() const { return meters_.size(); }
  const std::string& resource(ResourceId id) const { return resources_[id]; }
  // By ResourceId: where each stands in the order of their names.
  const std::vector<std::uint32_t>& ranks() const;

  const std::vector<Term>& terms() const { return terms_; }
  const Contract& contract(TermId id) const { return contracts_.contracts[terms_[id].contract]; }
  const Commitment& commitment(TermId id) const;
  const Reservation& reservation(TermId id) const;
  const Minimum& minimum(TermId id) const;
  bool is(TermId id, Term::Kind kind) const { return terms_[id].kind == kind && !terms_[id].gone; }

  // The offer that stands for this meter at this hour; nullptr when there is none.
  const Offer* offer(MeterId id, Hour hour) const;

  // Valid until a meter is added or the terms of another hour are asked for.
  const HourTerms& terms(Hour hour);

 private:
  void add_term(Term::Kind kind, std::size_t contract, std::size_t index, const std::string& name);
  void find_edges();
  void find_offers(MeterId id);
  void compile(Hour hour);
  MeterTerms meter_terms(MeterId id, Hour hour) const;
  Layer commitment_layer(TermId id, Hour hour) const;
  Layer reservation_layer(TermId id, Hour hour) const;

  Contracts contracts_;
  std::vector<Term> terms_;
  std::vector<Meter> meters_;
  std::map<Meter, MeterId> meter_ids_;
  std::vector<std::vector<std::uint32_t>> offers_of_;  // by MeterId, the most exact first
  std::vector<MeterId> idle_meters_;                   // by TermId, of reservations
  std::vector<std::string> resources_;
  std::map<std::string, ResourceId, std::less<>> resource_ids_;
  mutable std::vector<std::uint32_t> ranks_;
  std::vector<Hour> edges_;  // hours at whose beginning the terms may change
  HourTerms now_;
  Hour from_ = Hour::max(), to_ = Hour::min();  // now_ holds in [from_, to_)
};

// The window's part of the hour.
Duration within(const Window& window, Hour hour);
// How much a schedule promises within one hour: thousandths × µs, or as in Exact; and its fee.
Wide promised(const std::vector<Step>& steps, const Window& window, Hour hour);
Exact hourly_fee(const std::vector<Step>& steps, const Window& window, Hour hour);
// What of fees that are due once belongs to one hour. Over all hours these add up to the fees: an
// annual fee is never divided by 8,760.
Exact fee_within(const std::vector<Fee>& fees, Hour hour);
// The part of paid-ahead spending's fees that pays for one of its periods. A fee for several is
// divided by what they promise; the parts add up to it.
Money period_fees(const Minimum& minimum, std::size_t period);
// Whether the scope takes usage of this meter, billed by this offer.
bool takes(const Scope& scope, const Meter& meter, const Offer& offer);

}  // namespace mohona

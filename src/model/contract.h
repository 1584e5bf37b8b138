// What was promised to clouds, in exchange for price or capacity, as plain values. Every kind that
// the clouds sell is a setting of these fields; docs/money.md shows which. No code asks for a
// vendor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/money.h"
#include "base/time.h"
#include "model/usage.h"

namespace mohona {

struct Window {
  Timestamp from = Timestamp::min(), to = Timestamp::max();  // [from, to)
  friend bool operator==(const Window&, const Window&) = default;
};

// Which usage. An empty list takes everything.
struct Scope {
  std::vector<std::string> clouds, regions, zones, families, skus, accounts;
  std::vector<std::string> except_families;
  friend bool operator==(const Scope&, const Scope&) = default;
};

// From so many unit-hours of a calendar month (UTC) on, this price.
struct Tier {
  std::int64_t over_unit_hours = 0;
  Price price;
  friend bool operator==(const Tier&, const Tier&) = default;
};

// What a sku costs at a place without any commitment.
struct Offer {
  std::string sku;
  Location place;      // an empty region or zone: in all of them; the most exact offer counts
  std::string family;  // what scopes group skus by: p5, c7i, fargate, marketplace
  std::int64_t size_milli = 1'000;  // thousandths of a normalised unit; large is 4,000
  std::string unit;                 // what an hour is of: instance, vCPU, GB
  std::vector<Tier> tiers;          // by `over_unit_hours`; the first is 0
  Window valid;                     // an hour pays the price of its beginning
  bool dynamic = false;             // a price of the moment: spot. No commitment covers it
  friend bool operator==(const Offer&, const Offer&) = default;
};

// How usage draws on an hour's promise. The first two count units, the others dollars.
enum class Draw {
  instances,   // one for each, whatever its size
  size,        // by the offer's size: a fraction of a large machine, or many small ones
  plan_rate,   // dollars at the plan's own rate (AWS, Azure savings plans)
  list_price,  // dollars at the on-demand price (Google's flexible commitments)
};
constexpr bool draws_dollars(Draw draw) {
  return draw == Draw::plan_rate || draw == Draw::list_price;
}

// From this instant on, so much is promised for each hour.
struct Step {
  Timestamp from;
  // Thousandths of a unit, or nano-dollars.
  std::int64_t amount = 0;
  Price hourly;  // the fee for the whole amount, due hour by hour
  friend bool operator==(const Step&, const Step&) = default;
};

// A fee that is due once, for the time that it pays for.
struct Fee {
  Timestamp due;
  Money amount;
  Window covers;
  friend bool operator==(const Fee&, const Fee&) = default;
};

// The plan's rate for some of what it covers: a price, or so much off the list price.
struct Rate {
  Scope scope;
  std::optional<Price> price;
  std::int64_t off_ppm = 0;
  Window valid;
  friend bool operator==(const Rate&, const Rate&) = default;
};

// A promise for every hour that is lost if it is not used in it (contracts.md section 1, "bucket").
struct Commitment {
  std::string name;
  std::string account;  // its owner's usage goes first
  bool shared = true;   // other accounts' usage is covered as well
  Scope scope;
  Window window;
  Draw draw = Draw::instances;
  std::vector<Step> steps;  // by time, the first at or before window.from
  std::vector<Fee> fees;
  std::vector<Rate> rates;  // the first that takes the usage; only for Draw::plan_rate
  Price running;            // per unit-hour of covered usage, beside the fees: power, licences
  bool capacity = false;    // it holds machines as well
  bool named = false;       // covers only usage that names it
  std::int64_t rank = 0;    // lower draws first; ties by name
  friend bool operator==(const Commitment&, const Commitment&) = default;
};

// Capacity that is billed at the on-demand price whether it is used or not. Its idle part is usage,
// which commitments may cover (ODCR).
struct Reservation {
  std::string name;
  std::string account;
  Meter holds;  // sku, place and account; `reservation` is the name
  Window window;
  std::vector<Step> steps;  // thousandths of a unit
  bool named = false;       // serves only usage that names it
  friend bool operator==(const Reservation&, const Reservation&) = default;
};

// Off the list price, for what no commitment covers. Of several the first that takes the usage.
struct Discount {
  Scope scope;
  std::int64_t off_ppm = 0;
  Window window;
  friend bool operator==(const Discount&, const Discount&) = default;
};

// By this instant so much must be spent, counted from the milestone before it.
struct Milestone {
  Timestamp due;
  Money amount;
  friend bool operator==(const Milestone&, const Milestone&) = default;
};

// How some spending counts toward a minimum: by a weight, up to a part of the milestone.
struct Weight {
  Scope scope;
  std::int64_t ppm = 1'000'000;
  std::int64_t cap_ppm = 1'000'000;
  friend bool operator==(const Weight&, const Weight&) = default;
};

// What becomes of a milestone's missing part.
struct Missed {
  enum class Then { forfeit, invoice, credit, carry };
  Then then = Then::invoice;
  std::int64_t ppm = 1'000'000;  // this part of it
  Money carry_max = {INT64_MAX};
  std::int64_t credit_months = 12;  // until a credit expires
  Scope credit_pays;                // what it can pay for
  friend bool operator==(const Missed&, const Missed&) = default;
};

// What was spent beyond a milestone counts toward the next one.
struct Excess {
  std::int64_t carry_ppm = 0;
  Money carry_max = {INT64_MAX};
  friend bool operator==(const Excess&, const Excess&) = default;
};

// A promise to spend (build-up: AWS private pricing, Azure MACC) or spending paid ahead (burn-down:
// Oracle's credits), over long periods.
struct Minimum {
  std::string name;
  Scope scope;
  Window window;
  std::vector<Milestone> milestones;     // by time; the last ends the window
  std::vector<Weight> weights;           // the first that takes the usage; others count in full
  bool before_discount = false;          // list prices count
  bool counts_fees = true;               // commitments' fees of this contract count as well
  bool prepaid = false;                  // usage draws on it and is not billed
  std::vector<Fee> fees;                 // if prepaid
  std::int64_t overage_ppm = 1'000'000;  // of the contracted price, for what was drawn beyond
  Missed missed;
  Excess excess;
  friend bool operator==(const Minimum&, const Minimum&) = default;
};

struct Contract {
  std::string name;
  std::int64_t version = 1;  // an amendment is the same contract with a higher one
  std::string cloud;
  std::string account;
  std::vector<Commitment> commitments;
  std::vector<Reservation> reservations;
  std::vector<Discount> discounts;
  std::vector<Minimum> minimums;
  friend bool operator==(const Contract&, const Contract&) = default;
};

// What a dollar spent toward a minimum is worth now, in billionths of one (contracts.md: μ).
struct Relief {
  std::string contract, minimum;
  std::int64_t ppb = 0;
  friend bool operator==(const Relief&, const Relief&) = default;
};
using Reliefs = std::vector<Relief>;

// Who says a price, of which day, and where that was read.
struct Origin {
  std::string source;              // empty: nobody is named
  std::optional<Timestamp> as_of;  // without it nobody knows how old the price is
  std::string file;
  std::int64_t line = 0;
  friend bool operator==(const Origin&, const Origin&) = default;
};

// What leaves a place for another costs this for each GB. An empty region or zone: all of them.
struct EgressPrice {
  Location from, to;  // `to` may be the internet
  Price per_gb;
  Origin origin;
  friend bool operator==(const EgressPrice&, const EgressPrice&) = default;
};
// As the cloud of a place: everything beyond the clouds that are named.
constexpr const char* internet = "internet";

struct Contracts {
  std::vector<Contract> contracts;
  std::vector<Offer> offers;
  std::vector<EgressPrice> egress;  // without origins
  friend bool operator==(const Contracts&, const Contracts&) = default;
};

}  // namespace mohona

// What is expected of years to come: contracts, demand, deliveries that may be late, and what if.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/contract.h"

namespace mohona {

constexpr std::int64_t milli_units_max = 3'000'000'000;  // of one demand: three million units

// From this instant on so much is there in all, in thousandths of a unit; later, if it slips.
struct Delivery {
  Timestamp from;
  std::int64_t units_milli = 0;
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

// Each delivery is late with this chance, by 1 to `months_max` months, each as likely.
struct Slip {
  std::int64_t chance_ppm = 0;
  std::int64_t months_max = 0;
  friend bool operator==(const Slip&, const Slip&) = default;
};

// What is wanted of one meter: so much at the beginning, and how it grows and sways. It is used as
// far as capacity has been delivered.
struct ExpectedDemand {
  std::string name;
  Meter meter;
  std::int64_t units_milli = 0;        // wanted at the beginning, on average
  Window window;                       // none is wanted before and after
  std::int64_t growth_ppm = 0;         // a year; less than 0: it shrinks
  std::int64_t growth_spread_ppm = 0;  // standard deviation of a year's growth
  std::int64_t noise_ppm = 0;          // standard deviation of a week's demand around its mean
  std::int64_t season_month = 1;       // the month in which most is wanted, and by how much above
  std::int64_t season_swing_ppm = 0;   // the mean; half a year from it as much is below
  std::int64_t day_swing_ppm = 0;      // from 8 to 20 UTC so much above the mean, at night below
  std::vector<Delivery> deliveries;    // by time; none: there is always enough
  // The commitment whose steps are the deliveries: it is paid from when they arrive.
  std::string contract, commitment;
  Slip slip;
  friend bool operator==(const ExpectedDemand&, const ExpectedDemand&) = default;
};

// --- what if ------------------------------------------------------------------------------------

// Further contracts are signed.
struct SignChange {
  Contracts contracts;
  std::vector<ExpectedDemand> demand;
  friend bool operator==(const SignChange&, const SignChange&) = default;
};
// All deliveries that are due from `from` on come so many months later.
struct SlipChange {
  std::int64_t months = 0;
  std::vector<std::string> demand;  // of these; none: of all
  Timestamp from = Timestamp::min();
  friend bool operator==(const SlipChange&, const SlipChange&) = default;
};
// A contract ends: no fees, milestones and prices of it from then on, but this price.
struct CancelChange {
  std::string contract;
  Timestamp from;
  Money costs;                      // due at `from`
  std::vector<std::string> demand;  // that ends with it
  friend bool operator==(const CancelChange&, const CancelChange&) = default;
};
// Offers cost so much of what they did.
struct PriceChange {
  Scope scope;
  std::int64_t times_ppm = 1'000'000;
  Timestamp from;
  friend bool operator==(const PriceChange&, const PriceChange&) = default;
};
// A place is gone for some time. An empty region or zone: all of them.
struct OutageChange {
  Location place;
  Window window;
  friend bool operator==(const OutageChange&, const OutageChange&) = default;
};

struct WhatIf {
  std::string name;
  std::variant<SignChange, SlipChange, CancelChange, PriceChange, OutageChange> change;
  friend bool operator==(const WhatIf&, const WhatIf&) = default;
};

// --- what to buy --------------------------------------------------------------------------------

// A way to pay for units: so much for every hour, used or not, and so much for each that is used.
struct BuyOption {
  std::string name;
  std::optional<std::int64_t> off_ppm;  // `hourly` is the list price less this
  Price hourly, running;
  friend bool operator==(const BuyOption&, const BuyOption&) = default;
};

// Of which option how much for this demand, all the years.
struct BuyQuestion {
  std::string demand;
  std::vector<BuyOption> options;
  friend bool operator==(const BuyQuestion&, const BuyQuestion&) = default;
};

struct Payment {
  Timestamp at;
  Money amount;
  friend bool operator==(const Payment&, const Payment&) = default;
};

struct Assumptions {
  std::string name;
  Timestamp begin;  // a whole hour
  std::int64_t years = 1;
  Timestamp today;  // draw-downs are also shown up to here
  std::int64_t paths = 200;
  std::uint64_t seed = 1;
  Contracts contracts;
  std::vector<ExpectedDemand> demand;
  std::vector<OutageChange> outages;  // no demand is served there
  std::vector<Payment> payments;      // beside the contracts: what it costs to leave one
  std::vector<WhatIf> what_if;
  std::vector<BuyQuestion> buy;
  friend bool operator==(const Assumptions&, const Assumptions&) = default;
};

}  // namespace mohona

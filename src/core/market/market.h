// What one more hour costs in each pool, given what was promised to the clouds and what runs now.
//
// A pool's nodes are usage of one meter: `sku` is the shape's name, or the pool's where it has
// none, and the place is the pool's. Where the contracts know no price of it, the pool's own
// stands. Part of a node is that part of a unit. What runs now is taken to run for the whole hour.
//
// Beside what is charged, two things speak against a place. What its data costs to leave where it
// lies (money/egress.h), once, spread over the time that the work is taken to run. And of machines
// that can be taken away, what is lost with one, as often as that happened to the pool in the last
// seven days, at the pool's price.
//
// It is derived: from contracts, pools and what runs, all of which the state has.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/schedule/scheduler.h"
#include "model/attempt.h"
#include "model/contract.h"
#include "model/record.h"
#include "model/scheduling.h"
#include "money/price.h"

namespace mohona {

using PoolRecords = std::map<std::string, PoolRecord>;

// The meter that a pool's nodes are usage of. Of a commitment or reservation that has to be named
// it uses the one that has the pool's name.
Meter meter_of(const Pool& pool, const Contracts& contracts);
// The contracts, with an offer at the pool's own price for each pool whose meter has none.
Contracts with_pools(Contracts contracts, const PoolRecords& pools);
// Nodes × the part of each that is held, for an hour.
Quantity an_hour_of(std::int64_t nodes, Fraction part);

class Market {
 public:
  Market(Contracts contracts, Reliefs reliefs, const PoolRecords& pools);

  // Prices are those of the hour of `now`. True: it is another hour than before.
  bool at(Timestamp now);
  // More (or, a negative number of nodes, less) is held.
  void hold(const std::string& pool, std::int64_t nodes, Fraction part);

  // What an hour of so many more costs, all in all. Nothing without a pool of that name or before
  // the first `at`.
  std::optional<MarginalPrice> price(const std::string& pool, std::int64_t nodes, Fraction part,
                                     const Stakes& stakes = {});

 private:
  struct Held {
    MeterId meter = 0;
    std::int64_t unit_micros = 0;
    Location place;
    Price own;
    std::vector<Timestamp> reclaims;
  };
  Exact egress(const Held& held, const Stakes& stakes) const;
  Exact risk(const Held& held, Quantity hour, const Stakes& stakes) const;

  Book book_;
  std::vector<std::int64_t> relief_ppb_;  // by TermId
  std::map<std::string, Held> pools_;
  std::optional<Hour> hour_;
  std::optional<Now> now_;
};

PriceSum sum_of(const MarginalPrice& price);

// What the scheduler compares places by (Scheduler::set_cost); none where it is the pool's price.
Scheduler::Cost cost_by(PriceRule rule, Market* market);

// So long the cloud's taking of a pool is remembered.
constexpr Duration reclaims_remembered = std::chrono::days(7);
constexpr std::size_t reclaims_max = 64;

}  // namespace mohona

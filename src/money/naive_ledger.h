// A second ledger for tests: from the contracts' text to balances by the shortest way. No meters,
// no epochs, no indexes: for every hour and commitment all slices are sorted and drawn from, one by
// one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/contract.h"
#include "money/exact.h"

namespace mohona {

struct NaiveSum {
  Wide used = 0, unused = 0, fees = 0;
  friend bool operator==(const NaiveSum&, const NaiveSum&) = default;
};

struct NaiveLedger {
  std::map<std::string, NaiveSum> commitments;  // by name
  Wide on_demand = 0;                           // billed for what is not covered
  Wide running = 0;

  void settle(const Contracts& contracts, Hour hour, std::vector<UsageSlice> slices);
};

}  // namespace mohona

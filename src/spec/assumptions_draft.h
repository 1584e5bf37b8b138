// A file of assumptions while it is being read: what the readers of its parts share.
#pragma once

#include "model/assumptions.h"
#include "spec/contracts_draft.h"

namespace mohona {

// All demand of a list, appended. `contracts`: whose offers it is billed by, and whose commitments'
// steps may be deliveries.
void read_demand(const SpecNode& node, const Contracts& contracts, std::vector<ExpectedDemand>& out,
                 Problems& problems);  // _demand.cc
void read_what_if(const SpecNode& node, Assumptions& assumptions,
                  Problems& problems);                                              // _changes.cc
void read_buy(const SpecNode& node, Assumptions& assumptions, Problems& problems);  // _buy.cc

// A percentage that may be below nothing or above the whole: "-20%", "150%".
bool read_growth(const SpecNode& node, std::int64_t& out_ppm, Problems& problems);
// A day, or an instant with a zone of its own.
inline bool read_day(const SpecNode& node, Timestamp& out, Problems& problems) {
  return read_local(node, Duration{0}, out, problems);
}

}  // namespace mohona

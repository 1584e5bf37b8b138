// Who leads, kept where the state is, for controllers that share it.
//
// Nobody compares clocks: a leader counts aloud, and whoever has waited long enough without hearing
// the next number may claim the lease. What a leader writes is fenced by its epoch all the same
// (store.h); the lease also keeps it from acting on engines when it no longer leads.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace mohona {

struct Lease {
  std::uint64_t beat = 0;  // grows with every sign of life, whoever leads
  std::string leader;      // the controller's name for itself; empty: the last one has resigned
  std::string address;     // where it answers
  friend bool operator==(const Lease&, const Lease&) = default;
};

// Errors: Code::unavailable when the store does not answer.
class LeaseTable {
 public:
  virtual ~LeaseTable() = default;

  virtual Result<Lease> read() = 0;

  // Becomes the leader if the lease is still as it was seen: of several who try, one succeeds. The
  // lease as it is now, or nothing.
  virtual Result<std::optional<Lease>> claim(const Lease& seen, const std::string& leader,
                                             const std::string& address) = 0;

  // A sign of life of the leader whose lease was `held`; the lease as it is now. Code::superseded
  // when another has claimed it.
  virtual Result<Lease> renew(const Lease& held) = 0;

  // The leader goes by itself: nobody needs to wait. Nothing happens when another leads.
  virtual Result<void> resign(const Lease& held) = 0;
};

}  // namespace mohona

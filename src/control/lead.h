// Leading, and waiting to lead: how controllers that share a store take turns.
//
// A leader renews its lease several times within `lease_length` and acts only as long as the last
// renewal began less than that ago, by its own steady clock. A standby claims the lease when it has
// seen the same beat for `standby_waits`. The second is longer by a quarter: clocks need not show
// the same time, but none may run faster than another by more than that.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "store/lease.h"

namespace mohona {

constexpr std::chrono::milliseconds lease_length{4'000};
constexpr std::chrono::milliseconds standby_waits = lease_length * 5 / 4;
constexpr std::chrono::milliseconds renew_every = lease_length / 5;

// What a standby has seen of the lease. Pure: the clock is the caller's.
class Patience {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // True: the lease may be claimed. `name`: our own; what we held ourselves before we were started
  // again needs no waiting, since a home has one controller.
  bool may_claim(const Lease& lease, const std::string& name, Time now);
  // The lease did not answer: what is not seen does not count as silence of the leader.
  void saw_nothing() { seen_.reset(); }

 private:
  std::optional<Lease> seen_;
  Time since_;
};

// Keeps a lease that was claimed, on a thread of its own, until it is lost or given back.
class Lead {
 public:
  Lead(LeaseTable& table, Lease held, std::chrono::steady_clock::time_point claimed_at);
  ~Lead();  // resigns

  // Whether we may act now. Code::unavailable: not until a renewal gets through; Code::superseded:
  // another has claimed it.
  Result<void> holds() const;

 private:
  void loop();

  LeaseTable& table_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Lease held_;
  std::chrono::steady_clock::time_point renewed_at_;  // the question, not the answer
  std::optional<Error> lost_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mohona

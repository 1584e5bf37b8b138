// A lease in memory, for tests: several controllers of one process.
#pragma once

#include <memory>
#include <mutex>

#include "store/lease.h"

namespace mohona {

class MemoryLease : public LeaseTable {
 public:
  Result<Lease> read() override {
    const std::lock_guard lock(mutex_);
    if (silent_) return fail(Code::unavailable, "the lease does not answer");
    return lease_;
  }

  Result<std::optional<Lease>> claim(const Lease& seen, const std::string& leader,
                                     const std::string& address) override {
    const std::lock_guard lock(mutex_);
    if (silent_) return fail(Code::unavailable, "the lease does not answer");
    if (lease_ != seen) return std::optional<Lease>();
    lease_ = {seen.beat + 1, leader, address};
    return std::optional(lease_);
  }

  Result<Lease> renew(const Lease& held) override {
    const std::lock_guard lock(mutex_);
    if (silent_) return fail(Code::unavailable, "the lease does not answer");
    if (!holds(held)) return fail(Code::superseded, lease_.leader + " leads now");
    ++lease_.beat;
    return lease_;
  }

  Result<void> resign(const Lease& held) override {
    const std::lock_guard lock(mutex_);
    if (holds(held)) lease_ = {lease_.beat + 1, "", ""};
    return {};
  }

  // Answers nobody from now on, or again.
  void be_silent(bool silent) {
    const std::lock_guard lock(mutex_);
    silent_ = silent;
  }

 private:
  // A renewal whose answer was lost has counted all the same.
  bool holds(const Lease& held) const {
    return lease_.leader == held.leader && lease_.beat >= held.beat;
  }

  std::mutex mutex_;
  Lease lease_;
  bool silent_ = false;
};

}  // namespace mohona

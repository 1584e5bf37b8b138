#include "control/lead.h"

namespace mohona {

bool Patience::may_claim(const Lease& lease, const std::string& name, Time now) {
  if (lease.leader.empty() || lease.leader == name) return true;
  if (!seen_ || *seen_ != lease) {
    seen_ = lease;
    since_ = now;
    return false;
  }
  return now - since_ >= standby_waits;
}

Lead::Lead(LeaseTable& table, Lease held, std::chrono::steady_clock::time_point claimed_at)
    : table_(table), held_(std::move(held)), renewed_at_(claimed_at) {
  thread_ = std::thread([this] { loop(); });
}

Lead::~Lead() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    wake_.notify_all();
  }
  thread_.join();
  if (!lost_) (void)table_.resign(held_);  // else whoever waits does so a little longer
}

Result<void> Lead::holds() const {
  const std::lock_guard lock(mutex_);
  if (lost_) return fail(*lost_);
  if (std::chrono::steady_clock::now() - renewed_at_ < lease_length) return {};
  return fail(Code::unavailable, "the lease has run out: another controller may lead by now",
              Retry::safe);
}

void Lead::loop() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const Lease held = held_;
    lock.unlock();
    const auto asked_at = std::chrono::steady_clock::now();
    auto renewed = table_.renew(held);
    lock.lock();
    if (renewed) {
      held_ = std::move(*renewed);
      renewed_at_ = asked_at;
    } else if (renewed.error().code == Code::superseded) {
      lost_ = renewed.error();
      return;
    }
    wake_.wait_for(lock, renew_every, [this] { return stop_; });
  }
}

}  // namespace mohona

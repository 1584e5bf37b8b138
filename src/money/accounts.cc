#include "money/accounts.h"

#include <fmt/format.h>

#include "money/close.h"

namespace mohona {

using namespace std::chrono;

Accounts::Accounts(Contracts contracts, Timestamp begin)
    : book_(std::move(contracts)), begin_(floor<hours>(begin)), settled_(begin_) {}

Result<void> Accounts::add(const UsageSlice& slice) {
  if (slice.hour < begin_) {
    return fail(Code::invalid, fmt::format("usage at {} is before {}, where these books begin",
                                           format_timestamp(slice.hour), format_timestamp(begin_)));
  }
  const auto meter = book_.meter(slice.meter);
  if (!meter) return fail(meter.error());
  usage_[slice.hour].push_back({*meter, book_.resource(slice.resource), slice.unit_seconds});
  if (slice.hour < settled_) late_.insert(slice.hour);
  return {};
}

void Accounts::amend(Contracts contracts) {
  book_.amend(std::move(contracts));
  for (Hour hour = begin_; hour < settled_; hour += hours(1)) late_.insert(hour);
}

Result<void> Accounts::settle(Timestamp until, Timestamp due) {
  std::vector<Charge> rows;
  const auto settle_one = [&](Hour hour) -> Result<void> {
    rows.clear();
    const auto usage = usage_.find(hour);
    const std::span<const Slice> slices =
        usage == usage_.end() ? std::span<const Slice>() : usage->second;
    if (auto ok = settle_hour(book_, hour, slices, rows); !ok) return ok;
    return ledger_.post(Ledger::Of::hour, hour, book_.version(), rows);
  };
  while (!late_.empty()) {
    if (auto ok = settle_one(*late_.begin()); !ok) return ok;
    late_.erase(late_.begin());
  }
  for (; settled_ + hours(1) <= until; settled_ += hours(1)) {
    if (auto ok = settle_one(settled_); !ok) return ok;
  }
  return close_periods(book_, ledger_, due);
}

}  // namespace mohona

#include "money/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace mohona {
namespace {

// What makes two rows parts of one charge.
auto key(const Charge& r) {
  return std::tie(r.category, r.cause, r.pricing, r.commitment, r.use, r.reservation, r.reserved,
                  r.meter, r.resource, r.list_price, r.contracted_price, r.begin, r.end);
}

void add(Charge& to, const Charge& row, int sign) {
  to.quantity.unit_micros += sign * row.quantity.unit_micros;
  to.billed.value += sign * row.billed.value;
  to.effective.value += sign * row.effective.value;
  to.list.value += sign * row.list.value;
  to.contracted.value += sign * row.contracted.value;
  to.drawn += sign * row.drawn;
}

bool is_nothing(const Charge& r) {
  return r.quantity == Quantity{} && r.billed == Exact{} && r.effective == Exact{} &&
         r.list == Exact{} && r.contracted == Exact{} && r.drawn == 0;
}

struct Signed {
  Charge row;
  int sign = 1;
};

// new − old, one row for each key, without those that have not changed.
std::vector<Charge> difference(std::vector<Signed> all) {
  std::stable_sort(all.begin(), all.end(),
                   [](const Signed& a, const Signed& b) { return key(a.row) < key(b.row); });
  std::vector<Charge> out;
  for (std::size_t i = 0; i < all.size();) {
    Charge sum = all[i].row;
    add(sum, all[i].row, -1);
    const std::size_t first = i;
    for (; i < all.size() && key(all[i].row) == key(all[first].row); ++i) {
      add(sum, all[i].row, all[i].sign);
    }
    if (!is_nothing(sum)) out.push_back(sum);
  }
  return out;
}

}  // namespace

Result<void> Ledger::post(Of of, Hour hour, std::int64_t version, std::span<const Charge> rows) {
  Posting& posting = postings_[{of, hour}];
  if (version < posting.version) {
    return fail(Code::conflict,
                fmt::format("the hour {} was settled under version {} of the contracts already",
                            format_timestamp(hour), posting.version));
  }
  posting.version = version;
  const std::size_t begin = entries_.size();
  if (posting.stretches.empty()) {
    for (const Charge& row : rows) append(row, version, false);
  } else {
    std::vector<Signed> all;
    for (const Stretch& stretch : posting.stretches) {
      for (std::size_t i = stretch.begin; i < stretch.end; ++i) {
        all.push_back({entries_[i].row, -1});
      }
    }
    for (const Charge& row : rows) all.push_back({row, 1});
    for (const Charge& row : difference(std::move(all))) append(row, version, true);
  }
  // An hour without a charge is settled as well: what comes later corrects it.
  if (posting.stretches.empty() || entries_.size() > begin) {
    posting.stretches.push_back({begin, entries_.size()});
  }
  return {};
}

void Ledger::append(const Charge& row, std::int64_t version, bool correction) {
  entries_.push_back({row, version, correction});
  if (row.commitment == none_id) return;
  if (row.commitment >= balances_.size()) balances_.resize(row.commitment + 1);
  Balance& balance = balances_[row.commitment];
  if (row.use == Use::used) balance.used += row.drawn;
  if (row.use == Use::unused) balance.unused += row.drawn;
  balance.billed += row.billed;
  balance.effective += row.effective;
}

Balance Ledger::balance(TermId term) const {
  return term < balances_.size() ? balances_[term] : Balance{};
}

std::optional<std::pair<Hour, Hour>> Ledger::span() const {
  const auto first = postings_.lower_bound({Of::hour, Hour::min()});
  if (first == postings_.end() || first->first.first != Of::hour) return std::nullopt;
  const auto last = std::prev(postings_.lower_bound({Of::closing, Hour::min()}));
  return std::pair{first->first.second, last->first.second + std::chrono::hours(1)};
}

std::vector<Hour> Ledger::closings() const {
  std::vector<Hour> out;
  for (auto at = postings_.lower_bound({Of::closing, Hour::min()}); at != postings_.end(); ++at) {
    out.push_back(at->first.second);
  }
  return out;
}

}  // namespace mohona

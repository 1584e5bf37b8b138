#include "store/memory/memory_store.h"

namespace mohona {

Result<void> MemoryStore::writable(Epoch epoch) const {
  if (epoch != epoch_) {
    return fail(Code::superseded,
                fmt::format("epoch {} has taken over from epoch {}", epoch_.value, epoch.value));
  }
  if (full_) return fail(Code::unavailable, "the store has no room left", Retry::safe);
  return {};
}

Result<Epoch> MemoryStore::lead(Epoch at_least) {
  epoch_.value = std::max(epoch_.value + 1, at_least.value);
  return epoch_;
}

Result<void> MemoryStore::append(const Facts& facts, Epoch epoch) {
  if (auto ok = writable(epoch); !ok) return ok;
  facts_.insert(facts_.end(), facts.begin(), facts.end());
  appended_ += facts.size();
  return {};
}

Result<void> MemoryStore::save(const std::vector<Row>& changed,
                               const std::vector<std::string>& removed, Epoch epoch) {
  if (auto ok = writable(epoch); !ok) return ok;
  for (const Row& row : changed) rows_[row.key] = row.text;
  for (const std::string& key : removed) rows_.erase(key);
  if (forgets_) facts_.clear();
  covered_ = facts_.size();
  return {};
}

Result<void> MemoryStore::load(const std::function<Result<void>(const Row&)>& on_row,
                               const std::function<Result<void>(const Fact&)>& on_fact) {
  for (const auto& [key, text] : rows_) {
    if (auto ok = on_row({key, text}); !ok) return ok;
  }
  for (std::size_t i = covered_; i < facts_.size(); ++i) {
    if (auto ok = on_fact(facts_[i]); !ok) return ok;
  }
  return {};
}

Result<void> MemoryStore::replay(const std::function<Result<void>(const Fact&)>& on_fact) {
  if (appended_ > facts_.size())
    return fail(Code::internal, "the journal's beginning is forgotten");
  for (const Fact& fact : facts_) {
    if (auto ok = on_fact(fact); !ok) return ok;
  }
  return {};
}

}  // namespace mohona

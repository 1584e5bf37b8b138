// A store that lives as long as the process: for tests and for simulation. It can be told to be
// full.
#pragma once

#include <map>

#include "store/store.h"

namespace mohona {

class MemoryStore : public Store {
 public:
  // `forgets`: keeps only the facts that its snapshot does not stand for, and cannot replay.
  explicit MemoryStore(bool forgets = false) : forgets_(forgets) {}

  using Store::lead;
  Result<Epoch> lead(Epoch at_least) override;
  Result<void> append(const Facts& facts, Epoch epoch) override;
  Result<void> save(const std::vector<Row>& changed, const std::vector<std::string>& removed,
                    Epoch epoch) override;
  Result<void> load(const std::function<Result<void>(const Row&)>& on_row,
                    const std::function<Result<void>(const Fact&)>& on_fact) override;
  Result<void> replay(const std::function<Result<void>(const Fact&)>& on_fact) override;

  void set_full(bool full) { full_ = full; }
  const Facts& facts() const { return facts_; }
  std::uint64_t appended() const { return appended_; }  // also those that are forgotten

 private:
  Result<void> writable(Epoch epoch) const;

  Facts facts_;
  std::map<std::string, std::string> rows_;
  std::size_t covered_ = 0;
  std::uint64_t appended_ = 0;
  bool forgets_ = false;
  Epoch epoch_;
  bool full_ = false;
};

}  // namespace mohona

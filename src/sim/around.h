// An engine and a store that stand before another and pass everything on, for those that look at a
// few calls or change them.
#pragma once

#include "engine/engine.h"
#include "store/store.h"

namespace mohona {

class EngineAround : public Engine {
 public:
  explicit EngineAround(Engine& below) : below_(below) {}

  Result<void> launch(const Launch& launch) override { return below_.launch(launch); }
  Result<void> stop(const AttemptId& attempt, const Stop& stop) override {
    return below_.stop(attempt, stop);
  }
  Result<std::vector<Report>> observe() override { return below_.observe(); }
  Result<std::vector<Report>> changes() override { return below_.changes(); }
  Result<void> forget(const AttemptId& attempt) override { return below_.forget(attempt); }
  Result<std::vector<std::string>> list_shards(const Job& job,
                                               const std::vector<NeededJob>& needs) override {
    return below_.list_shards(job, needs);
  }
  Result<LogPart> read_log(const AttemptId& attempt, std::int64_t rank, std::uint64_t offset,
                           std::size_t bytes_max) override {
    return below_.read_log(attempt, rank, offset, bytes_max);
  }
  void on_change(std::function<void()> changed) override { below_.on_change(std::move(changed)); }

 protected:
  Engine& below_;
};

class StoreAround : public Store {
 public:
  explicit StoreAround(Store& below) : below_(below) {}

  using Store::lead;
  Result<Epoch> lead(Epoch at_least) override { return below_.lead(at_least); }
  Result<void> append(const Facts& facts, Epoch epoch) override {
    return below_.append(facts, epoch);
  }
  Result<void> save(const std::vector<Row>& changed, const std::vector<std::string>& removed,
                    Epoch epoch) override {
    return below_.save(changed, removed, epoch);
  }
  Result<void> load(const std::function<Result<void>(const Row&)>& on_row,
                    const std::function<Result<void>(const Fact&)>& on_fact) override {
    return below_.load(on_row, on_fact);
  }
  Result<void> replay(const std::function<Result<void>(const Fact&)>& on_fact) override {
    return below_.replay(on_fact);
  }

 protected:
  Store& below_;
};

}  // namespace mohona

#include "control/snapshot.h"

#include "model/codec.h"

namespace mohona {
namespace {

std::string job_row(JobId id) { return "job/" + to_string(id); }
std::string pool_row(const std::string& name) { return "pool/" + name; }
constexpr std::string_view queues_row = "queues";
constexpr std::string_view packing_row = "packing";
constexpr std::string_view contracts_row = "contracts", relief_row = "relief";
constexpr std::string_view spent_row = "spent";  // follows from attempts that ended

// The snapshot's row that a fact changes; "" for none.
struct RowOf {
  std::string operator()(const ControllerStarted&) const { return {}; }
  std::string operator()(const PoolDefined& f) const { return pool_row(f.pool.name); }
  std::string operator()(const PoolRemoved& f) const { return pool_row(f.pool); }
  std::string operator()(const PoolReclaimed& f) const { return pool_row(f.pool); }
  std::string operator()(const PoolRestored& f) const { return pool_row(f.pool); }
  std::string operator()(const AttemptPlaced& f) const { return job_row(f.attempt.id.job); }
  std::string operator()(const AttemptStarted& f) const { return job_row(f.attempt.job); }
  std::string operator()(const ReplicaReady& f) const { return job_row(f.attempt.job); }
  std::string operator()(const AttemptStopping& f) const { return job_row(f.attempt.job); }
  std::string operator()(const AttemptEnded& f) const { return job_row(f.attempt.job); }
  std::string operator()(const QueuesDefined&) const { return std::string(queues_row); }
  std::string operator()(const PackingPriced&) const { return std::string(packing_row); }
  std::string operator()(const ContractsDefined&) const { return std::string(contracts_row); }
  std::string operator()(const ReliefPriced&) const { return std::string(relief_row); }
  std::string operator()(const ReservationDefined& f) const { return pool_row(f.reservation.pool); }
  std::string operator()(const ReservationRemoved& f) const { return pool_row(f.pool); }
  std::string operator()(const NodesChanged& f) const { return pool_row(f.pool); }
  std::string operator()(const NodeLoaded& f) const { return pool_row(f.pool); }
  std::string operator()(const AttemptProgressed& f) const { return job_row(f.attempt.job); }
  template <class F>
  std::string operator()(const F& f) const {
    return job_row(f.job);
  }
};

}  // namespace

std::string row_of(const Fact& fact) { return std::visit(RowOf{}, fact); }

Result<Loaded> load_state(Store& store) {
  Loaded loaded;
  State& state = loaded.state;
  bool indexed = false;
  const auto ok = store.load(
      [&](const Row& row) -> Result<void> {
        if (row.key.starts_with("job/")) {
          auto job = decode_job(row.text);
          if (!job) return fail(job.error());
          state.restore(std::move(*job));
        } else if (row.key == queues_row) {
          auto queues = decode_queues(row.text);
          if (!queues) return fail(queues.error());
          state.restore(std::move(*queues));
        } else if (row.key == packing_row) {
          auto prices = decode_prices(row.text);
          if (!prices) return fail(prices.error());
          state.restore(std::move(*prices));
        } else if (row.key == contracts_row) {
          auto contracts = decode_contracts(row.text);
          if (!contracts) return fail(contracts.error());
          state.restore(std::move(*contracts));
        } else if (row.key == relief_row) {
          auto relief = decode_relief(row.text);
          if (!relief) return fail(relief.error());
          state.restore(std::move(*relief));
        } else if (row.key == spent_row) {
          auto spent = decode_spent(row.text);
          if (!spent) return fail(spent.error());
          state.restore(std::move(*spent));
        } else {
          auto pool = decode_pool(row.text);
          if (!pool) return fail(pool.error());
          state.restore(std::move(*pool));
        }
        return {};
      },
      [&](const Fact& fact) -> Result<void> {
        if (!indexed) state.index();
        indexed = true;
        state.apply(fact);
        std::string row = row_of(fact);
        if (!row.empty()) loaded.changed_rows.insert(std::move(row));
        ++loaded.facts;
        return {};
      });
  if (!ok) return fail(ok.error());
  if (!indexed) state.index();
  return loaded;
}

SnapshotRows rows_to_save(const State& state, const std::set<std::string>& changed_rows) {
  SnapshotRows rows;
  auto& [changed, removed] = rows;
  for (const std::string& key : changed_rows) {
    if (key.starts_with("job/")) {
      changed.push_back({key, encode(state.find(parse_job_id(key.substr(4)))->job)});
    } else if (key == queues_row) {
      changed.push_back({key, encode(QueuesDefined{state.queues(), state.scheduling()})});
    } else if (key == packing_row) {
      changed.push_back({key, encode(state.packing_prices())});
    } else if (key == contracts_row) {
      changed.push_back({key, encode(ContractsDefined{state.contracts()})});
    } else if (key == relief_row) {
      changed.push_back({key, encode(ReliefPriced{state.reliefs()})});
    } else if (const PoolRecord* pool = state.find_pool(key.substr(5))) {
      changed.push_back({key, encode(*pool)});
    } else {
      removed.push_back(key);
    }
  }
  if (const QueuesSpent spent = state.queue_budgets().spent(); spent.queues.empty()) {
    removed.emplace_back(spent_row);
  } else {
    changed.push_back({std::string(spent_row), encode(spent)});
  }
  return rows;
}

}  // namespace mohona

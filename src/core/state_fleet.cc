// What facts about the fleet change in the state: pools, queues, reservations, nodes.
#include <algorithm>

#include "core/state.h"
#include "model/node_ranges.h"

namespace mohona {
namespace {

std::int64_t first_node(const NodesChanged& entry) { return entry.nodes.front().first; }

}  // namespace

void State::on(const PoolDefined& f) {
  overflow_pass_.news = true;
  PoolRecord& record = pools_[f.pool.name];
  const Topology before = record.pool.topology;
  const bool known = !record.pool.name.empty();
  record.pool = f.pool;
  if (known && before != f.pool.topology) {
    rebuild_scheduler();
  } else {
    scheduler_.define_pool(f.pool);
    // Nodes that come back are what was said of them last.
    for (const NodesChanged& entry : record.nodes) {
      scheduler_.set_nodes(f.pool.name, entry.nodes, entry.state);
    }
    for (const NodeLoaded& load : record.loads) {
      scheduler_.set_foreign(f.pool.name, load.node, load.load);
    }
  }
  rebuild_market();
}

void State::on(const PoolRemoved& f) {
  overflow_pass_.news = true;
  pools_.erase(f.pool);
  scheduler_.remove_pool(f.pool);
  rebuild_market();
}

void State::on(const PoolReclaimed& f) {
  overflow_pass_.news = true;
  PoolRecord& record = pools_.at(f.pool);
  record.reclaimed_at = f.at;
  record.gone_at = f.gone_at;
  std::erase_if(record.reclaims, [&](Timestamp at) { return at <= f.at - reclaims_remembered; });
  if (record.reclaims.size() == reclaims_max) record.reclaims.erase(record.reclaims.begin());
  record.reclaims.push_back(f.at);
  scheduler_.set_reclaimed(f.pool, true);
  rebuild_market();
}

void State::on(const PoolRestored& f) {
  overflow_pass_.news = true;
  PoolRecord& record = pools_.at(f.pool);
  record.reclaimed_at.reset();
  record.gone_at.reset();
  scheduler_.set_reclaimed(f.pool, false);
}

void State::on(const QueuesDefined& f) {
  overflow_pass_.news = true;
  queues_ = f.queues;
  scheduling_ = f.scheduling;
  define_budgets();
  rebuild_scheduler();  // places in line may have changed
}

void State::on(const PackingPriced& f) {
  packing_prices_ = f.prices;
  scheduler_.set_prices(f.prices);
}

void State::on(const ContractsDefined& f) {
  contracts_ = f.contracts;
  rebuild_market();
}

void State::on(const ReliefPriced& f) {
  reliefs_ = f.reliefs;
  rebuild_market();
}

// Contracts, pools and what runs say it all; the hour is that of the next look.
void State::rebuild_market() {
  market_.reset();
  if (contracts_ != Contracts{}) {
    market_ = std::make_unique<Market>(contracts_, reliefs_, pools_);
    for (const auto& [id, live] : live_) {
      const Attempt& a = live_attempt(id);
      market_->hold(a.pool, std::ssize(a.holdings), a.part);
    }
  }
  scheduler_.set_cost(cost_by(scheduling_.price, market_.get()));
}

void State::hold_in_market(const Attempt& attempt, std::int64_t sign) {
  if (!market_) return;
  market_->hold(attempt.pool, sign * std::ssize(attempt.holdings), attempt.part);
  if (scheduling_.price == PriceRule::marginal) scheduler_.costs_changed();
}

void State::look_at_market(Timestamp now) {
  if (market_ && market_->at(now) && scheduling_.price == PriceRule::marginal) {
    scheduler_.costs_changed();
  }
}

void State::on(const ReservationDefined& f) {
  overflow_pass_.news = true;
  auto& all = pools_.at(f.reservation.pool).reservations;
  const auto at = std::lower_bound(
      all.begin(), all.end(), f.reservation.name,
      [](const AdvanceReservation& r, const std::string& name) { return r.name < name; });
  if (at != all.end() && at->name == f.reservation.name) {
    *at = f.reservation;
  } else {
    all.insert(at, f.reservation);
  }
  scheduler_.unreserve(f.reservation.name);
  if (!f.reservation.where.empty()) scheduler_.reserve(f.reservation);
}

void State::on(const ReservationRemoved& f) {
  overflow_pass_.news = true;
  std::erase_if(pools_.at(f.pool).reservations,
                [&](const AdvanceReservation& r) { return r.name == f.name; });
  scheduler_.unreserve(f.name);
}

// A node stands in one entry at most: the last one about it.
void State::on(const NodesChanged& f) {
  overflow_pass_.news = true;
  PoolRecord& record = pools_.at(f.pool);
  std::vector<NodesChanged> entries;
  for (NodesChanged& entry : record.nodes) {
    entry.nodes = without(entry.nodes, f.nodes);
    if (!entry.nodes.empty()) entries.push_back(std::move(entry));
  }
  if (f.state != NodeState::up && !f.nodes.empty()) {
    entries.push_back(f);
    entries.back().nodes = normalised(f.nodes);
  }
  std::sort(entries.begin(), entries.end(), [](const NodesChanged& a, const NodesChanged& b) {
    return first_node(a) < first_node(b);
  });
  record.nodes = std::move(entries);
  scheduler_.set_nodes(f.pool, normalised(f.nodes), f.state);
}

void State::on(const NodeLoaded& f) {
  overflow_pass_.news = true;
  auto& all = pools_.at(f.pool).loads;
  auto at = std::lower_bound(all.begin(), all.end(), f.node,
                             [](const NodeLoaded& load, std::int64_t n) { return load.node < n; });
  if (at != all.end() && at->node == f.node) at = all.erase(at);
  if (f.load != ForeignLoad{}) all.insert(at, f);
  scheduler_.set_foreign(f.pool, f.node, f.load);
}

const AdvanceReservation* State::find_reservation(const std::string& name) const {
  for (const auto& [pool_name, pool] : pools_) {
    for (const AdvanceReservation& reservation : pool.reservations) {
      if (reservation.name == name) return &reservation;
    }
  }
  return nullptr;
}

void State::restore(QueuesDefined queues) {
  queues_ = std::move(queues.queues);
  scheduling_ = queues.scheduling;
}

void State::restore(PackingPrices prices) { packing_prices_ = std::move(prices); }
void State::restore(ContractsDefined contracts) { contracts_ = std::move(contracts.contracts); }
void State::restore(ReliefPriced relief) { reliefs_ = std::move(relief.reliefs); }
void State::restore(QueuesSpent spent) { queue_budgets_->restore(spent); }

}  // namespace mohona

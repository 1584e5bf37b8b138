// What facts about the fleet change in the state: pools, queues, reservations, nodes.
#include <algorithm>

#include "core/state.h"
#include "model/node_ranges.h"

namespace mohona {
namespace {

// A pool's record is a value; its capacity is told of the new one as a whole.
template <class Change>
void change(PoolCapacity& pool, Change what) {
  PoolRecord record = pool.record();
  what(record);
  pool.define(std::move(record));
}

std::int64_t first_node(const NodesChanged& entry) { return entry.nodes.front().first; }

}  // namespace

void State::on(const PoolDefined& f) {
  const auto found = pools_.find(f.pool.name);
  if (found == pools_.end()) {
    pools_.emplace(f.pool.name, PoolCapacity(PoolRecord{.pool = f.pool}));
  } else {
    change(found->second, [&](PoolRecord& record) { record.pool = f.pool; });
  }
}

void State::on(const PoolRemoved& f) { pools_.erase(f.pool); }

void State::on(const PoolReclaimed& f) {
  change(pools_.at(f.pool), [&](PoolRecord& record) {
    record.reclaimed_at = f.at;
    record.gone_at = f.gone_at;
  });
}

void State::on(const PoolRestored& f) {
  change(pools_.at(f.pool), [&](PoolRecord& record) {
    record.reclaimed_at.reset();
    record.gone_at.reset();
  });
}

void State::on(const QueuesDefined& f) {
  queues_ = f.queues;
  scheduling_ = f.scheduling;
}

void State::on(const ReservationDefined& f) {
  change(pools_.at(f.reservation.pool), [&](PoolRecord& record) {
    auto& all = record.reservations;
    const auto at = std::lower_bound(
        all.begin(), all.end(), f.reservation.name,
        [](const AdvanceReservation& r, const std::string& name) { return r.name < name; });
    if (at != all.end() && at->name == f.reservation.name) {
      *at = f.reservation;
    } else {
      all.insert(at, f.reservation);
    }
  });
}

void State::on(const ReservationRemoved& f) {
  change(pools_.at(f.pool), [&](PoolRecord& record) {
    std::erase_if(record.reservations,
                  [&](const AdvanceReservation& r) { return r.name == f.name; });
  });
}

// A node stands in one entry at most: the last one about it.
void State::on(const NodesChanged& f) {
  change(pools_.at(f.pool), [&](PoolRecord& record) {
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
  });
}

void State::on(const NodeLoaded& f) {
  change(pools_.at(f.pool), [&](PoolRecord& record) {
    auto& all = record.loads;
    auto at =
        std::lower_bound(all.begin(), all.end(), f.node,
                         [](const NodeLoaded& load, std::int64_t n) { return load.node < n; });
    if (at != all.end() && at->node == f.node) at = all.erase(at);
    if (f.load != ForeignLoad{}) all.insert(at, f);
  });
}

const AdvanceReservation* State::find_reservation(const std::string& name) const {
  for (const auto& [pool_name, pool] : pools_) {
    for (const AdvanceReservation& reservation : pool.record().reservations) {
      if (reservation.name == name) return &reservation;
    }
  }
  return nullptr;
}

void State::restore(QueuesDefined queues) { on(queues); }

}  // namespace mohona

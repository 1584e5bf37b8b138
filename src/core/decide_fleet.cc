#include "core/decide_fleet.h"

#include <algorithm>

#include "base/text.h"
#include "model/node_ranges.h"

namespace mohona {
namespace {

// Which nodes a reservation of a number of nodes got is decided once, when it is made: the same
// words ask for nothing new.
bool is_same(const AdvanceReservation& known, const AdvanceReservation& wanted) {
  AdvanceReservation as_asked = known;
  if (wanted.where.empty()) as_asked.where.clear();
  return as_asked == wanted;
}

void define_pools(const State& state, const Fleet& fleet, Facts& facts) {
  for (const Pool& pool : fleet.pools) {
    const PoolRecord* known = state.find_pool(pool.name);
    if (!known || known->pool != pool) facts.push_back(PoolDefined{pool});
  }
  for (const auto& [name, known] : state.pools()) {
    const bool named = std::any_of(fleet.pools.begin(), fleet.pools.end(),
                                   [&name = name](const Pool& pool) { return pool.name == name; });
    if (named) continue;
    const bool busy = std::any_of(
        state.live().begin(), state.live().end(),
        [&, &here = name](const auto& live) { return live.second.attempt->pool == here; });
    if (busy) {  // offers nothing any more, until what runs there has ended
      Pool empty = known.pool;
      empty.nodes = 0;
      if (known.pool != empty) facts.push_back(PoolDefined{empty});
    } else {
      for (const auto& [id, entry] : state.jobs()) {
        if (!entry.job.kept || entry.job.kept->pool != name) continue;
        facts.push_back(NodesReleased{id, fmt::format("{} is no longer in the fleet", name)});
      }
      facts.push_back(PoolRemoved{name});
    }
  }
}

// Before the pools, which may go: a removal names a pool that is there.
void remove_reservations(const State& state, const Fleet& fleet, Facts& facts) {
  for (const auto& [name, pool] : state.pools()) {
    for (const AdvanceReservation& known : pool.reservations) {
      const bool stays = std::any_of(fleet.reservations.begin(), fleet.reservations.end(),
                                     [&](const AdvanceReservation& r) {
                                       return r.pool == known.pool && r.name == known.name;
                                     });
      if (!stays) facts.push_back(ReservationRemoved{known.pool, known.name});
    }
  }
}

void define_reservations(const State& state, const Fleet& fleet, Facts& facts) {
  for (const AdvanceReservation& wanted : fleet.reservations) {
    const AdvanceReservation* known = state.find_reservation(wanted.name);
    if (!known || !is_same(*known, wanted)) facts.push_back(ReservationDefined{wanted});
  }
}

// Those of `nodes` that this input says something new about: their own entry alone tells when and
// why they were taken out.
NodeRanges nodes_to_change(const PoolRecord& record, const NodeRanges& nodes,
                           const ChangeNodes& input) {
  if (input.state == NodeState::up) {
    NodeRanges not_up;
    for (const NodesChanged& entry : record.nodes) not_up = united(not_up, entry.nodes);
    return without(nodes, without(nodes, not_up));
  }
  NodeRanges changed = nodes;
  for (const NodesChanged& entry : record.nodes) {
    const bool same_reason = input.reason.empty() || entry.reason == input.reason;
    if (entry.state == input.state && entry.by == input.by && same_reason)
      changed = without(changed, entry.nodes);
  }
  return changed;
}

Failure no_such_node(const Pool& pool, std::int64_t node) {
  return fail(Code::invalid, fmt::format("'{}' has {} node{}, from 0; there is no node {}",
                                         pool.name, pool.nodes, pool.nodes == 1 ? "" : "s", node));
}

}  // namespace

std::string advice(const std::string& wanted, const std::vector<std::string_view>& names) {
  constexpr std::size_t listed_max = 8;
  if (const std::string near = nearest(wanted, names); !near.empty()) {
    return fmt::format("; did you mean '{}'?", near);
  }
  if (names.empty() || names.size() > listed_max) return "";
  return fmt::format("; there is {}", fmt::join(names, ", "));
}

Failure no_such_pool(const State& state, const std::string& wanted) {
  std::vector<std::string_view> names;
  for (const auto& [name, pool] : state.pools()) names.push_back(name);
  const std::string near = nearest(wanted, names);
  return fail(Code::not_found, fmt::format("there is no pool '{}'{}", wanted,
                                           near.empty() ? "" : "; did you mean '" + near + "'?"));
}

Facts define_fleet(const State& state, const DefineFleet& input) {
  Facts facts;
  remove_reservations(state, input.fleet, facts);
  define_pools(state, input.fleet, facts);
  if (state.queues() != input.fleet.queues || state.scheduling() != input.fleet.scheduling) {
    facts.push_back(QueuesDefined{input.fleet.queues, input.fleet.scheduling});
  }
  define_reservations(state, input.fleet, facts);
  if (state.contracts() != input.fleet.contracts) {
    facts.push_back(ContractsDefined{input.fleet.contracts});
  }
  return facts;
}

Result<Facts> change_nodes(const State& state, const ChangeNodes& input, Timestamp now) {
  const PoolRecord* found = state.find_pool(input.pool);
  if (!found) return no_such_pool(state, input.pool);
  const Pool& pool = found->pool;
  NodeRanges nodes = normalised(input.nodes);
  if (nodes.empty() && pool.nodes > 0) nodes = {{0, pool.nodes - 1}};
  if (nodes.empty()) return Facts{};
  if (nodes.front().first < 0) return no_such_node(pool, nodes.front().first);
  if (nodes.back().last >= pool.nodes) return no_such_node(pool, nodes.back().last);
  nodes = nodes_to_change(*found, nodes, input);
  if (nodes.empty()) return Facts{};
  return Facts{NodesChanged{input.pool, nodes, input.state, input.reason, now, input.by}};
}

Result<Facts> load_node(const State& state, const LoadNode& input) {
  const PoolRecord* pool = state.find_pool(input.pool);
  if (!pool) return no_such_pool(state, input.pool);
  if (input.node < 0 || input.node >= pool->pool.nodes) {
    return no_such_node(pool->pool, input.node);
  }
  ForeignLoad known;
  for (const NodeLoaded& loaded : pool->loads) {
    if (loaded.node == input.node) known = loaded.load;
  }
  if (known == input.load) return Facts{};
  return Facts{NodeLoaded{input.pool, input.node, input.load}};
}

Facts choose_reserved_nodes(const State& state, Timestamp now) {
  Facts facts;
  for (const auto& [name, pool] : state.pools()) {
    for (const AdvanceReservation& reservation : pool.reservations) {
      if (!reservation.where.empty()) continue;
      NodeRanges nodes = state.scheduler().nodes_for(reservation, now);
      if (nodes.empty()) continue;
      facts.push_back(ReservationDefined{reservation});
      std::get<ReservationDefined>(facts.back()).reservation.where = std::move(nodes);
      return facts;  // the next one chooses among what this one leaves
    }
  }
  return facts;
}

Result<Facts> price_packing(const State& state, const PricePacking& input) {
  if (const std::string wrong = cannot_pack_by(input.prices); !wrong.empty()) {
    return fail(Code::invalid, "these prices of packing cannot be used: " + wrong);
  }
  if (input.prices == state.packing_prices()) return Facts{};
  return Facts{PackingPriced{input.prices}};
}

Result<Facts> price_relief(const State& state, const PriceRelief& input) {
  for (const Relief& relief : input.reliefs) {
    const auto& contracts = state.contracts().contracts;
    const bool known = std::any_of(contracts.begin(), contracts.end(), [&](const Contract& c) {
      return c.name == relief.contract &&
             std::any_of(c.minimums.begin(), c.minimums.end(),
                         [&](const Minimum& m) { return m.name == relief.minimum; });
    });
    if (!known) {
      return fail(Code::invalid, fmt::format("the contract '{}' has no minimum '{}'",
                                             relief.contract, relief.minimum));
    }
    constexpr std::int64_t dollar_ppb = 1'000'000'000;
    if (relief.ppb < 0 || relief.ppb > dollar_ppb) {
      return fail(Code::invalid,
                  fmt::format("a dollar spent toward '{}' is worth between nothing and a dollar",
                              relief.minimum));
    }
  }
  if (input.reliefs == state.reliefs()) return Facts{};
  return Facts{ReliefPriced{input.reliefs}};
}

}  // namespace mohona

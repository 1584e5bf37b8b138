// A fleet file's advance reservations: nodes kept for some, or for nobody, between two instants.
#include <fmt/format.h>

#include <set>

#include "spec/fleet_draft.h"

namespace mohona {
namespace {

constexpr std::int64_t reservations_max = 1'000;

struct ReservationDraft {
  AdvanceReservation reservation;
  const Fleet& fleet;
  Problems& problems;
};

template <class Named>
std::vector<std::string_view> names_of(const std::vector<Named>& all) {
  std::vector<std::string_view> names;
  for (const Named& one : all) names.push_back(one.name);
  return names;
}

bool has(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void read_pool_name(const SpecNode& node, ReservationDraft& draft) {
  const auto names = names_of(draft.fleet.pools);
  if (node.is_scalar() && has(names, node.text)) {
    draft.reservation.pool = node.text;
  } else if (!node.is_scalar()) {
    wrong(node, "expected the name of a pool", draft.problems);
  } else {
    draft.problems.add(node.place, fmt::format("there is no pool {}", in_quotes(node.text)),
                       suggestion(node.text, names));
  }
}

void read_queue_names(const SpecNode& node, ReservationDraft& draft) {
  if (!read_texts(node, draft.reservation.queues, draft.problems)) return;
  if (draft.fleet.queues.empty()) return;  // then queues are labels, and any will do
  const auto names = names_of(draft.fleet.queues);
  const auto check = [&](const SpecNode& item) {
    if (has(names, item.text)) return;
    draft.problems.add(item.place, fmt::format("there is no queue {}", in_quotes(item.text)),
                       suggestion(item.text, names));
  };
  if (node.is_scalar()) check(node);
  for (const SpecNode& item : node.children) check(item);
}

constexpr std::array<Key<ReservationDraft>, 7> reservation_keys = {{
    {"name",
     [](const SpecNode& n, ReservationDraft& d) { read_name(n, d.reservation.name, d.problems); }},
    {"pool", read_pool_name},
    {"nodes", [](const SpecNode&, ReservationDraft&) {}},  // when the pool is known
    {"from", [](const SpecNode& n,
                ReservationDraft& d) { read_instant(n, d.reservation.from, d.problems); }},
    {"to",
     [](const SpecNode& n, ReservationDraft& d) { read_instant(n, d.reservation.to, d.problems); }},
    {"queues", read_queue_names},
    {"maintenance",
     [](const SpecNode& n, ReservationDraft& d) {
       read_flag(n, d.reservation.maintenance, d.problems);
     }},
}};

// A number is how many; a list is which. One node alone is written 4-4.
void read_nodes(const SpecNode& node, ReservationDraft& draft) {
  std::int64_t there = pool_nodes_max;
  for (const Pool& pool : draft.fleet.pools) {
    if (pool.name == draft.reservation.pool && pool.nodes > 0) there = pool.nodes;
  }
  const bool is_list = node.is_list() || node.text.find_first_of("-,") != std::string::npos;
  if (is_list && !node.text.starts_with('-')) {
    read_node_list(node, there, draft.reservation.where, draft.problems);
    return;
  }
  std::int64_t count = 0;
  Problems inside;
  if (node.is_scalar() && read_whole(node, {1, there}, count, inside)) {
    draft.reservation.nodes = count;
  } else {
    wrong(
        node,
        fmt::format("expected how many nodes, from 1 to {}, or which, such as \"0-15,32\"", there),
        draft.problems);
  }
}

void check_reservation(const SpecNode& node, const ReservationDraft& draft) {
  for (const std::string_view key : {"name", "pool", "nodes", "from", "to"}) {
    if (!node.find(key)) {
      lacks(node, key, node.place, fmt::format("this reservation has no '{}'", key),
            "expected name, pool, nodes, from and to", draft.problems);
    }
  }
  const SpecNode* to = node.find("to");
  const AdvanceReservation& r = draft.reservation;
  if (to && r.from != Timestamp{} && r.to != Timestamp{} && r.to <= r.from) {
    wrong(*to, fmt::format("expected an instant after 'from', {}", format_timestamp(r.from)),
          draft.problems);
  }
  const SpecNode* queues = node.find("queues");
  if (queues && r.maintenance) {
    draft.problems.add(queues->key_place, "'queues' stands beside 'maintenance'",
                       "expected one of the two: during maintenance nobody's work runs");
  }
}

}  // namespace

void read_reservations(const SpecNode& node, FleetDraft& draft) {
  if (!is_list(node, "a list of reservations", draft.problems)) return;
  if (std::ssize(node.children) > reservations_max) {
    draft.problems.add(node.place, fmt::format("'reservations' has {} items", node.children.size()),
                       fmt::format("expected at most {}", reservations_max));
    return;
  }
  std::set<std::string> names;
  for (const SpecNode& item : node.children) {
    if (!is_map(item,
                "a map such as {name: NAME, pool: POOL, nodes: 4, from: INSTANT, to: INSTANT}",
                draft.problems)) {
      continue;
    }
    const SpecNode whole = with_whole_node_lists(item);
    ReservationDraft one{{}, draft.fleet, draft.problems};
    read_keys(whole, reservation_keys, {}, one, draft.problems);
    if (const SpecNode* nodes = whole.find("nodes")) read_nodes(*nodes, one);
    check_reservation(whole, one);
    const SpecNode* name = whole.find("name");
    if (name && !one.reservation.name.empty() && !names.insert(one.reservation.name).second) {
      draft.problems.add(name->place,
                         fmt::format("two reservations are named {}", in_quotes(name->text)),
                         "expected a name of its own for each");
    }
    draft.fleet.reservations.push_back(std::move(one.reservation));
  }
}

}  // namespace mohona

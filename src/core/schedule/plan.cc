#include "core/schedule/plan.h"

#include <algorithm>

#include "core/fleet/spread.h"
#include "core/schedule/emptying.h"

namespace mohona {
namespace {

// Nodes of one leaf that are free together: one, or a segment.
struct Unit {
  Timestamp free;
  Leaf leaf = 0;
  Mask nodes = 0;
  bool promised = true;
  Timestamp expected;
  Timestamp latest = Timestamp::max();  // starting then, the job has left when a window begins
  friend bool operator<(const Unit& a, const Unit& b) {
    return std::tuple(a.free, a.leaf, a.nodes) < std::tuple(b.free, b.leaf, b.nodes);
  }
};

// By when it has left: known or, where it is not, expected.
Timestamp end_of(const Running& run) { return run.certain() ? run.end : run.expected; }

// When the demand fits on the node at the latest: as its occupants leave, in order of their ends.
std::optional<Unit> free_at(const Space& space, std::span<const Running> running,
                            const Vacancy& vacancy, NodeIndex i, const Demand& demand,
                            Timestamp now) {
  Unit unit{now, i / space.leaf_size(), Mask{1} << (i % space.leaf_size()), true, now};
  // The common case: all of the node is wanted, and each occupant holds some of what is wanted, so
  // that all have to leave.
  if (!vacancy.free && !vacancy.foreign && vacancy.filled && space.fills(demand)) {
    if (!vacancy.ends) return std::nullopt;
    unit.free = std::max(now, vacancy.end);
    unit.promised = vacancy.promised;
    unit.expected = std::max(now, vacancy.expected);
    return unit;
  }
  const Node& node = space.node(i);
  if (space.fits(node, demand)) return unit;
  std::vector<std::tuple<Timestamp, AttemptId, const Running*>> leaving;
  Emptying then(space, running, i);
  space.for_occupants(node, [&](OccupantId who) {
    const Running& run = running[who];
    if (!run.endless || run.stopping)
      leaving.emplace_back(std::max(now, end_of(run)), run.id, &run);
  });
  std::sort(leaving.begin(), leaving.end());
  for (const auto& [at, id, run] : leaving) {
    unit.free = at;
    unit.promised = unit.promised && run->certain();
    unit.expected = std::max(unit.expected, run->expected);
    then.leaves(*run);
    if (then.fits(demand)) return unit;
  }
  return std::nullopt;  // others hold too much of it, or what never ends
}

// Nodes of the leaf that may not be kept at all: other gangs have them.
Mask kept_for_others(const Space& space, Leaf leaf, const Request& request, Duration limit) {
  Mask out = 0;
  for (HoldSlot slot = 1; space.kept(leaf) != 0 && slot < space.tiers().size(); ++slot) {
    if (!space.tiers()[slot] || slot == request.own) continue;
    const Hold& hold = space.tiers()[slot]->hold;
    if (!hold.window || limit == Duration::max()) out |= mask_of(hold.nodes, leaf);
  }
  return out;
}

// Until when a node that no other gang has kept may be begun on: the job has left when a window of
// maintenance or of others begins.
Timestamp latest_start(const Space& space, NodeIndex i, const Request& request, Duration limit) {
  const Leaf leaf = i / space.leaf_size();
  Timestamp latest = Timestamp::max();
  if (!(space.kept(leaf) >> (i % space.leaf_size()) & 1)) return latest;
  for (HoldSlot slot = 1; slot < space.tiers().size(); ++slot) {
    if (!space.tiers()[slot] || slot == request.own) continue;
    const Hold& hold = space.tiers()[slot]->hold;
    if (!(mask_of(hold.nodes, leaf) >> (i % space.leaf_size()) & 1)) continue;
    latest = std::min(latest, hold.start - limit);
  }
  return latest;
}

// Those on which the job may begin as late as `by`.
std::vector<Unit> units_of(const Space& space, std::span<const Running> running,
                           std::span<const Vacancy> vacancies, const Request& request,
                           Duration limit, Timestamp now, Timestamp by) {
  std::vector<Unit> units, leaf_units;
  units.reserve(space.nodes());
  const std::int64_t s = std::max<std::int64_t>(1, request.nearness.segment);
  for (Leaf leaf = 0; leaf < space.leaves(); ++leaf) {
    ++space.leaves_visited;
    Mask mask = space.taking_work(leaf) & request.featured(leaf);
    mask &= ~kept_for_others(space, leaf, request, limit);
    leaf_units.clear();
    for_bits(mask, [&](std::uint32_t place) {
      const NodeIndex i = space.index(leaf, place);
      const Timestamp latest = latest_start(space, i, request, limit);
      if (latest < by) return;
      Vacancy vacancy = i < vacancies.size() ? vacancies[i] : Vacancy{};
      if (vacancy.stale) vacancy = vacancy_of(space, running, i);
      auto unit = free_at(space, running, vacancy, i, *request.demand, now);
      if (!unit || unit->free > latest) return;
      unit->latest = latest;
      leaf_units.push_back(*unit);
    });
    if (s == 1) {
      units.insert(units.end(), leaf_units.begin(), leaf_units.end());
      continue;
    }
    std::sort(leaf_units.begin(), leaf_units.end());
    for (std::size_t i = 0; i + static_cast<std::size_t>(s) <= leaf_units.size();
         i += static_cast<std::size_t>(s)) {
      Unit whole = leaf_units[i];
      for (std::size_t k = i + 1; k < i + static_cast<std::size_t>(s); ++k) {
        whole.free = std::max(whole.free, leaf_units[k].free);
        whole.expected = std::max(whole.expected, leaf_units[k].expected);
        whole.promised = whole.promised && leaf_units[k].promised;
        whole.latest = std::min(whole.latest, leaf_units[k].latest);
        whole.nodes |= leaf_units[k].nodes;
      }
      units.push_back(whole);
    }
  }
  return units;
}

// Where the n units begin, in `units`, that are free first in one domain; they stand in front of
// it.
std::optional<std::pair<Timestamp, std::size_t>> first_free(std::vector<Unit>& units,
                                                            std::size_t wanted, Leaf size) {
  std::optional<std::pair<Timestamp, std::size_t>> best;
  for (std::size_t i = 0; i < units.size();) {
    const Leaf domain = size == 0 ? 0 : units[i].leaf / size;
    std::size_t end = i;
    while (end < units.size() && (size == 0 ? 0 : units[end].leaf / size) == domain) ++end;
    if (end - i >= wanted) {
      const auto first = units.begin() + static_cast<std::ptrdiff_t>(i);
      const auto nth = first + static_cast<std::ptrdiff_t>(wanted - 1);
      std::nth_element(first, nth, units.begin() + static_cast<std::ptrdiff_t>(end));
      if (!best || nth->free < best->first) best = {nth->free, i};
    }
    i = end;
  }
  return best;
}

}  // namespace

Vacancy vacancy_of(const Space& space, std::span<const Running> running, NodeIndex i) {
  const Node& node = space.node(i);
  const bool gpus = space.pool().shape.gpus > 0;
  Vacancy out;
  out.foreign = node.foreign;
  space.for_occupants(node, [&](OccupantId who) { add_occupant(out, running[who], gpus); });
  return out;
}

void add_occupant(Vacancy& vacancy, const Running& run, bool gpus) {
  const Demand& held = run.demand;
  vacancy.free = false;
  vacancy.end = std::max(vacancy.end, end_of(run));
  vacancy.expected = std::max(vacancy.expected, run.expected);
  vacancy.ends = vacancy.ends && (!run.endless || run.stopping);
  vacancy.promised = vacancy.promised && run.certain();
  vacancy.filled = vacancy.filled && (gpus ? held.gpus + held.gpu_milli > 0 : held.cpus_milli > 0);
}

std::optional<Plan> plan(const Space& space, std::span<const Running> running,
                         std::span<const Vacancy> vacancies, const Request& request, Duration limit,
                         Timestamp now) {
  if (space.pool().share_nodes) return std::nullopt;  // a machine or two: nothing to plan
  const std::int64_t s = std::max<std::int64_t>(1, request.nearness.segment);
  const auto wanted = static_cast<std::size_t>((request.min_nodes + s - 1) / s);
  const Leaf size = domain_size(space, request.nearness.within);
  std::vector<Unit> units;
  std::optional<std::pair<Timestamp, std::size_t>> best;
  for (Timestamp by = now;; by = best->first) {
    units = units_of(space, running, vacancies, request, limit, now, by);
    best = first_free(units, wanted, size);
    if (!best) return std::nullopt;
    const auto first = units.begin() + static_cast<std::ptrdiff_t>(best->second);
    // Some of the first to be free may have to be given up too soon after the last of them is.
    // Without those the start only becomes later, and there are no more rounds than windows.
    if (std::none_of(first, first + static_cast<std::ptrdiff_t>(wanted),
                     [&](const Unit& unit) { return unit.latest < best->first; })) {
      break;
    }
  }
  Plan out{{}, best->first, true, now};
  // nth_element has put the domain's first units in front.
  std::sort(units.begin() + static_cast<std::ptrdiff_t>(best->second),
            units.begin() + static_cast<std::ptrdiff_t>(best->second + wanted),
            [](const Unit& a, const Unit& b) { return a.leaf < b.leaf; });
  for (std::size_t i = best->second; i < best->second + wanted; ++i) {
    const Unit& unit = units[i];
    out.promised = out.promised && unit.promised;
    out.expected = std::max(out.expected, unit.expected);
    if (out.nodes.empty() || out.nodes.back().leaf != unit.leaf)
      out.nodes.push_back({unit.leaf, 0});
    out.nodes.back().nodes |= unit.nodes;
  }
  return out;
}

}  // namespace mohona

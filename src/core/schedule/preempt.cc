#include "core/schedule/preempt.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/fleet/spread.h"

namespace mohona {
namespace {

constexpr Duration restart = std::chrono::minutes(5);
constexpr std::size_t reprieves_max = 1'000;  // victims that are asked about; the dearest

// What it costs to make the demand fit on one node: its victims, cheapest first.
struct Candidate {
  std::int64_t cost = 0;
  Leaf leaf = 0;
  std::uint32_t place = 0;
  friend auto operator<=>(const Candidate&, const Candidate&) = default;
};

struct Search {
  const Space& space;
  std::span<const Running> running;
  const Request& request;
  Timestamp now;
  const std::function<bool(const Running&)>& may_stop;

  bool fits(const Node& node, std::int64_t cpus, std::int64_t memory, Mask gpus) const {
    const Demand& demand = *request.demand;
    return node.cpus_free + cpus >= demand.cpus_milli &&
           node.memory_free + memory >= demand.memory_mib &&
           count(node.gpus_free | gpus) >= demand.gpus + (demand.gpu_milli > 0 ? 1 : 0);
  }

  Mask gpus_of(const Running& run, NodeIndex i) const {
    if (!run.grant.whole.empty()) {
      const std::int64_t gpus = space.pool().shape.gpus;
      return gpus >= 64 ? ~Mask{0} : (Mask{1} << gpus) - 1;
    }
    Mask out = 0;
    if (run.demand.gpu_milli > 0) return out;
    for (const Member& member : run.grant.members) {
      if (member.node == i) out |= member.gpus;
    }
    return out;
  }

  // The victims that make room on the node; nothing if even all of them do not.
  std::optional<std::int64_t> price(NodeIndex i, std::vector<OccupantId>* victims) const {
    const Node& node = space.node(i);
    if (space.fits(node, *request.demand)) return 0;
    std::vector<std::tuple<std::int64_t, AttemptId, OccupantId>> options;
    space.for_occupants(node, [&](OccupantId who) {
      const Running& run = running[who];
      if (may_stop(run)) options.emplace_back(loss(run, now) / run.grant.nodes(), run.id, who);
    });
    std::sort(options.begin(), options.end());
    std::int64_t cost = 0, cpus = 0, memory = 0;
    Mask gpus = 0;
    for (const auto& [lost, id, who] : options) {
      const Running& run = running[who];
      cost += lost;
      cpus += run.demand.cpus_milli;
      memory += run.demand.memory_mib;
      gpus |= gpus_of(run, i);
      if (victims) victims->push_back(who);
      if (fits(node, cpus, memory, gpus)) return cost;
    }
    return std::nullopt;
  }

  // Nodes at their prices, cheapest first within each leaf; with segments, as many as make whole
  // ones.
  std::vector<Candidate> candidates() const {
    std::vector<Candidate> out;
    const std::int64_t s = std::max<std::int64_t>(1, request.nearness.segment);
    for (Leaf leaf = 0; leaf < space.leaves(); ++leaf) {
      ++space.leaves_visited;
      const std::size_t first = out.size();
      for_bits(usable(space, request, leaf, true), [&](std::uint32_t place) {
        if (const auto cost = price(space.index(leaf, place), nullptr)) {
          out.push_back({*cost, leaf, place});
        }
      });
      if (s == 1) continue;
      std::sort(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
      while ((out.size() - first) % static_cast<std::size_t>(s) != 0) out.pop_back();
      // A segment is taken or left as one: its nodes share one price.
      for (std::size_t i = first; i < out.size(); i += static_cast<std::size_t>(s)) {
        std::int64_t total = 0;
        for (std::size_t k = 0; k < static_cast<std::size_t>(s); ++k) total += out[i + k].cost;
        for (std::size_t k = 0; k < static_cast<std::size_t>(s); ++k) out[i + k].cost = total;
      }
    }
    return out;
  }
};

// The nodes of one domain that will be free when the victims have left.
class Cleared {
 public:
  Cleared(const Search& search, std::set<OccupantId> going, Leaf first, Leaf last)
      : search_(search), going_(std::move(going)), first_(first), last_(last) {
    for (Leaf leaf = first; leaf < last; ++leaf) update(leaf);
  }

  bool enough() const {
    return !choose(search_.space, leaves(), search_.request.min_nodes, search_.request.nearness)
                .empty();
  }
  NodeSet nodes() const {
    return choose(search_.space, leaves(), search_.request.min_nodes, search_.request.nearness);
  }
  std::int64_t size() const { return size_; }

  void stay(OccupantId who) { going_.erase(who), update_nodes_of(who); }
  void leave(OccupantId who) { going_.insert(who), update_nodes_of(who); }

 private:
  void update_nodes_of(OccupantId who) {
    const Grant& grant = search_.running[who].grant;
    for (const Segment& segment : grant.whole) update(segment.leaf);
    for (const Member& member : grant.members) update(member.node / search_.space.leaf_size());
  }

  void update(Leaf leaf) {
    if (leaf < first_ || leaf >= last_) return;
    Mask free = 0;
    for_bits(usable(search_.space, search_.request, leaf, true), [&](std::uint32_t place) {
      const NodeIndex i = search_.space.index(leaf, place);
      std::int64_t cpus = 0, memory = 0;
      Mask gpus = 0;
      search_.space.for_occupants(search_.space.node(i), [&](OccupantId who) {
        if (!going_.contains(who)) return;
        cpus += search_.running[who].demand.cpus_milli;
        memory += search_.running[who].demand.memory_mib;
        gpus |= search_.gpus_of(search_.running[who], i);
      });
      const Node& node = search_.space.node(i);
      if (search_.space.fits(node, *search_.request.demand) ||
          search_.fits(node, cpus, memory, gpus)) {
        free |= Mask{1} << place;
      }
    });
    size_ += count(free) - count(std::exchange(free_[leaf], free));
  }

  std::vector<Segment> leaves() const {
    std::vector<Segment> out;
    for (const auto& [leaf, mask] : free_) {
      if (mask != 0) out.push_back({leaf, mask});
    }
    return out;
  }

  const Search& search_;
  std::set<OccupantId> going_;
  Leaf first_, last_;
  std::map<Leaf, Mask> free_;
  std::int64_t size_ = 0;
};

// The n cheapest of the cheapest domain.
std::vector<Candidate> cheapest(const Space& space, std::vector<Candidate> all,
                                const Request& request) {
  const auto n = static_cast<std::size_t>(request.min_nodes);
  const Leaf size = domain_size(space, request.nearness.within);
  const auto domain_of = [&](const Candidate& c) { return size == 0 ? 0 : c.leaf / size; };
  std::vector<Candidate> best;
  std::int64_t best_cost = INT64_MAX;
  for (auto first = all.begin(); first != all.end();) {
    auto last = first;
    while (last != all.end() && domain_of(*last) == domain_of(*first)) ++last;
    if (static_cast<std::size_t>(last - first) >= n) {
      std::sort(first, last);
      std::int64_t cost = 0;
      const auto end = first + static_cast<std::ptrdiff_t>(n);
      for (auto it = first; it != end; ++it) cost += it->cost;
      if (cost < best_cost) best_cost = cost, best.assign(first, end);
    }
    first = last;
  }
  return best;
}

}  // namespace

std::int64_t loss(const Running& run, Timestamp now) {
  const Duration since = now - std::max(run.started, run.checkpoint) + restart;
  const std::int64_t seconds =
      std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(since).count());
  return run.worth * std::min<std::int64_t>(seconds, 10'000'000);
}

std::optional<Eviction> evict(const Space& space, std::span<const Running> running,
                              const Request& request, Timestamp now,
                              const std::function<bool(const Running&)>& may_stop,
                              const std::function<bool(const Running&)>& still_may) {
  const Search search{space, running, request, now, may_stop};
  const std::vector<Candidate> chosen = cheapest(space, search.candidates(), request);
  if (chosen.empty()) return std::nullopt;

  Eviction out;
  std::map<OccupantId, std::vector<std::uint32_t>> needed_on;  // chosen nodes, by place in `chosen`
  for (std::uint32_t i = 0; i < chosen.size(); ++i) {
    std::vector<OccupantId> victims;
    (void)search.price(space.index(chosen[i].leaf, chosen[i].place), &victims);
    for (const OccupantId who : victims) needed_on[who].push_back(i);
  }
  std::vector<std::tuple<std::int64_t, AttemptId, OccupantId>> by_loss;
  for (const auto& [who, places] : needed_on) {
    by_loss.emplace_back(loss(running[who], now), running[who].id, who);
  }
  std::sort(by_loss.begin(), by_loss.end());
  // Shares change with every victim: ask in order, and give up where one is refused.
  for (const auto& [lost, id, who] : by_loss) {
    if (!still_may(running[who])) return std::nullopt;
    out.victims.push_back(who);
  }
  if (out.victims.empty()) return std::nullopt;

  const Leaf size = domain_size(space, request.nearness.within);
  const Leaf first = size == 0 ? 0 : chosen.front().leaf / size * size;
  Cleared cleared(search, {out.victims.begin(), out.victims.end()}, first,
                  size == 0 ? space.leaves() : std::min(space.leaves(), first + size));
  std::size_t asked = 0;
  for (auto it = by_loss.rbegin();
       it != by_loss.rend() && asked < reprieves_max && cleared.size() > request.min_nodes;
       ++it, ++asked) {
    const OccupantId who = std::get<OccupantId>(*it);
    cleared.stay(who);
    if (cleared.enough()) {
      std::erase(out.victims, who);
    } else {
      cleared.leave(who);
    }
  }
  std::sort(out.victims.begin(), out.victims.end(),
            [&](OccupantId a, OccupantId b) { return running[a].id < running[b].id; });
  out.nodes = cleared.nodes();
  if (out.nodes.empty() || out.victims.empty()) return std::nullopt;
  return out;
}

}  // namespace mohona

// Where work goes, by the rules of fleet/find.h: node by node.
#include <algorithm>

#include "core/schedule/naive_scheduler.h"

namespace mohona {

bool NaiveScheduler::is_usable(const Space& space, const Request& request, NodeIndex i,
                               bool kept) const {
  if (!space.takes_work(space.node(i))) return false;
  const Leaf leaf = i / space.leaf_size();
  const Mask bit = Mask{1} << (i % space.leaf_size());
  if (!(request.featured(leaf) & bit)) return false;
  bool mine = false, others = false, in_time = true;
  for (HoldSlot slot = 1; slot < space.tiers().size(); ++slot) {
    if (!space.tiers()[slot] || !(mask_of(space.held(slot).nodes, leaf) & bit)) continue;
    if (slot == request.own) {
      mine = true;
    } else {
      others = true;
      in_time = in_time && request.end <= space.held(slot).start;
    }
  }
  return (mine || !request.only_own) && (kept ? in_time : !others);
}

std::vector<Segment> NaiveScheduler::free(const Space& space, const Request& request, bool kept,
                                          bool empty) const {
  std::vector<Segment> out;
  for (NodeIndex i = 0; i < space.nodes(); ++i) {
    const Node& node = space.node(i);
    if (!is_usable(space, request, i, kept)) continue;
    if (empty ? node.sole != nobody || node.foreign : !space.fits(node, *request.demand)) continue;
    const Leaf leaf = i / space.leaf_size();
    if (out.empty() || out.back().leaf != leaf) out.push_back({leaf, 0});
    out.back().nodes |= Mask{1} << (i % space.leaf_size());
  }
  return out;
}

namespace {

std::int64_t give(const Segment& s, std::int64_t segment) {
  return count(s.nodes) / std::max<std::int64_t>(1, segment) * std::max<std::int64_t>(1, segment);
}

// The sets of leaves among which a gang may be spread, narrow ones first.
std::vector<std::vector<std::vector<Segment>>> domains(const Space& space,
                                                       const std::vector<Segment>& leaves,
                                                       Level within) {
  std::vector<std::vector<std::vector<Segment>>> out;
  for (const Level level : {Level::leaf, Level::block, Level::fabric, Level::anywhere}) {
    const Leaf size = level == Level::leaf     ? 1
                      : level == Level::block  ? space.leaves_in_block()
                      : level == Level::fabric ? space.leaves_in_fabric()
                                               : UINT32_MAX;
    if (level > within || size == 0) continue;
    std::map<Leaf, std::vector<Segment>> groups;
    for (const Segment& s : leaves) groups[s.leaf / size].push_back(s);
    out.emplace_back();
    for (auto& [number, group] : groups) out.back().push_back(group);
  }
  return out;
}

std::int64_t total(const std::vector<Segment>& group, std::int64_t segment) {
  std::int64_t n = 0;
  for (const Segment& s : group) n += give(s, segment);
  return n;
}

NodeSet take_from(std::vector<Segment> group, std::int64_t n, std::int64_t segment) {
  NodeSet out;
  while (n > 0) {
    std::size_t widest = 0;
    for (std::size_t i = 1; i < group.size(); ++i) {
      if (give(group[i], segment) > give(group[widest], segment)) widest = i;
    }
    if (give(group[widest], segment) > n) {
      for (std::size_t i = 0; i < group.size(); ++i) {
        const std::int64_t here = give(group[i], segment);
        const std::int64_t best = give(group[widest], segment);
        if (here >= n && (here < best || (here == best && group[i].leaf < group[widest].leaf))) {
          widest = i;
        }
      }
    }
    const std::int64_t here = std::min(n, give(group[widest], segment));
    out.push_back({group[widest].leaf, lowest(group[widest].nodes, here)});
    n -= here;
    group.erase(group.begin() + static_cast<std::ptrdiff_t>(widest));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.leaf < b.leaf; });
  return out;
}

NodeSet pick(const Space& space, const std::vector<Segment>& leaves, const Request& request) {
  const std::int64_t segment = request.nearness.segment;
  const auto levels = domains(space, leaves, request.nearness.within);
  std::int64_t most = 0;
  for (const auto& group : levels.back()) most = std::max(most, total(group, segment));
  std::int64_t n = std::min(request.max_nodes, most);
  if (n < request.max_nodes && segment > 1) n -= n % segment;
  if (n < request.min_nodes || n == 0) return {};
  for (const auto& level : levels) {
    const std::vector<Segment>* best = nullptr;
    for (const auto& group : level) {
      if (total(group, segment) < n) continue;
      if (!best || total(group, segment) < total(*best, segment)) best = &group;
    }
    if (best) return take_from(*best, n, segment);
  }
  return {};
}

}  // namespace

std::optional<Grant> NaiveScheduler::place_part(const Space& space, const Request& request,
                                                bool kept) const {
  const Demand& demand = *request.demand;
  if (demand.gpu_milli > 0) {
    for (const Space::Shared& gpu : space.shared()) {  // the least free first
      const Node& node = space.node(gpu.node);
      if (gpu.milli_free < demand.gpu_milli || !is_usable(space, request, gpu.node, kept) ||
          node.cpus_free < demand.cpus_milli || node.memory_free < demand.memory_mib) {
        continue;
      }
      return Grant{{}, {{gpu.node, Mask{1} << gpu.gpu}}};
    }
  }
  std::optional<NodeIndex> best;
  for (NodeIndex i = 0; i < space.nodes(); ++i) {
    const Node& node = space.node(i);
    if (!is_usable(space, request, i, kept) || !space.fits(node, demand)) continue;
    if (demand.gpu_milli > 0 && node.gpus_free == 0) continue;
    if (!best || node.cell < space.node(*best).cell) best = i;
  }
  if (!best) return std::nullopt;
  const std::int64_t gpus = demand.gpu_milli > 0 ? 1 : demand.gpus;
  return Grant{{}, {{*best, lowest(space.node(*best).gpus_free, gpus)}}};
}

std::optional<Grant> NaiveScheduler::place(const Space& space, const Request& request) const {
  const auto as_grant = [&](const NodeSet& nodes) {
    if (space.fills(*request.demand)) return Grant{nodes, {}};
    Grant grant;
    for (const Segment& s : nodes) {
      for_bits(s.nodes, [&](std::uint32_t place) {
        const NodeIndex i = space.index(s.leaf, place);
        Mask gpus = lowest(space.node(i).gpus_free, request.demand->gpus);
        if (request.demand->gpu_milli > 0) {
          gpus = lowest(space.node(i).gpus_free, 1);
          std::optional<Space::Shared> tightest;
          for (const Space::Shared& gpu : space.shared()) {
            if (gpu.node == i && gpu.milli_free >= request.demand->gpu_milli && !tightest) {
              tightest = gpu;
            }
          }
          if (tightest) gpus = Mask{1} << tightest->gpu;
        }
        grant.members.push_back({i, gpus});
      });
    }
    return grant;
  };
  if (space.pool().share_nodes) {  // node after node, several members on each
    Grant grant;
    for (NodeIndex i = 0; i < space.nodes(); ++i) {
      Node node = space.node(i);
      if (!is_usable(space, request, i, true)) continue;
      while (space.fits(space.node(i), *request.demand) &&
             node.cpus_free >= request.demand->cpus_milli &&
             node.memory_free >= request.demand->memory_mib &&
             count(node.gpus_free) >= request.demand->gpus &&
             std::ssize(grant.members) < request.max_nodes) {
        Mask gpus = lowest(node.gpus_free, request.demand->gpus);
        if (request.demand->gpu_milli > 0)
          gpus = as_grant({{i / space.leaf_size(), Mask{1} << (i % space.leaf_size())}})
                     .members[0]
                     .gpus;
        grant.members.push_back({i, gpus});
        if (request.demand->gpu_milli > 0) break;
        node.cpus_free -= request.demand->cpus_milli;
        node.memory_free -= request.demand->memory_mib;
        node.gpus_free &= ~gpus;
      }
    }
    if (std::ssize(grant.members) < request.min_nodes) return std::nullopt;
    return grant;
  }
  if (space.fills(*request.demand)) {
    for (const auto& [kept, empty] : {std::pair(false, true), {true, true}, {true, false}}) {
      const NodeSet nodes = pick(space, free(space, request, kept, empty), request);
      if (!nodes.empty()) return as_grant(nodes);
    }
    return std::nullopt;
  }
  for (const bool kept : {false, true}) {
    if (request.max_nodes == 1) {
      if (auto grant = place_part(space, request, kept)) return grant;
      continue;
    }
    const NodeSet nodes = pick(space, free(space, request, kept, false), request);
    if (!nodes.empty()) return as_grant(nodes);
  }
  return std::nullopt;
}

}  // namespace mohona

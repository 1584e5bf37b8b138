#include "core/fleet/find.h"

#include <algorithm>

#include "core/fleet/spread.h"

namespace mohona {

Mask usable(const Space& space, const Request& request, Leaf leaf, bool kept) {
  Mask mask = space.taking_work(leaf) & request.featured(leaf);
  if (request.only_own) {
    mask &= request.own == 0 ? 0 : mask_of(space.held(request.own).nodes, leaf);
  }
  if ((mask & space.kept(leaf)) == 0) return mask;
  if (!kept && request.own == 0) return mask & ~space.kept(leaf);
  for (HoldSlot slot = 1; slot < space.tiers().size(); ++slot) {
    if (!space.tiers()[slot] || slot == request.own) continue;
    const Hold& other = space.tiers()[slot]->hold;
    if (!kept || request.end > other.start) mask &= ~mask_of(other.nodes, leaf);
  }
  return mask;
}

namespace {

using Leaves = std::vector<Segment>;  // candidates: leaves with their free nodes, by leaf
enum class Want { empty, fitting };

Mask free_in(const Space& space, const Request& request, Leaf leaf, bool kept, Want want) {
  ++space.leaves_visited;
  Mask mask = usable(space, request, leaf, kept);
  if (space.fills(*request.demand)) mask &= space.wide_open_in(leaf);
  Mask out = 0;
  for_bits(mask, [&](std::uint32_t place) {
    const Node& node = space.node(space.index(leaf, place));
    if (want == Want::empty ? space.is_empty(node) : space.fits(node, *request.demand)) {
      out |= Mask{1} << place;
    }
  });
  return out;
}

// Every leaf that has some of what is wanted, looked at one by one.
Leaves scan(const Space& space, const Request& request, bool kept, Want want) {
  Leaves out;
  const auto look = [&](Leaf leaf) {
    if (const Mask mask = free_in(space, request, leaf, kept, want)) out.push_back({leaf, mask});
  };
  if (want == Want::fitting) {
    const bool fills = space.fills(*request.demand);
    for (Leaf leaf = 0; leaf < space.leaves(); ++leaf) {
      if (!fills || space.wide_open_in(leaf) != 0) look(leaf);
    }
    return out;
  }
  // Only leaves with empty nodes: a few, where the fleet is full.
  std::vector<Leaf> leaves;
  for_usable_tiers(space, request, kept, [&](HoldSlot slot, const Space::Tier& tier) {
    for (Leaf i = 0; tier.index.total_empty() > 0 && i < tier.index.leaves(); ++i) {
      if (tier.index.empty(i) != 0) leaves.push_back(slot == 0 ? i : tier.leaves[i]);
    }
  });
  std::sort(leaves.begin(), leaves.end());
  leaves.erase(std::unique(leaves.begin(), leaves.end()), leaves.end());
  for (const Leaf leaf : leaves) look(leaf);
  return out;
}

// As many as fit between min and max, in whole segments.
std::int64_t size_for(const Request& request, std::int64_t have) {
  std::int64_t n = std::min(request.max_nodes, have);
  if (n < request.max_nodes && request.nearness.segment > 1) n -= n % request.nearness.segment;
  return n >= request.min_nodes ? n : 0;
}

// What a fast look at the open tier's index finds for work that fills nodes: the same as `choose`
// over all of its leaves.
NodeSet choose_open(const Space& space, const Request& request) {
  const LeafIndex& open = space.open();
  const std::int64_t n = request.max_nodes;
  if (n <= space.leaf_size()) {
    if (const Leaf leaf = open.tightest(n); leaf != no_leaf) {
      return {{leaf, lowest(open.empty(leaf), n)}};
    }
  }
  if (request.nearness.within == Level::leaf) return {};
  const auto within = [&](Leaf size, auto&& empty_of) -> NodeSet {
    if (size == 0) return {};
    const Leaf domains = (space.leaves() + size - 1) / size;
    Leaf best = no_leaf;
    for (Leaf d = 0; d < domains; ++d) {
      if (empty_of(d) >= n && (best == no_leaf || empty_of(d) < empty_of(best))) best = d;
    }
    if (best == no_leaf) return {};
    Leaves leaves;
    for (Leaf leaf = best * size; leaf < std::min(space.leaves(), (best + 1) * size); ++leaf) {
      ++space.leaves_visited;
      if (open.empty(leaf) != 0) leaves.push_back({leaf, open.empty(leaf)});
    }
    return fill(std::move(leaves), n, 1);
  };
  if (NodeSet out = within(space.leaves_in_block(), [&](Leaf b) { return space.block_empty(b); });
      !out.empty() || request.nearness.within == Level::block) {
    return out;
  }
  if (NodeSet out = within(space.leaves_in_fabric(), [&](Leaf f) { return space.fabric_empty(f); });
      !out.empty() || request.nearness.within == Level::fabric) {
    return out;
  }
  NodeSet out;
  std::int64_t rest = n;
  for (std::int64_t have = space.leaf_size(); have > 0 && rest > 0; --have) {
    const LeafBits& leaves = open.with_empty(have);
    for (Leaf leaf = leaves.first(); leaf != no_leaf && rest > 0; leaf = leaves.next(leaf + 1)) {
      ++space.leaves_visited;
      if (have <= rest) {
        out.push_back({leaf, open.empty(leaf)});
        rest -= have;
        continue;
      }
      // Not yet taken are the leaves from here on, and all narrower ones.
      Leaf last = leaf;
      for (std::int64_t enough = rest; enough < have; ++enough) {
        if (const Leaf found = open.with_empty(enough).first(); found != no_leaf) {
          last = found;
          break;
        }
      }
      out.push_back({last, lowest(open.empty(last), rest)});
      rest = 0;
    }
  }
  std::sort(out.begin(), out.end(),
            [](const Segment& a, const Segment& b) { return a.leaf < b.leaf; });
  return out;
}

Mask pick_gpus(const Space& space, NodeIndex i, const Demand& demand) {
  const Mask free = space.node(i).gpus_free;
  if (demand.gpu_milli == 0) return lowest(free, demand.gpus);
  const auto best = [&] {
    std::optional<Space::Shared> tightest;
    for (const Space::Shared& gpu : space.shared()) {
      if (gpu.node != i || gpu.milli_free < demand.gpu_milli) continue;
      if (!tightest || gpu < *tightest) tightest = gpu;
    }
    return tightest;
  }();
  return best ? Mask{1} << best->gpu : lowest(free, 1);
}

Grant to_grant(const Space& space, const Request& request, NodeSet nodes) {
  if (space.fills(*request.demand)) return {std::move(nodes), {}};
  Grant out;
  for (const Segment& segment : nodes) {
    for_bits(segment.nodes, [&](std::uint32_t place) {
      const NodeIndex i = space.index(segment.leaf, place);
      out.members.push_back({i, pick_gpus(space, i, *request.demand)});
    });
  }
  return out;
}

std::optional<Grant> find_shared_gpu(const Space& space, const Request& request, bool kept) {
  for (auto it = space.shared().lower_bound({request.demand->gpu_milli, 0, 0});
       it != space.shared().end(); ++it) {
    const Node& node = space.node(it->node);
    const Leaf leaf = it->node / space.leaf_size();
    if (!(usable(space, request, leaf, kept) >> (it->node % space.leaf_size()) & 1)) continue;
    if (node.cpus_free < request.demand->cpus_milli ||
        node.memory_free < request.demand->memory_mib) {
      continue;
    }
    return Grant{{}, {{it->node, Mask{1} << it->gpu}}};
  }
  return std::nullopt;
}

struct Spot {
  Cell cell = 0;
  NodeIndex node = 0;
  friend auto operator<=>(const Spot&, const Spot&) = default;
};

// The first node, by cell, of one tier on which the demand fits.
std::optional<Spot> tightest_in(const Space& space, const Request& request, HoldSlot slot,
                                bool kept) {
  const Space::Tier& tier = *space.tiers()[slot];
  const bool plain = slot == 0;  // its leaves are all leaves
  const Demand& demand = *request.demand;
  const Cell minor = space.minor_of(demand);
  std::size_t from = std::size_t{space.major_of(demand)} * Space::minors;
  for (; (from = tier.index.next_cell(from)) < tier.index.cells(); ++from) {
    if (from % Space::minors < minor) continue;
    const auto cell = static_cast<Cell>(from);
    const Grains grains = space.grains_for(demand, cell);
    for (Leaf i = tier.index.next_with(cell, grains, 0); i != no_leaf;
         i = tier.index.next_with(cell, grains, i + 1)) {
      ++space.leaves_visited;
      const Leaf leaf = plain ? i : tier.leaves[i];
      const Mask here = space.in_tier(leaf, slot);
      Mask mask = here;
      if (slot != 0 && slot == request.own) mask &= usable(space, request, leaf, kept);
      mask &= request.featured(leaf);
      for (; mask != 0; mask &= mask - 1) {
        const NodeIndex n = space.index(leaf, static_cast<std::uint32_t>(std::countr_zero(mask)));
        const Space::Key& key = space.key(n);
        if (key.cell != cell || !(grains >> key.grain & 1)) continue;
        if (space.fits(space.node(n), demand)) return Spot{cell, n};
      }
      Grains has = 0;
      for_bits(here, [&](std::uint32_t place) {
        const Space::Key& key = space.key(space.index(leaf, place));
        if (key.cell == cell) has |= Grains{1} << key.grain;
      });
      tier.index.correct(cell, i, has);
    }
  }
  return std::nullopt;
}

std::optional<Grant> find_part(const Space& space, const Request& request, bool kept) {
  if (request.demand->gpu_milli > 0) {
    if (auto grant = find_shared_gpu(space, request, kept)) return grant;
  }
  std::optional<Spot> best;
  for_usable_tiers(space, request, kept, [&](HoldSlot slot, const Space::Tier&) {
    const auto spot = tightest_in(space, request, slot, kept);
    if (spot && (!best || *spot < *best)) best = spot;
  });
  if (!best) return std::nullopt;
  const Mask gpus = request.demand->gpu_milli > 0
                        ? lowest(space.node(best->node).gpus_free, 1)
                        : lowest(space.node(best->node).gpus_free, request.demand->gpus);
  return Grant{{}, {{best->node, gpus}}};
}

// Several members may stand on one node: fills node after node.
std::int64_t members_on(const Space& space, const Node& node, const Demand& demand) {
  const auto times = [](std::int64_t free, std::int64_t unit) {
    return unit <= 0 ? INT64_MAX : std::max<std::int64_t>(free, 0) / unit;
  };
  if (!space.fits(node, demand)) return 0;
  if (demand.gpu_milli > 0) return 1;
  return std::min({times(node.cpus_free, demand.cpus_milli),
                   times(node.memory_free, demand.memory_mib),
                   times(count(node.gpus_free), demand.gpus)});
}

std::optional<Grant> pack(const Space& space, const Request& request) {
  Grant out;
  for (Leaf leaf = 0; leaf < space.leaves(); ++leaf) {
    for_bits(usable(space, request, leaf, true), [&](std::uint32_t place) {
      const NodeIndex i = space.index(leaf, place);
      Mask free = space.node(i).gpus_free;
      std::int64_t here = members_on(space, space.node(i), *request.demand);
      for (; here > 0 && std::ssize(out.members) < request.max_nodes; --here) {
        Mask gpus = lowest(free, request.demand->gpus);
        if (request.demand->gpu_milli > 0) gpus = pick_gpus(space, i, *request.demand);
        out.members.push_back({i, gpus});
        free &= ~gpus;
      }
    });
  }
  if (std::ssize(out.members) < request.min_nodes) return std::nullopt;
  return out;
}

}  // namespace

bool may_use_kept(const Space& space, const Request& request) {
  return std::any_of(space.tiers().begin() + 1, space.tiers().end(),
                     [&](const auto& tier) { return tier && request.end <= tier->hold.start; });
}

std::int64_t empty_nodes(const Space& space, const Request& request, bool kept) {
  std::int64_t total = 0;
  for_usable_tiers(space, request, kept,
                   [&](HoldSlot, const Space::Tier& tier) { total += tier.index.total_empty(); });
  return total;
}

namespace {

// No room for more than `most` nodes in the widest place: one that becomes free makes a segment of
// it at best.
Found too_few(const Request& request, std::int64_t most) {
  const std::int64_t s = std::max<std::int64_t>(1, request.nearness.segment);
  return {std::nullopt, std::max<std::int64_t>(1, (request.min_nodes - most + s - 1) / s)};
}

Found find_gang(const Space& space, const Request& request, bool kept, Want want) {
  const bool fast = !kept && want == Want::empty && !request.features &&
                    request.nearness.segment <= 1 && request.own == 0 && !request.only_own &&
                    request.min_nodes == request.max_nodes;
  if (fast) {
    if (space.open().total_empty() < request.max_nodes) {
      return too_few(request, space.open().total_empty());
    }
    NodeSet nodes = choose_open(space, request);
    if (nodes.empty()) return {};
    return {to_grant(space, request, std::move(nodes))};
  }
  const Leaves leaves = scan(space, request, kept, want);
  const std::int64_t have = most(space, leaves, request.nearness);
  const std::int64_t n = size_for(request, have);
  if (n == 0) return too_few(request, have);
  NodeSet nodes = choose(space, leaves, n, request.nearness);
  if (nodes.empty()) return {};
  return {to_grant(space, request, std::move(nodes))};
}

}  // namespace

Found look(const Space& space, const Request& request) {
  if (space.pool().share_nodes) return {pack(space, request)};
  const bool kept = may_use_kept(space, request);
  Found found;
  if (!space.fills(*request.demand)) {
    for (const bool also_kept : {false, true}) {
      if (also_kept && !kept) continue;
      found = request.max_nodes == 1 ? Found{find_part(space, request, also_kept)}
                                     : find_gang(space, request, also_kept, Want::fitting);
      if (found.grant) break;
    }
    return found;
  }
  // Where there is no room among the nodes that it may use, there is none in a part of them: what
  // is said of the last look holds for all.
  for (const bool also_kept : {false, true}) {
    if (also_kept && !kept) continue;
    const std::int64_t most = empty_nodes(space, request, also_kept);
    found = most < request.min_nodes ? too_few(request, most)
                                     : find_gang(space, request, also_kept, Want::empty);
    if (found.grant) return found;
  }
  if (space.tainted() == 0) return found;
  const std::int64_t most = empty_nodes(space, request, kept) + space.tainted();
  if (most < request.min_nodes) return too_few(request, most);
  return find_gang(space, request, kept, Want::fitting);
}

std::optional<Grant> find(const Space& space, const Request& request) {
  return look(space, request).grant;
}

std::int64_t room(const Space& space, const Request& request) {
  if (space.pool().share_nodes) {
    std::int64_t total = 0;
    for (Leaf leaf = 0; leaf < space.leaves(); ++leaf) {
      for_bits(usable(space, request, leaf, true), [&](std::uint32_t place) {
        const Node& node = space.node(space.index(leaf, place));
        total += std::min(members_on(space, node, *request.demand), request.max_nodes);
      });
    }
    return std::min(total, request.max_nodes);
  }
  const Leaves leaves = scan(space, request, true, Want::fitting);
  return std::min(most(space, leaves, request.nearness), request.max_nodes);
}

}  // namespace mohona

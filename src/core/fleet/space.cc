#include "core/fleet/space.h"

#include <algorithm>

namespace mohona {
namespace {

Mask all_gpus(const Shape& shape) {
  return shape.gpus >= 64 ? ~Mask{0} : (Mask{1} << shape.gpus) - 1;
}

// 16ths of a whole that are free, rounded down.
Cell sixteenths(std::int64_t free, std::int64_t whole) {
  if (whole <= 0) return 16;
  return static_cast<Cell>(std::clamp<std::int64_t>(free * 16 / whole, 0, 16));
}

// 128ths: eighths of those.
std::int64_t fine(std::int64_t free, std::int64_t whole) {
  if (whole <= 0) return 128;
  return std::clamp<std::int64_t>(free * 128 / whole, 0, 128);
}

// 8ths of all memory; all of it counts as seven.
std::int64_t eighths(std::int64_t free, std::int64_t whole) {
  if (whole <= 0) return 7;
  return std::clamp<std::int64_t>(free * 8 / whole, 0, 7);
}

constexpr Mask bit(std::uint32_t place) { return Mask{1} << place; }

}  // namespace

Space::Space(const Pool& pool) {
  tiers_.emplace_back(Tier{});
  define(pool);
}

void Space::define(const Pool& pool) {
  const Shape before = pool_.shape;
  const auto offered_before = static_cast<NodeIndex>(pool_.nodes);
  pool_ = pool;
  leaf_size_ =
      pool.topology.leaf > 0 ? static_cast<std::uint32_t>(pool.topology.leaf) : leaf_nodes_max;
  leaves_in_block_ = pool.topology.block > 0 ? static_cast<Leaf>(pool.topology.block) : 0;
  leaves_in_fabric_ =
      pool.topology.fabric > 0 ? leaves_in_block_ * static_cast<Leaf>(pool.topology.fabric) : 0;
  majors_ = pool.shape.gpus > 0 ? static_cast<Cell>(pool.shape.gpus + 1) : minors;
  const auto offered = static_cast<NodeIndex>(pool.nodes);
  for (NodeIndex i = 0; i < std::max(offered, nodes()); ++i) {
    if (i >= nodes()) resize(offered, before);
    Node& node = nodes_[i];
    node.cpus_free += pool.shape.cpus_milli - before.cpus_milli;
    node.memory_free += pool.shape.memory_mib - before.memory_mib;
    node.gpus_free =
        (node.gpus_free & all_gpus(pool.shape)) | (all_gpus(pool.shape) & ~all_gpus(before));
    // A node that is no longer offered is down; one that is offered again is up.
    if (i >= offered) {
      node.state = NodeState::down;
    } else if (i >= offered_before) {
      node.state = NodeState::up;
    }
  }
  rebuild();
}

// New nodes begin wholly free, of the shape that the others have.
void Space::resize(NodeIndex wanted, const Shape& shape) {
  Node fresh;
  fresh.cpus_free = shape.cpus_milli;
  fresh.memory_free = shape.memory_mib;
  fresh.gpus_free = all_gpus(shape);
  nodes_.resize(wanted, fresh);
  keys_.resize(wanted);
  changed_.resize(wanted);
}

// What runs or is kept may name nodes that the pool no longer offers: after a start, or when
// everything is made anew, they are not there yet.
void Space::cover(NodeIndex last) {
  const NodeIndex known = nodes();
  if (last < known) return;
  resize(last + 1, pool_.shape);
  for (NodeIndex i = known; i < nodes(); ++i) nodes_[i].state = NodeState::down;
  rebuild();
}

NodeIndex Space::last_of(const NodeSet& nodes) const {
  NodeIndex last = 0;
  for (const Segment& s : nodes) {
    if (s.nodes == 0) continue;
    last =
        std::max(last, index(s.leaf, static_cast<std::uint32_t>(63 - std::countl_zero(s.nodes))));
  }
  return last;
}

void Space::rebuild() {
  ++version_;
  leaves_ = (nodes() + leaf_size_ - 1) / leaf_size_;
  takes_work_.assign(leaves_, 0);
  kept_.assign(leaves_, 0);
  empty_.assign(leaves_, 0);
  tainted_in_.assign(leaves_, 0);
  leaf_changed_.assign(leaves_, 0);
  const auto groups = [&](Leaf size) { return size == 0 ? 1 : (leaves_ + size - 1) / size; };
  block_empty_.assign(groups(leaves_in_block_), 0);
  fabric_empty_.assign(groups(leaves_in_fabric_), 0);
  const std::size_t cells = std::size_t{majors_} * minors;
  tainted_ = 0;
  for (std::optional<Tier>& tier : tiers_) {
    if (!tier) continue;
    const bool is_open = &tier == &tiers_.front();
    tier->index =
        LeafIndex(is_open ? leaves_ : static_cast<Leaf>(tier->leaves.size()), leaf_size_, cells);
    for (const Segment& segment : tier->hold.nodes) kept_[segment.leaf] |= segment.nodes;
  }
  for (NodeIndex i = 0; i < nodes(); ++i) {
    nodes_[i].tier = tier_for(i);
    enter_index(i);
  }
  for (Leaf leaf = 0; leaf < leaves_; ++leaf) note_empty(leaf);
  features_.clear();
  for (const Feature& feature : pool_.features) {
    std::vector<Mask>& masks = features_[feature.name];
    masks.resize(leaves_, feature.nodes.empty() ? ~Mask{0} : 0);
    for (const Segment& s : to_set(feature.nodes, leaf_size_)) {
      if (s.leaf < leaves_) masks[s.leaf] |= s.nodes;
    }
  }
}

Cell Space::cell_of(const Node& node) const {
  const Shape& shape = pool_.shape;
  const Cell cpus = sixteenths(node.cpus_free, shape.cpus_milli);
  if (shape.gpus > 0) return static_cast<Cell>(count(node.gpus_free) * minors + cpus);
  return static_cast<Cell>(cpus * minors + sixteenths(node.memory_free, shape.memory_mib));
}

Cell Space::major_of(const Demand& demand) const {
  if (pool_.shape.gpus > 0) return static_cast<Cell>(demand.gpus + (demand.gpu_milli > 0 ? 1 : 0));
  return sixteenths(demand.cpus_milli, pool_.shape.cpus_milli);
}

Cell Space::minor_of(const Demand& demand) const {
  if (pool_.shape.gpus > 0) return sixteenths(demand.cpus_milli, pool_.shape.cpus_milli);
  return demand.memory_mib == 0 ? Cell{0} : sixteenths(demand.memory_mib, pool_.shape.memory_mib);
}

Grain Space::grain_of(const Node& node) const {
  const Shape& shape = pool_.shape;
  const std::int64_t memory = shape.gpus > 0 ? eighths(node.memory_free, shape.memory_mib)
                                             : fine(node.memory_free, shape.memory_mib) % 8;
  return static_cast<Grain>(fine(node.cpus_free, shape.cpus_milli) % 8 * 8 + memory);
}

Grains Space::grains_for(const Demand& demand, Cell cell) const {
  const Shape& shape = pool_.shape;
  const bool gpus = shape.gpus > 0;
  // The cell's 16ths, of which the grains are eighths.
  const std::int64_t cpus16 = gpus ? cell % minors : cell / minors;
  const std::int64_t cpus = fine(demand.cpus_milli, shape.cpus_milli) - cpus16 * 8;
  const std::int64_t memory = gpus ? eighths(demand.memory_mib, shape.memory_mib)
                                   : fine(demand.memory_mib, shape.memory_mib) - cell % minors * 8;
  if (demand.memory_mib > 0 && memory > 7) return 0;
  if (cpus > 7) return 0;
  // In each group of eight, one for each eighth of cores: memory from so much on.
  const Grains group = demand.memory_mib == 0 || memory <= 0 ? 0xff : (0xff << memory) & 0xff;
  const Grains every = group * 0x0101010101010101ULL;
  return cpus <= 0 ? every : every << (cpus * 8);
}

bool Space::fits(const Node& node, const Demand& demand) const {
  if (node.cpus_free < demand.cpus_milli || node.memory_free < demand.memory_mib) return false;
  if (demand.gpu_milli > 0) {
    if (node.gpus_free != 0) return true;
    const auto i = static_cast<NodeIndex>(&node - nodes_.data());
    for (auto it = shared_free_.lower_bound({i, 0});
         it != shared_free_.end() && it->first.first == i; ++it) {
      if (it->second >= demand.gpu_milli) return true;
    }
    return false;
  }
  return count(node.gpus_free) >= demand.gpus;
}

bool Space::fills(const Demand& demand) const {
  const Shape& shape = pool_.shape;
  if (pool_.share_nodes) return false;
  if (shape.gpus > 0) return demand.gpus == shape.gpus;
  return demand.cpus_milli >= shape.cpus_milli;
}

bool Space::wide_open(const Node& node) const {
  return pool_.shape.gpus > 0 ? count(node.gpus_free) == pool_.shape.gpus
                              : node.cpus_free >= pool_.shape.cpus_milli;
}

Leaf Space::local(const Tier& tier, Leaf leaf) const {
  if (&tier == &*tiers_.front()) return leaf;
  const auto found = std::lower_bound(tier.leaves.begin(), tier.leaves.end(), leaf);
  return static_cast<Leaf>(found - tier.leaves.begin());
}

// Takes the node out of the cell that it is in, before it changes.
void Space::leave_index(NodeIndex i) {
  const Node& node = nodes_[i];
  if (!takes_work(node)) return;
  Tier& tier = *tiers_[node.tier];
  const Leaf leaf = i / leaf_size_;
  tier.index.remove(local(tier, leaf), node.cell);
  takes_work_[leaf] &= ~bit(i % leaf_size_);
  if (is_empty(node)) {
    empty_[leaf] &= ~bit(i % leaf_size_);
  } else if (wide_open(node)) {
    --tainted_;
    tainted_in_[leaf] &= ~bit(i % leaf_size_);
  }
}

// Puts it where it belongs, after it changed; the caller then calls note_empty for its leaf.
void Space::enter_index(NodeIndex i) {
  Node& node = nodes_[i];
  changed_[i] = leaf_changed_[i / leaf_size_] = ++changes_;
  if (!takes_work(node)) return;
  node.cell = cell_of(node);
  Tier& tier = *tiers_[node.tier];
  const Leaf leaf = i / leaf_size_;
  keys_[i] = {node.cell, grain_of(node)};
  tier.index.add(local(tier, leaf), node.cell, keys_[i].grain);
  takes_work_[leaf] |= bit(i % leaf_size_);
  if (is_empty(node)) {
    empty_[leaf] |= bit(i % leaf_size_);
  } else if (wide_open(node)) {
    ++tainted_;
    tainted_in_[leaf] |= bit(i % leaf_size_);
  }
}

void Space::note_empty(Leaf leaf) {
  Tier& open_tier = *tiers_[0];
  const Mask now = empty_[leaf] & ~kept_[leaf];
  const std::int64_t change = count(now) - count(open_tier.index.empty(leaf));
  open_tier.index.set_empty(leaf, now);
  block_empty_[leaves_in_block_ == 0 ? 0 : leaf / leaves_in_block_] += change;
  fabric_empty_[leaves_in_fabric_ == 0 ? 0 : leaf / leaves_in_fabric_] += change;
  if (kept_[leaf] == 0) return;
  for (HoldSlot slot = 1; slot < tiers_.size(); ++slot) {
    if (!tiers_[slot]) continue;
    Tier& tier = *tiers_[slot];
    if (mask_of(tier.hold.nodes, leaf) == 0) continue;
    tier.index.set_empty(local(tier, leaf), empty_[leaf] & in_tier(leaf, slot));
  }
}

Mask Space::in_tier(Leaf leaf, HoldSlot slot) const {
  if (slot == 0) return takes_work_[leaf] & ~kept_[leaf];
  Mask mask = mask_of(tiers_[slot]->hold.nodes, leaf) & takes_work_[leaf];
  Mask here = 0;
  for_bits(mask, [&](std::uint32_t place) {
    if (nodes_[index(leaf, place)].tier == slot) here |= bit(place);
  });
  return here;
}

void Space::take_part(NodeIndex i, std::uint32_t gpu, std::int64_t milli) {
  const auto [it, fresh] = shared_free_.try_emplace({i, gpu}, 1'000);
  if (!fresh) shared_.erase({it->second, i, gpu});
  it->second -= milli;
  shared_.insert({it->second, i, gpu});
  nodes_[i].gpus_free &= ~bit(gpu);
}

void Space::give_part(NodeIndex i, std::uint32_t gpu, std::int64_t milli) {
  const auto it = shared_free_.find({i, gpu});
  shared_.erase({it->second, i, gpu});
  it->second += milli;
  if (it->second < 1'000) {
    shared_.insert({it->second, i, gpu});
    return;
  }
  shared_free_.erase(it);
  nodes_[i].gpus_free |= bit(gpu) & all_gpus(pool_.shape);
}

void Space::take(const Grant& grant, const Demand& demand, OccupantId who) {
  const auto occupy = [&](NodeIndex i, Mask gpus) {
    leave_index(i);
    Node& node = nodes_[i];
    node.cpus_free -= demand.cpus_milli;
    node.memory_free -= demand.memory_mib;
    if (demand.gpu_milli > 0) {
      take_part(i, static_cast<std::uint32_t>(std::countr_zero(gpus)), demand.gpu_milli);
    } else {
      node.gpus_free &= ~gpus;
    }
    if (node.sole == nobody) {
      node.sole = who;
    } else {
      node.more.push_back(who);
    }
    enter_index(i);
  };
  NodeIndex last = last_of(grant.whole);
  for (const Member& member : grant.members) last = std::max(last, member.node);
  cover(last);
  for (const Segment& segment : grant.whole) {
    for_bits(segment.nodes, [&](std::uint32_t place) {
      occupy(index(segment.leaf, place), all_gpus(pool_.shape));
    });
    note_empty(segment.leaf);
  }
  for (const Member& member : grant.members) {
    occupy(member.node, member.gpus);
    note_empty(member.node / leaf_size_);
  }
}

void Space::give_back(const Grant& grant, const Demand& demand, OccupantId who) {
  const auto vacate = [&](NodeIndex i, Mask gpus) {
    leave_index(i);
    Node& node = nodes_[i];
    node.cpus_free += demand.cpus_milli;
    node.memory_free += demand.memory_mib;
    if (demand.gpu_milli > 0) {
      give_part(i, static_cast<std::uint32_t>(std::countr_zero(gpus)), demand.gpu_milli);
    } else {
      node.gpus_free |= gpus & all_gpus(pool_.shape);
    }
    if (const auto found = std::find(node.more.begin(), node.more.end(), who);
        found != node.more.end()) {
      *found = node.more.back();
      node.more.pop_back();
    } else {
      node.sole = nobody;
      if (!node.more.empty()) {
        node.sole = node.more.back();
        node.more.pop_back();
      }
    }
    if (node.state == NodeState::draining && node.sole == nobody) node.state = NodeState::down;
    enter_index(i);
  };
  for (const Segment& segment : grant.whole) {
    for_bits(segment.nodes, [&](std::uint32_t place) {
      vacate(index(segment.leaf, place), all_gpus(pool_.shape));
    });
    note_empty(segment.leaf);
  }
  for (const Member& member : grant.members) {
    vacate(member.node, member.gpus);
    note_empty(member.node / leaf_size_);
  }
}

void Space::set_state(NodeIndex i, NodeState state) {
  if (i >= nodes()) return;
  ++version_;
  leave_index(i);
  Node& node = nodes_[i];
  node.state = state == NodeState::draining && node.sole == nobody ? NodeState::down : state;
  enter_index(i);
  note_empty(i / leaf_size_);
}

void Space::set_foreign(NodeIndex i, const ForeignLoad& load) {
  if (i >= nodes()) return;
  leave_index(i);
  Node& node = nodes_[i];
  ForeignLoad& known = foreign_[i];
  node.cpus_free += known.cpus_milli - load.cpus_milli;
  node.memory_free += known.memory_mib - load.memory_mib;
  for (const std::int64_t gpu : known.devices) {
    node.gpus_free |= bit(static_cast<std::uint32_t>(gpu)) & all_gpus(pool_.shape);
  }
  for (const std::int64_t gpu : load.devices) {
    node.gpus_free &= ~bit(static_cast<std::uint32_t>(gpu));
  }
  known = load;
  node.foreign = load != ForeignLoad{};
  if (!node.foreign) foreign_.erase(i);
  enter_index(i);
  note_empty(i / leaf_size_);
}

// The hold on the node that begins first; 0: none.
HoldSlot Space::tier_for(NodeIndex i) const {
  const Leaf leaf = i / leaf_size_;
  if (!(kept_[leaf] & bit(i % leaf_size_))) return 0;
  HoldSlot first = 0;
  for (HoldSlot slot = 1; slot < tiers_.size(); ++slot) {
    if (!tiers_[slot] || !(mask_of(tiers_[slot]->hold.nodes, leaf) & bit(i % leaf_size_))) continue;
    const auto key = [&](HoldSlot s) {
      return std::pair(tiers_[s]->hold.start, tiers_[s]->hold.owner);
    };
    if (first == 0 || key(slot) < key(first)) first = slot;
  }
  return first;
}

HoldSlot Space::hold(Hold hold) {
  ++version_;
  cover(last_of(hold.nodes));
  HoldSlot slot = 1;
  while (slot < tiers_.size() && tiers_[slot]) ++slot;
  if (slot == tiers_.size()) tiers_.emplace_back();
  Tier tier{std::move(hold), {}, {}};
  for (const Segment& segment : tier.hold.nodes) tier.leaves.push_back(segment.leaf);
  tier.index =
      LeafIndex(static_cast<Leaf>(tier.leaves.size()), leaf_size_, std::size_t{majors_} * minors);
  tiers_[slot] = std::move(tier);
  for (const Segment& segment : tiers_[slot]->hold.nodes) {
    const Mask before = kept_[segment.leaf];
    for_bits(segment.nodes, [&](std::uint32_t place) {
      const NodeIndex i = index(segment.leaf, place);
      leave_index(i);
      kept_[segment.leaf] |= bit(place);
      nodes_[i].tier = before & bit(place) ? tier_for(i) : slot;
      enter_index(i);
    });
    note_empty(segment.leaf);
  }
  return slot;
}

void Space::unhold(HoldSlot slot) {
  ++version_;
  const NodeSet was = tiers_[slot]->hold.nodes;
  for (const Segment& segment : was) {
    for_bits(segment.nodes, [&](std::uint32_t place) { leave_index(index(segment.leaf, place)); });
  }
  tiers_[slot].reset();
  for (const Segment& segment : was) {
    kept_[segment.leaf] &= ~segment.nodes;
    for (const std::optional<Tier>& tier : tiers_) {
      if (tier && &tier != &tiers_.front()) {
        kept_[segment.leaf] |= mask_of(tier->hold.nodes, segment.leaf);
      }
    }
    for_bits(segment.nodes, [&](std::uint32_t place) {
      const NodeIndex i = index(segment.leaf, place);
      nodes_[i].tier = tier_for(i);
      enter_index(i);
    });
    note_empty(segment.leaf);
  }
}

std::optional<std::vector<Mask>> Space::with_features(const std::vector<std::string>& names) const {
  std::optional<std::vector<Mask>> out;
  for (const std::string& name : names) {
    const auto found = features_.find(name);
    if (found == features_.end()) return std::vector<Mask>(leaves_, 0);
    const bool everywhere = std::all_of(found->second.begin(), found->second.end(),
                                        [](Mask mask) { return mask == ~Mask{0}; });
    if (everywhere) continue;
    if (!out) out.emplace(leaves_, ~Mask{0});
    for (Leaf leaf = 0; leaf < leaves_; ++leaf) (*out)[leaf] &= found->second[leaf];
  }
  return out;
}

bool shape_takes(const Shape& shape, const Demand& demand) {
  return demand.cpus_milli <= shape.cpus_milli && demand.memory_mib <= shape.memory_mib &&
         demand.gpus + (demand.gpu_milli > 0 ? 1 : 0) <= shape.gpus &&
         (demand.gpus + demand.gpu_milli == 0 || demand.gpu.empty() || demand.gpu == shape.gpu);
}

Fraction part_of(const Shape& shape, const Demand& demand) {
  Fraction most{0, 1};
  const auto consider = [&](std::int64_t held, std::int64_t whole) {
    if (whole > 0 && held * most.whole > most.held * whole) most = {held, whole};
  };
  if (demand.gpu_milli > 0) {
    consider(demand.gpu_milli, shape.gpus * 1'000);
  } else {
    consider(demand.gpus, shape.gpus);
  }
  consider(demand.cpus_milli, shape.cpus_milli);
  consider(demand.memory_mib, shape.memory_mib);
  return most;
}

}  // namespace mohona

// The nodes of one pool: what is free on each, what is kept for whom, and the indexes by which a
// place is found.
//
// A node stands in one tier: the open one, or that of the hold on it that begins first. Work may
// use the open nodes, those held for itself, and those whose hold begins after it has ended.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/fleet/leaf_index.h"
#include "core/fleet/node_set.h"
#include "model/scheduling.h"

namespace mohona {

constexpr std::uint32_t leaf_nodes_max = 64;
constexpr std::int64_t gpus_per_node_max = 64;

using OccupantId = std::uint32_t;  // of an allocation, as the scheduler numbers them
constexpr OccupantId nobody = UINT32_MAX;

// A member of a gang that does not have its node to itself: its GPUs there. Work that asks for a
// part of one GPU names that GPU.
struct Member {
  NodeIndex node = 0;
  Mask gpus = 0;
  friend bool operator==(const Member&, const Member&) = default;
};

// Where a gang stands: whole nodes (all their GPUs), or members one by one.
struct Grant {
  NodeSet whole;
  std::vector<Member> members;
  std::int64_t nodes() const {
    return whole.empty() ? static_cast<std::int64_t>(members.size()) : count(whole);
  }
  friend bool operator==(const Grant&, const Grant&) = default;
};

// Calls f(node) for each node of the grant; for each member where two stand on one.
template <class F>
void for_nodes(const Grant& grant, std::uint32_t leaf_size, F&& f) {
  for (const Segment& segment : grant.whole) {
    for_bits(segment.nodes, [&](std::uint32_t place) {
      f(static_cast<NodeIndex>(segment.leaf * leaf_size + place));
    });
  }
  for (const Member& member : grant.members) f(member.node);
}

// Nodes kept from `start` on. Before, they take what will have ended by then.
struct Hold {
  std::uint64_t owner = 0;  // a number of the caller's; also breaks ties between equal starts
  bool window = false;      // maintenance or an advance reservation, not a gang
  NodeSet nodes;
  Timestamp start;
};
using HoldSlot = std::uint16_t;  // 0: no hold; the open tier

struct Node {
  std::int64_t cpus_free = 0, memory_free = 0;  // milli-cores, MiB; negative if the shape shrank
  Mask gpus_free = 0;                           // wholly free
  OccupantId sole = nobody;                     // one of the occupants
  Cell cell = 0;
  HoldSlot tier = 0;
  NodeState state = NodeState::up;
  bool foreign = false;          // others hold something here
  std::vector<OccupantId> more;  // the other occupants
};

class Space {
 public:
  explicit Space(const Pool& pool);

  // New numbers for the pool: what is held stays held, also on nodes no longer offered. The
  // topology of a pool that has occupants or holds must not change.
  void define(const Pool& pool);

  const Pool& pool() const { return pool_; }
  std::uint32_t leaf_size() const { return leaf_size_; }
  Leaf leaves() const { return leaves_; }
  Leaf leaves_in_block() const { return leaves_in_block_; }
  Leaf leaves_in_fabric() const { return leaves_in_fabric_; }
  const Node& node(NodeIndex i) const { return nodes_[i]; }
  NodeIndex nodes() const { return static_cast<NodeIndex>(nodes_.size()); }
  NodeIndex index(Leaf leaf, std::uint32_t place) const { return leaf * leaf_size_ + place; }

  void take(const Grant& grant, const Demand& demand, OccupantId who);
  void give_back(const Grant& grant, const Demand& demand, OccupantId who);
  void set_state(NodeIndex node, NodeState state);
  void set_foreign(NodeIndex node, const ForeignLoad& load);

  HoldSlot hold(Hold hold);
  void unhold(HoldSlot slot);
  const Hold& held(HoldSlot slot) const { return tiers_[slot]->hold; }

  // --- what is free
  bool takes_work(const Node& node) const { return node.state == NodeState::up; }
  bool is_empty(const Node& node) const {
    return node.sole == nobody && !node.foreign && takes_work(node);
  }
  bool fits(const Node& node, const Demand& demand) const;
  // The demand leaves no GPU (in a pool without GPUs: no core) of a node to others.
  bool fills(const Demand& demand) const;
  // Nodes of the leaf that take work, by tier.
  Mask in_tier(Leaf leaf, HoldSlot tier) const;
  Mask taking_work(Leaf leaf) const { return takes_work_[leaf]; }
  Mask kept(Leaf leaf) const { return kept_[leaf]; }

  // The open tier.
  const LeafIndex& open() const { return tiers_[0]->index; }
  std::int64_t block_empty(Leaf block) const { return block_empty_[block]; }
  std::int64_t fabric_empty(Leaf fabric) const { return fabric_empty_[fabric]; }

  struct Tier {
    Hold hold;
    std::vector<Leaf> leaves;  // of the index, in order; of the open tier: all, not listed
    LeafIndex index;
  };
  // By slot; nothing where a slot is free.
  const std::vector<std::optional<Tier>>& tiers() const { return tiers_; }

  // What a cell says: how many GPUs (16ths of the cores) are free, 16ths of the cores (memory).
  static constexpr Cell minors = 17;
  Cell majors() const { return majors_; }
  Cell major_of(const Demand& demand) const;
  Cell minor_of(const Demand& demand) const;
  // Within its cell, a node's grain says which eighth of a 16th of the cores is free (times 8), and
  // likewise of the memory; beside GPUs, which eighth of all memory.
  struct Key {
    Cell cell = 0;
    Grain grain = 0;
  };
  const Key& key(NodeIndex i) const { return keys_[i]; }
  // The grains of the cell in which the demand may fit.
  Grains grains_for(const Demand& demand, Cell cell) const;

  // GPUs of which a part is held, by what is free of them.
  struct Shared {
    std::int64_t milli_free = 0;
    NodeIndex node = 0;
    std::uint32_t gpu = 0;
    friend auto operator<=>(const Shared&, const Shared&) = default;
  };
  const std::set<Shared>& shared() const { return shared_; }

  // The nodes that have all of these features, by leaf: nothing when every node has.
  std::optional<std::vector<Mask>> with_features(const std::vector<std::string>& names) const;

  // Nodes that are not empty but whose GPUs (or cores) are all free: where work that needs none
  // goes beside the others, there may be many.
  std::int64_t tainted() const { return tainted_; }
  // Those of the leaf whose GPUs (or cores) are all free: only there work that fills nodes may go.
  Mask wide_open_in(Leaf leaf) const { return empty_[leaf] | tainted_in_[leaf]; }

  // How often node states, holds or the pool changed; not occupants.
  std::uint64_t version() const { return version_; }

  // When the node, or one of the leaf, changed last: a number that only grows. What was computed of
  // it under the same number still holds.
  std::uint64_t changed(NodeIndex i) const { return changed_[i]; }
  std::uint64_t leaf_changed(Leaf leaf) const { return leaf_changed_[leaf]; }

  // Calls f(gpu, milli_free) for each GPU of the node of which a part is held.
  template <class F>
  void for_parts(NodeIndex i, F&& f) const {
    for (auto it = shared_free_.lower_bound({i, 0});
         it != shared_free_.end() && it->first.first == i; ++it) {
      f(it->first.second, it->second);
    }
  }

  // Leaves looked at one by one, the work that no index saves; counted for benchmarks.
  mutable std::uint64_t leaves_visited = 0;

  template <class F>
  void for_occupants(const Node& node, F&& f) const {
    if (node.sole != nobody) f(node.sole);
    for (const OccupantId who : node.more) f(who);
  }

 private:
  void leave_index(NodeIndex i);
  void enter_index(NodeIndex i);
  void note_empty(Leaf leaf);
  HoldSlot tier_for(NodeIndex i) const;
  Leaf local(const Tier& tier, Leaf leaf) const;
  Cell cell_of(const Node& node) const;
  Grain grain_of(const Node& node) const;
  void resize(NodeIndex nodes, const Shape& shape);
  void cover(NodeIndex last);
  NodeIndex last_of(const NodeSet& nodes) const;
  bool wide_open(const Node& node) const;
  void rebuild();
  void take_part(NodeIndex i, std::uint32_t gpu, std::int64_t milli);
  void give_part(NodeIndex i, std::uint32_t gpu, std::int64_t milli);

  Pool pool_;
  std::uint32_t leaf_size_ = leaf_nodes_max;
  Leaf leaves_ = 0, leaves_in_block_ = 1, leaves_in_fabric_ = 1;
  Cell majors_ = minors;
  std::vector<Node> nodes_;
  std::vector<Key> keys_;  // by node, close together: they are looked at by the leaf
  std::vector<Mask> takes_work_, kept_, empty_, tainted_in_;  // by leaf; in any tier
  std::vector<std::optional<Tier>> tiers_;
  std::vector<std::int64_t> block_empty_, fabric_empty_;
  std::set<Shared> shared_;
  std::map<std::pair<NodeIndex, std::uint32_t>, std::int64_t> shared_free_;
  std::map<NodeIndex, ForeignLoad> foreign_;
  std::map<std::string, std::vector<Mask>> features_;
  std::int64_t tainted_ = 0;
  std::uint64_t version_ = 0, changes_ = 0;
  std::vector<std::uint64_t> changed_, leaf_changed_;  // by node, by leaf
};

// Whether one node of this shape, empty, takes the demand.
bool shape_takes(const Shape& shape, const Demand& demand);

// Whether it asks for no part of a core or of a GPU.
inline bool is_whole(const Demand& demand) {
  return demand.cpus_milli % 1'000 == 0 && demand.gpu_milli == 0;
}

// The part of a node that a demand holds: of its GPUs, cores or memory, whichever is the most.
Fraction part_of(const Shape& shape, const Demand& demand);

}  // namespace mohona

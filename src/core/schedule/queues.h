// The tree of queues: who may take how much, and whose turn it is.
//
// What a queue uses is counted in what it costs: micro-dollars an hour of everything that its
// running work holds. A queue may use its guarantee at any time, and of what others leave idle as
// much as its own borrowing limit and their lending limits allow. The nearer a queue is to its
// guarantee, the later its turn; above it, turns follow weights.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/scheduling.h"

namespace mohona {

using QueueIndex = std::uint32_t;
using Worth = std::int64_t;  // micro-dollars an hour

struct QueueNode {
  Queue queue;
  QueueIndex parent = 0;             // of the root: itself
  std::vector<QueueIndex> children;  // in the order of the fleet file
  Worth guarantee = 0;
  Worth limit = INT64_MAX;  // guarantee + what it may borrow
  Worth keep = 0;           // of its guarantee, what it does not lend
  Worth used = 0;           // by running work
  Worth held = 0;           // for blocked gangs that have nodes kept
  Worth unlent = 0;         // Σ over children: what they keep and do not use
  Worth taken() const { return used + held; }
};

class QueueTree {
 public:
  static constexpr QueueIndex root = 0;

  QueueTree() { define({}, 0); }

  // `total`: the worth of the whole fleet. Forgets what is used: the caller adds it again.
  void define(const std::vector<Queue>& queues, Worth total);

  // The leaf where jobs of this queue wait: undeclared names share one of their own, and without
  // any declared queues everything waits in the root.
  QueueIndex find(std::string_view name) const;
  const QueueNode& node(QueueIndex i) const { return nodes_[i]; }
  std::size_t size() const { return nodes_.size(); }
  Worth total() const { return nodes_[root].limit; }
  // The queue's name with those above it: "research/vision".
  std::string path(QueueIndex i) const;

  void add_used(QueueIndex leaf, Worth change) { add(leaf, change, 0); }
  void add_held(QueueIndex leaf, Worth change) { add(leaf, 0, change); }

  // The queue on the way to the root that does not allow so much more, and what it lacks.
  struct Block {
    QueueIndex queue = 0;
    Worth lacks = 0;
  };
  std::optional<Block> blocks(QueueIndex leaf, Worth more) const;

  // The same for every amount at once: for each queue on the way to the root, the leaf first, what
  // it allows at most. The first of those that allow less than an amount is the one that blocks it.
  struct Bound {
    QueueIndex queue = 0;
    Worth allows = 0;
  };
  void bounds(QueueIndex leaf, std::vector<Bound>& out) const;

  // How much more the leaf may take, at most `wanted`.
  Worth headroom(QueueIndex leaf, Worth wanted) const;

  // Whether it is a's turn before b's, two children of one queue.
  bool before(QueueIndex a, QueueIndex b) const;

  // --- who may take back from whom; see preempt.h
  // The children of the two leaves' lowest common queue on the way to each.
  struct Fork {
    QueueIndex a = 0, b = 0;
  };
  std::optional<Fork> fork(QueueIndex leaf_a, QueueIndex leaf_b) const;  // nothing: the same leaf

 private:
  void add(QueueIndex leaf, Worth used, Worth held);
  Worth kept_back(const QueueNode& node) const;
  std::vector<QueueNode> nodes_;
  bool root_bounded_ = false;  // a queue under the root does not lend all of its guarantee
};

}  // namespace mohona

// Whose turn it is: classes of waiting jobs that are to be looked at, by queue.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "core/schedule/needs.h"

namespace mohona {

using ClassId = std::uint32_t;

// Two lists of classes for each leaf queue: those to be looked at now, and those that are known to
// find no place but could have nodes kept for them.
class Turns {
 public:
  enum List { awake = 0, to_plan = 1 };

  void resize(std::size_t queues) {
    for (auto& list : lists_) list.assign(queues, {});
    for (auto& below : below_) below.assign(queues, 0);
  }

  void insert(List list, const QueueTree& tree, QueueIndex leaf, const Rank& head, ClassId id) {
    if (lists_[list][leaf].insert({head, id}).second) count(list, tree, leaf, 1);
  }
  void erase(List list, const QueueTree& tree, QueueIndex leaf, const Rank& head, ClassId id) {
    if (lists_[list][leaf].erase({head, id}) > 0) count(list, tree, leaf, -1);
  }

  struct Turn {
    ClassId id = 0;
    List list = awake;
  };
  // Down the tree, at each queue to the child whose turn it is; there the first in line.
  std::optional<Turn> next(const QueueTree& tree, bool also_to_plan) const {
    const auto waiting = [&](QueueIndex i) {
      return below_[awake][i] + (also_to_plan ? below_[to_plan][i] : 0) > 0;
    };
    QueueIndex at = QueueTree::root;
    if (!waiting(at)) return std::nullopt;
    while (!tree.node(at).children.empty()) {
      std::optional<QueueIndex> best;
      for (const QueueIndex child : tree.node(at).children) {
        if (waiting(child) && (!best || tree.before(child, *best))) best = child;
      }
      if (!best) break;  // jobs that waited in a queue which has been given children since
      at = *best;
    }
    const auto& now = lists_[awake][at];
    const auto& later = lists_[to_plan][at];
    if (also_to_plan && !later.empty() && (now.empty() || *later.begin() < *now.begin())) {
      return Turn{later.begin()->second, to_plan};
    }
    if (now.empty()) return std::nullopt;
    return Turn{now.begin()->second, awake};
  }

 private:
  void count(List list, const QueueTree& tree, QueueIndex leaf, std::int64_t change) {
    for (QueueIndex i = leaf;; i = tree.node(i).parent) {
      below_[list][i] += change;
      if (i == QueueTree::root) return;
    }
  }

  std::vector<std::set<std::pair<Rank, ClassId>>> lists_[2];
  std::vector<std::int64_t> below_[2];
};

}  // namespace mohona

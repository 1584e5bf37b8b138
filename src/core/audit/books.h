// The auditor's own books of what nodes and queues give: plain sums, kept apart from the
// scheduler's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/schedule/queues.h"
#include "model/attempt.h"
#include "model/fact.h"

namespace mohona {

// One pool, node by node.
class PoolBook {
 public:
  void define(const Pool& pool);
  void change(const NodeRanges& nodes, NodeState state);
  void load(std::int64_t node, const ForeignLoad& load) { foreign_[node] = load; }

  // What is wrong with giving these; empty: nothing.
  std::string take(const Demand& demand, const std::vector<Holding>& holdings);
  void give_back(const Demand& demand, const std::vector<Holding>& holdings);

  const Pool& pool() const { return pool_; }
  bool takes_work(std::int64_t node) const;
  bool reclaimed = false;

 private:
  struct Node {
    std::int64_t cpus = 0, memory = 0;
    std::map<std::int64_t, std::int64_t> gpus;  // thousandths held, by device
    NodeState state = NodeState::up;
  };
  Node& node(std::int64_t i);
  std::string excess(std::int64_t i) const;

  Pool pool_;
  std::vector<Node> nodes_;
  std::map<std::int64_t, ForeignLoad> foreign_;
};

// Queues, and what their running work is worth.
class QueueBook {
 public:
  void define(const std::vector<Queue>& queues);
  void set_total(Worth total) { total_ = total; }
  // The queue above its bound after this, in words; empty: none. `held`: what nodes kept for it
  // counted for until now; who takes no more than that takes nothing from anybody.
  std::string take(const std::string& queue, Worth worth, Worth held);
  void give_back(const std::string& queue, Worth worth);

 private:
  std::vector<std::size_t> way(const std::string& queue) const;  // from the leaf to the root
  Worth part(std::int64_t ppm) const;
  Worth kept_back(std::size_t i) const;

  struct Node {
    Queue queue;
    std::size_t parent = 0;
    bool leaf = true;
  };
  std::vector<Node> nodes_ = std::vector<Node>(1);  // the root first
  std::map<std::string, Worth> used_;               // by the queue that jobs name
  std::vector<Worth> sums_ = {0};                   // by node
  Worth total_ = 0;
};

// What an attempt costs, anew: price × time × nodes × part, half to even, in micro-dollars.
std::int64_t bill(const Attempt& attempt, Timestamp end);

}  // namespace mohona

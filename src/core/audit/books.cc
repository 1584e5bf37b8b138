#include "core/audit/books.h"

#include "base/wide.h"

namespace mohona {

// --- nodes
// ----------------------------------------------------------------------------------------

void PoolBook::define(const Pool& pool) {
  pool_ = pool;
  // What is no longer offered may still be held, and what was said of it stays true.
  if (std::ssize(nodes_) < pool.nodes) nodes_.resize(static_cast<std::size_t>(pool.nodes));
}

PoolBook::Node& PoolBook::node(std::int64_t i) { return nodes_.at(static_cast<std::size_t>(i)); }

void PoolBook::change(const NodeRanges& nodes, NodeState state) {
  for (const NodeRange& range : nodes) {
    for (std::int64_t i = range.first; i <= range.last && i < std::ssize(nodes_); ++i) {
      node(i).state = state;
    }
  }
}

bool PoolBook::takes_work(std::int64_t i) const {
  return i >= 0 && i < pool_.nodes && !reclaimed &&
         nodes_[static_cast<std::size_t>(i)].state == NodeState::up;
}

std::string PoolBook::excess(std::int64_t i) const {
  const Node& here = nodes_[static_cast<std::size_t>(i)];
  const auto found = foreign_.find(i);
  const ForeignLoad others = found == foreign_.end() ? ForeignLoad{} : found->second;
  const Shape& shape = pool_.shape;
  if (here.cpus + others.cpus_milli > shape.cpus_milli) {
    return fmt::format("node {} of {} gives {} of {} thousandths of cores", i, pool_.name,
                       here.cpus + others.cpus_milli, shape.cpus_milli);
  }
  if (here.memory + others.memory_mib > shape.memory_mib) {
    return fmt::format("node {} of {} gives {} of {} MiB", i, pool_.name,
                       here.memory + others.memory_mib, shape.memory_mib);
  }
  for (const auto& [gpu, milli] : here.gpus) {
    if (gpu < 0 || gpu >= shape.gpus) {
      return fmt::format("node {} of {} has no GPU {}", i, pool_.name, gpu);
    }
    if (milli > 1'000)
      return fmt::format("GPU {} of node {} of {} is given twice", gpu, i, pool_.name);
  }
  return {};
}

std::string PoolBook::take(const Demand& demand, const std::vector<Holding>& holdings) {
  std::string wrong;
  const auto say = [&](std::string what) {
    if (wrong.empty()) wrong = std::move(what);
  };
  if (reclaimed) say(fmt::format("{} was taken back by its cloud", pool_.name));
  const std::int64_t devices = demand.gpus + (demand.gpu_milli > 0 ? 1 : 0);
  for (const Holding& holding : holdings) {
    if (holding.node < 0 || holding.node >= std::ssize(nodes_)) {
      say(fmt::format("{} has no node {}", pool_.name, holding.node));
      continue;
    }
    if (!takes_work(holding.node)) {
      say(fmt::format("node {} of {} takes no work", holding.node, pool_.name));
    }
    if (std::ssize(holding.devices) != devices) {
      say(fmt::format("{} GPUs of node {} of {} are given where {} are asked",
                      holding.devices.size(), holding.node, pool_.name, devices));
    }
    Node& here = node(holding.node);
    here.cpus += demand.cpus_milli;
    here.memory += demand.memory_mib;
    for (const std::int64_t gpu : holding.devices) {
      here.gpus[gpu] += demand.gpu_milli > 0 ? demand.gpu_milli : 1'000;
    }
    say(excess(holding.node));
  }
  return wrong;
}

void PoolBook::give_back(const Demand& demand, const std::vector<Holding>& holdings) {
  for (const Holding& holding : holdings) {
    if (holding.node < 0 || holding.node >= std::ssize(nodes_)) continue;
    Node& here = node(holding.node);
    here.cpus -= demand.cpus_milli;
    here.memory -= demand.memory_mib;
    for (const std::int64_t gpu : holding.devices) {
      auto& milli = here.gpus[gpu];
      milli -= demand.gpu_milli > 0 ? demand.gpu_milli : 1'000;
      if (milli == 0) here.gpus.erase(gpu);
    }
  }
}

// --- queues
// ---------------------------------------------------------------------------------------

void QueueBook::define(const std::vector<Queue>& queues) {
  nodes_.assign(1, Node{});
  for (const Queue& queue : queues) nodes_.push_back({queue, 0, true});
  if (!queues.empty()) nodes_.push_back({});  // for names that nobody declared
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    for (std::size_t k = 1; k < nodes_.size(); ++k) {
      if (!nodes_[i].queue.parent.empty() && nodes_[k].queue.name == nodes_[i].queue.parent) {
        nodes_[i].parent = k;
      }
    }
    nodes_[nodes_[i].parent].leaf = false;
  }
  sums_.assign(nodes_.size(), 0);
  for (const auto& [queue, worth] : used_) {
    for (const std::size_t i : way(queue)) sums_[i] += worth;
  }
}

std::vector<std::size_t> QueueBook::way(const std::string& queue) const {
  std::size_t at = nodes_.size() - 1;
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    if (nodes_[i].queue.name == queue && nodes_[i].leaf && !queue.empty()) at = i;
  }
  std::vector<std::size_t> out = {at};
  while (at != 0) out.push_back(at = nodes_[at].parent);
  return out;
}

Worth QueueBook::part(std::int64_t ppm) const {
  return static_cast<Worth>(static_cast<Wide>(total_) * ppm / 1'000'000);
}

// Of its guarantee, what others may not have although it is idle.
Worth QueueBook::kept_back(std::size_t i) const {
  const Queue& queue = nodes_[i].queue;
  if (!queue.lend_ppm) return 0;
  return std::max<Worth>(0, part(queue.guarantee_ppm) - part(*queue.lend_ppm) - sums_[i]);
}

std::string QueueBook::take(const std::string& queue, Worth worth, Worth held) {
  used_[queue] += worth;
  const auto on_the_way = way(queue);
  for (const std::size_t i : on_the_way) sums_[i] += worth;
  if (worth <= held) return {};
  for (const std::size_t i : on_the_way) {
    const Queue& here = nodes_[i].queue;
    Worth kept = 0;
    for (std::size_t k = 1; k < nodes_.size(); ++k) {
      if (nodes_[k].parent == i) kept += kept_back(k);
    }
    // The nodes themselves bound the root, unless something of it is to be left idle.
    if (i == 0 ? kept == 0 : !here.borrow_ppm) continue;
    const Worth bound = i == 0 ? total_ : part(here.guarantee_ppm) + part(*here.borrow_ppm);
    if (sums_[i] + kept > bound) {
      return fmt::format("{} takes {} of {} micro-dollars an hour",
                         i == 0 ? "the fleet" : "queue " + here.name, sums_[i] + kept, bound);
    }
  }
  return {};
}

void QueueBook::give_back(const std::string& queue, Worth worth) {
  used_[queue] -= worth;
  for (const std::size_t i : way(queue)) sums_[i] -= worth;
}

// --- money
// ----------------------------------------------------------------------------------------

std::int64_t bill(const Attempt& attempt, Timestamp end) {
  const Duration time = std::max(Duration{0}, end - attempt.placed_at);
  const Wide above = static_cast<Wide>(attempt.price.nanos) * time.count() *
                     std::ssize(attempt.holdings) * attempt.part.held;
  const Wide below = static_cast<Wide>(3'600) * 1'000'000 * 1'000 * attempt.part.whole;
  const Wide whole = above / below, twice = (above % below) * 2;
  const bool up = twice > below || (twice == below && whole % 2 == 1);
  return static_cast<std::int64_t>(whole + (up ? 1 : 0));
}

}  // namespace mohona

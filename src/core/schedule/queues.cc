#include "core/schedule/queues.h"

#include <algorithm>
#include <map>

namespace mohona {
namespace {

__extension__ using Wide = __int128;

Worth part(Worth total, std::int64_t ppm) {
  return static_cast<Worth>(static_cast<Wide>(total) * ppm / 1'000'000);
}

}  // namespace

void QueueTree::define(const std::vector<Queue>& queues, Worth total) {
  nodes_.assign(1, QueueNode{});
  root_bounded_ = false;
  nodes_[root].limit = total;
  std::map<std::string_view, QueueIndex> index = {{"", root}};
  const auto append = [&](const Queue& queue) {
    QueueNode node;
    node.queue = queue;
    node.guarantee = part(total, queue.guarantee_ppm);
    if (queue.borrow_ppm) node.limit = node.guarantee + part(total, *queue.borrow_ppm);
    if (queue.lend_ppm) node.keep = node.guarantee - part(total, *queue.lend_ppm);
    nodes_.push_back(std::move(node));
  };
  for (const Queue& queue : queues) {
    index[queue.name] = static_cast<QueueIndex>(nodes_.size());
    append(queue);
  }
  if (!queues.empty()) append(Queue{});  // what names no declared queue
  for (QueueIndex i = 1; i < nodes_.size(); ++i) {
    const auto parent = index.find(nodes_[i].queue.parent);
    nodes_[i].parent = parent == index.end() ? root : parent->second;
    nodes_[nodes_[i].parent].children.push_back(i);
    nodes_[nodes_[i].parent].unlent += kept_back(nodes_[i]);
    if (nodes_[i].parent == root && nodes_[i].keep > 0) root_bounded_ = true;
  }
}

QueueIndex QueueTree::find(std::string_view name) const {
  if (nodes_.size() == 1) return root;
  for (QueueIndex i = 1; i + 1 < nodes_.size(); ++i) {
    if (nodes_[i].queue.name == name && nodes_[i].children.empty()) return i;
  }
  return static_cast<QueueIndex>(nodes_.size() - 1);
}

std::string QueueTree::path(QueueIndex i) const {
  if (i == root) return "the fleet";
  if (i + 1 == nodes_.size()) return "undeclared queues";
  std::string text = nodes_[i].queue.name;
  for (i = nodes_[i].parent; i != root; i = nodes_[i].parent) {
    text = nodes_[i].queue.name + "/" + text;
  }
  return text;
}

Worth QueueTree::kept_back(const QueueNode& node) const {
  return std::max<Worth>(0, node.keep - node.taken());
}

void QueueTree::add(QueueIndex leaf, Worth used, Worth held) {
  for (QueueIndex i = leaf;; i = nodes_[i].parent) {
    QueueNode& node = nodes_[i];
    const Worth before = kept_back(node);
    node.used += used;
    node.held += held;
    if (i == root) return;
    nodes_[node.parent].unlent += kept_back(node) - before;
  }
}

std::optional<QueueTree::Block> QueueTree::blocks(QueueIndex leaf, Worth more) const {
  Worth freed = 0;  // of what the child kept back, what it now uses itself
  for (QueueIndex i = leaf;; i = nodes_[i].parent) {
    const QueueNode& node = nodes_[i];
    // The nodes themselves bound the root, unless something of it is to be left idle.
    if (i == root ? root_bounded_ : node.limit != INT64_MAX) {
      const Worth over = node.taken() + more + node.unlent - freed - node.limit;
      // Priced nothing, it takes nothing from anybody.
      if (over > 0 && more > 0) return Block{i, over};
    }
    if (i == root) return std::nullopt;
    freed = std::min(kept_back(node), more);
  }
}

void QueueTree::bounds(QueueIndex leaf, std::vector<Bound>& out) const {
  out.clear();
  Worth kept = 0;  // by the child: of that it may take without taking from others
  for (QueueIndex i = leaf;; i = nodes_[i].parent) {
    const QueueNode& node = nodes_[i];
    if (i == root ? root_bounded_ : node.limit != INT64_MAX) {
      const Worth left = node.limit - node.taken() - node.unlent;
      out.push_back({i, left < 0 ? 0 : left + kept});
    }
    if (i == root) return;
    kept = kept_back(node);
  }
}

Worth QueueTree::headroom(QueueIndex leaf, Worth wanted) const {
  // Each level's bound is monotone in what is added.
  Worth low = 0, high = wanted;
  while (low < high) {
    const Worth middle = low + (high - low + 1) / 2;
    if (blocks(leaf, middle)) {
      high = middle - 1;
    } else {
      low = middle;
    }
  }
  return low;
}

bool QueueTree::before(QueueIndex a, QueueIndex b) const {
  const QueueNode& x = nodes_[a];
  const QueueNode& y = nodes_[b];
  const bool x_below = x.used < x.guarantee, y_below = y.used < y.guarantee;
  if (x_below != y_below) return x_below;
  const Worth x_share = x_below ? x.guarantee : x.queue.weight;
  const Worth y_share = y_below ? y.guarantee : y.queue.weight;
  const Wide left = static_cast<Wide>(x.used) * y_share,
             right = static_cast<Wide>(y.used) * x_share;
  return left != right ? left < right : a < b;
}

std::optional<QueueTree::Fork> QueueTree::fork(QueueIndex a, QueueIndex b) const {
  if (a == b) return std::nullopt;
  const auto way = [&](QueueIndex i) {
    std::vector<QueueIndex> out = {i};
    while (i != root) out.push_back(i = nodes_[i].parent);
    std::reverse(out.begin(), out.end());
    return out;
  };
  const auto x = way(a), y = way(b);
  std::size_t i = 0;
  while (i < x.size() && i < y.size() && x[i] == y[i]) ++i;
  if (i == x.size() || i == y.size()) return std::nullopt;
  return Fork{x[i], y[i]};
}

}  // namespace mohona

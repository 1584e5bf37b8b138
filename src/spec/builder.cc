#include "spec/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace mohona {
namespace {

void weigh(const SpecNode& node, std::size_t& nodes, std::size_t& bytes) {
  nodes += 1;
  bytes += node.text.size() + node.key.size();
  for (const SpecNode& child : node.children) weigh(child, nodes, bytes);
}

}  // namespace

bool NodeBuilder::spend(const SpecNode& node, Place place) {
  weigh(node, nodes_, bytes_);
  if (nodes_ <= nodes_max && bytes_ <= copied_bytes_max + text_bytes_max) return true;
  problems_.add(place, "the file holds too many values",
                fmt::format("expected at most {}, aliases written out", nodes_max));
  return false;
}

void NodeBuilder::place_under_key(SpecNode& node) const {
  if (frames_.empty()) return;
  const Frame& top = frames_.back();
  if (top.node.is_list()) {
    node.key = top.node.key;
  } else if (top.has_key) {
    node.key = top.key.text;
    node.key_place = top.key.place;
    // yaml-cpp puts an absent value where the next thing stands.
    if (node.is_null() || node.place.length == 0) node.place = node.key_place;
    for (SpecNode& child : node.children) {
      if (node.is_list()) child.key = node.key;  // of an alias: the name it has here
    }
  }
}

bool NodeBuilder::open(SpecNode::Type list_or_map, Place place, std::size_t anchor) {
  if (frames_.size() >= depth_max) {
    problems_.add(place, "this is nested too deeply",
                  fmt::format("expected at most {} levels", depth_max));
    return false;
  }
  SpecNode node;
  node.type = list_or_map;
  node.place = place;
  if (!spend(node, place)) return false;
  place_under_key(node);
  node.place.length = std::max<std::size_t>(node.place.length, 1);
  Frame frame;
  frame.node = std::move(node);
  frame.anchor = anchor;
  frames_.push_back(std::move(frame));
  return true;
}

void NodeBuilder::close() {
  SpecNode node = std::move(frames_.back().node);
  const std::size_t anchor = frames_.back().anchor;
  frames_.pop_back();
  if (node.is_map()) {
    merge(node);
    check_keys(node);
  }
  attach(std::move(node), anchor);
}

bool NodeBuilder::add(SpecNode node, std::size_t anchor) {
  if (!spend(node, node.place)) return false;
  if (node.text.find('\0') != std::string::npos) {
    problems_.add(node.place, "a text cannot hold a NUL", "expected a text without \\0");
    node.text.clear();
  }
  attach(std::move(node), anchor);
  return true;
}

bool NodeBuilder::alias(std::size_t anchor, Place place) {
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) {
    problems_.add(place, "this alias stands inside what it names",
                  "expected an alias of something that is complete");
    return false;
  }
  if (!spend(found->second, place)) return false;
  attach(found->second, 0);
  return true;
}

void NodeBuilder::attach(SpecNode node, std::size_t anchor) {
  place_under_key(node);
  if (anchor != 0) anchors_[anchor] = node;
  if (frames_.empty()) {
    root_ = std::move(node);
    return;
  }
  Frame& top = frames_.back();
  if (top.node.is_list()) {
    top.node.children.push_back(std::move(node));
  } else if (!top.has_key) {
    top.has_key = true;
    top.key_is_bad = !node.is_scalar();
    if (top.key_is_bad) problems_.add(node.place, "a key must be a word", "expected KEY: VALUE");
    top.key = std::move(node);
  } else {
    top.has_key = false;
    if (!top.key_is_bad) top.node.children.push_back(std::move(node));
  }
}

// YAML's `<<: *base`: the base's keys, except those that stand here themselves.
void NodeBuilder::merge(SpecNode& map) {
  const auto found = std::find_if(map.children.begin(), map.children.end(),
                                  [](const SpecNode& child) { return child.key == "<<"; });
  if (found == map.children.end()) return;
  const SpecNode base = std::move(*found);
  map.children.erase(found);
  if (map.children.size() > map_keys_max) return;
  if (!base.is_map() || base.children.size() > map_keys_max) {
    problems_.add(base.key_place, "'<<' merges a map", "expected an alias such as *defaults");
    return;
  }
  for (const SpecNode& child : base.children) {
    if (!map.find_written(child.key)) map.children.push_back(child);
  }
}

void NodeBuilder::check_keys(const SpecNode& map) {
  const auto& children = map.children;
  if (children.size() < 2) return;
  if (children.size() > map_keys_max) {
    problems_.add(map.place, fmt::format("this map has {} keys", children.size()),
                  fmt::format("expected at most {}", map_keys_max));
    return;
  }
  std::vector<std::size_t> order(children.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return children[a].key < children[b].key; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const SpecNode& again = children[order[i]];
    if (again.key != children[order[i - 1]].key) continue;
    problems_.add(again.key_place,
                  fmt::format("the key {} stands here twice", in_quotes(again.key)),
                  "expected each key once");
  }
}

SpecNode NodeBuilder::take() {
  anchors_.clear();
  return std::move(root_);
}

}  // namespace mohona

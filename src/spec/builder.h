// Puts a tree together from the events of a YAML or JSON parser, within the bounds of node.h.
#pragma once

#include <map>
#include <vector>

#include "spec/node.h"
#include "spec/problems.h"

namespace mohona {

// In a map, values come in turns: a key, then what stands under it. Each call returns false when
// a bound is passed; the mistake is noted, and the caller stops.
class NodeBuilder {
 public:
  explicit NodeBuilder(Problems& problems) : problems_(problems) {}

  // A place without length: it is shown at its key, if it has one.
  // `anchor`: a number under which `alias` finds the value again; 0 for none.
  bool open(SpecNode::Type list_or_map, Place place, std::size_t anchor = 0);
  void close();
  bool add(SpecNode scalar_or_null, std::size_t anchor = 0);
  bool alias(std::size_t anchor, Place place);  // a copy of an earlier value

  bool is_empty() const { return frames_.empty(); }  // what comes next is the top

  // The tree. The builder is empty again, but remembers what it has spent.
  SpecNode take();

 private:
  struct Frame {
    SpecNode node;
    std::size_t anchor = 0;
    SpecNode key;
    bool has_key = false;
    bool key_is_bad = false;
  };
  bool spend(const SpecNode& node, Place place);
  void place_under_key(SpecNode& node) const;
  void attach(SpecNode node, std::size_t anchor);
  void merge(SpecNode& map);
  void check_keys(const SpecNode& map);

  Problems& problems_;
  std::vector<Frame> frames_;
  SpecNode root_;
  std::map<std::size_t, SpecNode> anchors_;
  std::size_t nodes_ = 0, bytes_ = 0;
};

}  // namespace mohona

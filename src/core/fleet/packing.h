// Which node of a pool, and which of its GPUs, a single piece of work takes, by prices: the place
// where what is left over stays worth the most for the work that is known to arrive.
//
// The rule, for one node in one state (docs/scheduling.md says why):
//
//   outlook  the least, over the prices of a core that are tried, of: its free cores at that price,
//            plus for each GPU the best that work can make of what is free of it; plus its memory
//   waste    free parts of GPUs that a kind of work cannot use, on average over kinds of work
//   score    what the placement changes in both, less a little for GPUs left free
//
// Integers throughout. Scores are remembered for each node and demand, until the node changes.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "core/fleet/find.h"
#include "model/packing.h"

namespace mohona {

// What is free on a node, as far as scores look at it.
struct FreeParts {
  std::int64_t cpus_milli = 0, memory_mib = 0;
  std::int64_t whole = 0;            // GPUs wholly free
  std::vector<std::int64_t> shares;  // thousandths free of the others
};

// Why these prices cannot be used, because of what they hold; empty: they can.
std::string cannot_pack_by(const PackingPrices& prices);

// The prices as they apply to the nodes of one pool.
class ClassPrices {
 public:
  ClassPrices(const PackingPrices& prices, const Pool& pool);

  // In nanos of a GPU.
  std::int64_t outlook(const FreeParts& free) const;
  std::int64_t waste(const FreeParts& free) const;
  std::int64_t score(const Demand& demand, std::int64_t outlook_before, std::int64_t waste_before,
                     const FreeParts& after) const;

  // The best that work can make of so many thousandths of a GPU, at the core price of that number.
  std::int64_t value(std::size_t price, std::int64_t milli) const {
    return values_[static_cast<std::size_t>(milli) * core_prices_.size() + price];
  }

 private:
  struct Kind {  // that may run on these nodes and needs GPUs
    std::int64_t cpus_milli = 0, gpus = 0, gpu_milli = 0, often_ppm = 0;
  };
  std::vector<std::int64_t> core_prices_;
  std::vector<std::int64_t> values_;  // by thousandths, then price
  std::int64_t memory_price_ = 0, wanted_ = 0;
  std::vector<Kind> kinds_;
  std::int64_t elsewhere_ppm_ = 0;  // of work that cannot use these nodes' GPUs at all
};

// The scores of one pool's nodes.
class PoolScores {
 public:
  PoolScores(const PackingPrices& prices, const Pool& pool) : prices_(prices, pool) {}

  struct Best {
    std::int64_t score = 0;
    NodeIndex node = 0;
    Mask gpus = 0;
  };
  // The best place for one node's demand among the nodes that the request may use, `kept` ones too
  // if so; the lowest node and GPU of equal ones.
  std::optional<Best> best(const Space& space, const Request& request, bool kept);

 private:
  struct Scored {
    std::uint64_t as_of = 0;
    std::int64_t score = 0;
    Mask gpus = 0;
    bool fits = false;
  };
  struct LeafBest {
    std::uint64_t as_of = 0;
    std::optional<Best> best;  // of all that take work
  };
  // The last node without shared GPUs that was looked at: mostly many are alike.
  struct Plain {
    std::int64_t cpus = 0, memory = 0;
    Mask gpus = 0;
    std::optional<Scored> scored;
  };
  struct Memo {
    std::vector<Scored> nodes;
    std::vector<LeafBest> leaves;
    Plain plain;
  };
  struct Before {
    std::uint64_t as_of = 0;
    std::int64_t outlook = 0, waste = 0;
  };
  const Scored& scored(const Space& space, const Demand& demand, Memo& memo, NodeIndex i);
  Scored evaluate(const Space& space, const Demand& demand, NodeIndex i);

  ClassPrices prices_;
  std::vector<Before> before_;  // by node
  std::map<Demand, Memo> memos_;
  FreeParts free_, after_;  // kept for their memory
};

}  // namespace mohona

// How much of every node is free, and where a gang fits.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/fleet/space.h"
#include "model/attempt.h"
#include "model/record.h"

namespace mohona {

// What is held on one node.
struct NodeUse {
  std::int64_t cpus_milli = 0;
  std::int64_t memory_mib = 0;
  std::bitset<64> gpus;
};

// One pool and what is held on each of its nodes.
class PoolCapacity {
 public:
  explicit PoolCapacity(PoolRecord record) { define(std::move(record)); }

  const PoolRecord& record() const { return record_; }
  const Pool& pool() const { return record_.pool; }
  bool reclaimed() const { return record_.reclaimed_at.has_value(); }

  // New numbers for the pool; what is held stays held, also on nodes that are no longer offered.
  void define(PoolRecord record);

  // How many members of a gang fit now, counting up to `enough`.
  std::int64_t room(const Demand& demand, std::int64_t enough) const;

  // The first nodes that take the whole gang, or nothing at all.
  std::optional<std::vector<Holding>> find(const Demand& demand, std::int64_t nodes) const;

  // Marks what an attempt holds as held, or as free again.
  void take(const Attempt& attempt);
  void give_back(const Attempt& attempt);

  // Σ held over all nodes, for the pools' table.
  NodeUse used() const;
  std::int64_t gpus_used() const;

 private:
  std::int64_t members_that_fit(const NodeUse& use, const Demand& demand) const;

  PoolRecord record_;
  std::vector<NodeUse> nodes_;
};

}  // namespace mohona

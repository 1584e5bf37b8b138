#include "core/schedule/fit.h"

namespace mohona {
namespace {

bool matches(const std::string& wanted, const std::string& have) {
  return wanted.empty() || wanted == have;
}

// How many members the pool takes when nothing else runs there.
std::int64_t room_when_empty(const Pool& pool, const Demand& demand) {
  return PoolCapacity(PoolRecord{pool, {}, {}}).room(demand, INT64_MAX / 2);
}

}  // namespace

Fit check(const PoolCapacity& capacity, const Choice& choice, std::int64_t num_nodes) {
  const Pool& pool = capacity.pool();
  if (!matches(choice.cloud, pool.cloud) || !matches(choice.region, pool.region) ||
      !matches(choice.zone, pool.zone) || !matches(choice.instance_type, pool.shape.name)) {
    return {Barrier::place, 0};
  }
  if (choice.use_spot != (pool.purchase == Purchase::spot)) return {Barrier::purchase, 0};
  if (!shape_takes(pool.shape, choice.demand)) return {Barrier::shape, 0};
  const std::int64_t room = capacity.reclaimed() ? 0 : capacity.room(choice.demand, num_nodes);
  if (!capacity.reclaimed() && room >= num_nodes) return {Barrier::none, room};
  if (room_when_empty(pool, choice.demand) < num_nodes) return {Barrier::nodes, room};
  if (capacity.reclaimed()) return {Barrier::reclaimed, 0};
  return {Barrier::busy, room};
}

}  // namespace mohona

// Small fleets and work of every kind, made up by dice: what the scheduler is tried on.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/dice.h"
#include "core/schedule/scheduler.h"

namespace mohona {

template <class T>
T any_of(Dice& dice, const std::vector<T>& all) {
  return all[static_cast<std::size_t>(dice.below(std::ssize(all)))];
}

enum class Size { racks, halls };  // of a dozen nodes, or of up to 160

inline Pool any_pool(Dice& dice, int i, Size size = Size::racks) {
  Pool pool;
  pool.name = fmt::format("p{}", i);
  pool.cloud = dice.one_in(2) ? "aws" : "gcp";
  pool.shape.name = "s";
  pool.shape.gpus = any_of<std::int64_t>(dice, {0, 2, 4});
  pool.shape.gpu = pool.shape.gpus > 0 ? "h100" : "";
  pool.shape.cpus_milli = any_of<std::int64_t>(dice, {4'000, 8'000});
  pool.shape.memory_mib = any_of<std::int64_t>(dice, {0, 4'096});
  pool.nodes = size == Size::racks ? dice.between(1, 12) : dice.between(30, 160);
  pool.price = Price{dice.between(0, 3) * 1'000'000'000};
  if (!dice.one_in(3)) {
    pool.topology.leaf = size == Size::racks ? dice.between(1, 4) : dice.between(4, 64);
    if (!dice.one_in(3)) pool.topology.block = dice.between(1, 2);
    if (pool.topology.block > 0 && dice.one_in(2)) pool.topology.fabric = 2;
  }
  if (dice.one_in(3)) {
    const std::int64_t first = dice.below(pool.nodes);
    pool.features.push_back({"ib", {{first, dice.between(first, pool.nodes - 1)}}});
  }
  pool.share_nodes = dice.one_in(12);
  return pool;
}

inline std::vector<Queue> any_queues(Dice& dice) {
  if (dice.one_in(3)) return {};
  std::vector<Queue> queues;
  for (const char* name : {"a", "b", "a1", "a2"}) {
    Queue queue;
    queue.name = name;
    if (std::string(name).size() == 2) queue.parent = "a";
    queue.guarantee_ppm = any_of<std::int64_t>(dice, {0, 200'000, 400'000});
    if (std::string(name).size() == 2) queue.guarantee_ppm /= 2;
    if (dice.one_in(3)) queue.borrow_ppm = any_of<std::int64_t>(dice, {0, 200'000});
    if (dice.one_in(3)) queue.lend_ppm = queue.guarantee_ppm / 2;
    queue.weight = dice.between(1, 3);
    queues.push_back(queue);
  }
  if (dice.one_in(2)) queues.resize(2);
  return queues;
}

inline Needs any_needs(Dice& dice, Size size = Size::racks) {
  Needs needs;
  needs.queue = any_of<std::string>(dice, {"a", "b", "a1", "a2", "b"});
  needs.priority = dice.below(3);
  Choice choice;
  choice.demand.gpus = any_of<std::int64_t>(dice, {0, 0, 1, 2, 4});
  if (dice.one_in(8)) choice.demand.gpus = 0, choice.demand.gpu_milli = dice.between(1, 9) * 100;
  choice.demand.cpus_milli = any_of<std::int64_t>(dice, {500, 1'000, 4'000, 8'000});
  if (dice.one_in(4)) choice.demand.memory_mib = 1'024;
  needs.choices = {choice};
  if (dice.one_in(5)) {
    Choice other = choice;
    other.cloud = "gcp";
    other.speed_milli = 500;
    needs.choices.push_back(other);
    needs.ordered = dice.one_in(2);
  }
  needs.max_nodes = any_of<std::int64_t>(dice, {1, 1, 1, 2, 3, 4, 6});
  if (size == Size::halls) needs.max_nodes *= any_of<std::int64_t>(dice, {1, 4, 12, 24});
  needs.min_nodes = needs.max_nodes;
  if (dice.one_in(6)) needs.min_nodes = dice.between(1, needs.max_nodes);
  if (dice.one_in(4)) needs.nearness.within = static_cast<Level>(dice.below(4));
  if (dice.one_in(6)) needs.nearness.prefer = static_cast<Level>(dice.below(4));
  if (needs.max_nodes % 2 == 0 && needs.min_nodes == needs.max_nodes && dice.one_in(4)) {
    needs.nearness.segment = 2;
  }
  if (dice.one_in(6)) needs.features = {"ib"};
  if (dice.one_in(12)) needs.reservation = any_of<std::string>(dice, {"w0", "w1"});
  if (!dice.one_in(3)) needs.limit = round_limit(std::chrono::seconds(dice.between(1, 40)));
  return needs;
}

inline PackingPrices any_prices(Dice& dice, const std::vector<Pool>& pools) {
  PackingPrices prices;
  for (const Pool& pool : pools) {
    if (dice.one_in(6)) continue;
    prices.classes.push_back({pool.name, dice.below(3) * 50'000, dice.below(2) * 100'000'000});
  }
  if (dice.one_in(2)) std::reverse(prices.classes.begin(), prices.classes.end());
  for (std::int64_t i = dice.below(6); i > 0; --i) {
    PackingType type{dice.between(1, 8) * 500, dice.below(2) * 1'024, 0, 0, {}, 0, 0};
    if (dice.one_in(2)) {
      type.gpu_milli = dice.between(1, 9) * 100;
    } else {
      type.gpus = dice.below(5);
    }
    if (dice.one_in(4)) type.models = {any_of<std::string>(dice, {"h100", "a100"})};
    type.gain = dice.between(0, 1'500) * 1'000'000;
    type.often_ppm = dice.below(2) * 200'000;
    prices.types.push_back(type);
  }
  for (std::int64_t i = dice.below(4); i > 0; --i) prices.core_prices.push_back(i * i * 10'000);
  return prices;
}

}  // namespace mohona

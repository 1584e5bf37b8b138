// Outlook, waste and scores against the same said slowly.
#include "core/fleet/packing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace mohona {
namespace {

Pool pool_of(Shape shape, std::int64_t nodes = 4) {
  Pool pool;
  pool.name = "hall";
  pool.shape = std::move(shape);
  pool.nodes = nodes;
  return pool;
}

const Shape four_gpus{"", 32'000, 65'536, "l4", 4};

std::int64_t draw(std::int64_t n) { return *rc::gen::inRange<std::int64_t>(0, n); }

PackingPrices any_prices() {
  PackingPrices prices;
  prices.classes = {{"hall", draw(3) * 1'000, draw(2) * 50'000'000}};
  for (std::int64_t i = draw(6); i > 0; --i) {
    PackingType type{draw(9) * 1'000, draw(3) * 4'096, 0, 0, {}, draw(1'500) * 1'000'000, 0};
    if (draw(3) == 0) {
      type.gpus = draw(5);
    } else {
      type.gpu_milli = 50 + draw(19) * 50;
    }
    if (draw(4) == 0) type.models = {draw(2) == 0 ? "l4" : "h100"};
    type.often_ppm = draw(2) * 100'000;
    prices.types.push_back(type);
  }
  for (std::int64_t i = 1 + draw(3); i > 0; --i) prices.core_prices.push_back(draw(50) * 1'000);
  return prices;
}

// Every way to fill what is left of a GPU, one piece after another.
std::int64_t fill(const std::vector<std::pair<std::int64_t, std::int64_t>>& pieces,
                  std::size_t from, std::int64_t milli) {
  std::int64_t best = 0;
  for (std::size_t i = from; i < pieces.size(); ++i) {
    const auto [size, profit] = pieces[i];
    if (size <= milli) best = std::max(best, profit + fill(pieces, i, milli - size));
  }
  return best;
}

RC_GTEST_PROP(Packing, TablesAreKnapsacks, ()) {
  const PackingPrices prices = any_prices();
  RC_ASSERT(cannot_pack_by(prices).empty());
  const ClassPrices table(prices, pool_of(four_gpus));
  const std::int64_t milli = 50 * draw(21);
  for (std::size_t l = 0; l < prices.core_prices.size(); ++l) {
    std::vector<std::pair<std::int64_t, std::int64_t>> pieces;
    for (const PackingType& type : prices.types) {
      if (type.gpus > 4 || type.gpus + type.gpu_milli == 0) continue;
      if (!type.models.empty() && type.models[0] != "l4") continue;
      const std::int64_t profit = type.gain - prices.classes[0].memory_price * type.memory_mib -
                                  prices.core_prices[l] * type.cpus_milli;
      if (profit > 0) {
        pieces.emplace_back(type.gpus > 0 ? 1'000 : type.gpu_milli,
                            type.gpus > 0 ? profit / type.gpus : profit);
      }
    }
    RC_ASSERT(table.value(l, milli) == fill(pieces, 0, milli));
  }
}

// Whatever is placed and ends, what is remembered is what a fresh look finds.
RC_GTEST_PROP(Packing, RemembersOnlyWhatStillHolds, ()) {
  const PackingPrices prices = any_prices();
  const Pool pool = pool_of(four_gpus, 1 + draw(6));
  Space space(pool);
  PoolScores kept(prices, pool);
  std::vector<std::pair<Grant, Demand>> live;
  for (int step = 0; step < 40; ++step) {
    Demand demand{draw(5) * 2'000, draw(3) * 4'096, "", draw(5), 0};
    if (draw(2) == 0) demand.gpus = 0, demand.gpu_milli = 100 * (1 + draw(9));
    Request request;
    request.demand = &demand;
    const auto found = kept.best(space, request, false);
    const auto fresh = PoolScores(prices, pool).best(space, request, false);
    RC_ASSERT(found.has_value() == fresh.has_value());
    RC_ASSERT(found.has_value() == find(space, request).has_value());
    if (found) {
      RC_ASSERT(std::tie(found->score, found->node, found->gpus) ==
                std::tie(fresh->score, fresh->node, fresh->gpus));
      live.emplace_back(Grant{{}, {{found->node, found->gpus}}}, demand);
      space.take(live.back().first, demand, static_cast<OccupantId>(step));
    }
    if (draw(6) == 0) {
      space.set_state(static_cast<NodeIndex>(draw(pool.nodes)),
                      draw(2) == 0 ? NodeState::up : NodeState::cordoned);
    }
  }
}

// Two kinds of work: 0.6 of a GPU, and 0.4 that fills it up.
PackingPrices halves() {
  PackingPrices prices;
  prices.classes = {{"hall", 0, 0}};
  prices.types = {{1'000, 0, 0, 600, {}, 600'000'000, 500'000},
                  {1'000, 0, 0, 400, {}, 400'000'000, 500'000}};
  prices.core_prices = {0, 10'000};
  return prices;
}

TEST(Packing, WasteIsWhatAverageWorkCannotUse) {
  const ClassPrices prices(halves(), pool_of(four_gpus));
  EXPECT_EQ(prices.waste({32'000, 0, 2, {}}), 0);
  // 0.3 of a GPU is of use to neither.
  EXPECT_EQ(prices.waste({32'000, 0, 0, {300}}), 300'000'000);
  // 0.5 is for one half of the work.
  EXPECT_EQ(prices.waste({32'000, 0, 1, {500}}), 250'000'000);
  // Without cores all of it is.
  EXPECT_EQ(prices.waste({500, 0, 1, {500}}), 1'500'000'000);
}

TEST(Packing, TheOutlookIsLimitedByCores) {
  const ClassPrices prices(halves(), pool_of(four_gpus));
  EXPECT_EQ(prices.outlook({32'000, 0, 4, {}}), 4 * whole_gpu_nanos);
  // Three cores for four GPUs: at 0.01 GPU a core, less what each kind pays for its core.
  EXPECT_EQ(prices.outlook({3'000, 0, 4, {}}),
            3'000 * 10'000 + 4 * (whole_gpu_nanos - 2 * 1'000 * 10'000));
}

TEST(Packing, ScoresPreferWhatLeavesTheOthersTheirPlace) {
  Space space(pool_of(four_gpus, 2));
  PoolScores scores(halves(), space.pool());
  const auto place = [&](std::int64_t milli) {
    const Demand demand{1'000, 0, "", 0, milli};
    Request request;
    request.demand = &demand;
    const auto best = scores.best(space, request, false);
    space.take({{}, {{best->node, best->gpus}}}, demand, 1);
    return std::pair(best->node, best->gpus);
  };
  EXPECT_EQ(place(600), std::pair(NodeIndex{0}, Mask{1}));
  EXPECT_EQ(place(600), std::pair(NodeIndex{0}, Mask{2}));
  EXPECT_EQ(place(400), std::pair(NodeIndex{0}, Mask{1}));
  // 0.2 would spoil the 0.4 that is left of GPU 1; of a fresh one it leaves 0.4 twice.
  EXPECT_EQ(place(200), std::pair(NodeIndex{0}, Mask{4}));
  EXPECT_EQ(place(400), std::pair(NodeIndex{0}, Mask{2}));
}

TEST(Packing, PricesOutOfBoundsAreRefused) {
  EXPECT_EQ(cannot_pack_by(halves()), "");
  PackingPrices prices = halves();
  prices.types[0].gpus = 1;  // and a part of one
  EXPECT_EQ(cannot_pack_by(prices), "those of a type of work are out of bounds");
  prices = halves();
  prices.classes[0].memory_price = -1;
  EXPECT_EQ(cannot_pack_by(prices), "those of pool 'hall' are out of bounds");
  prices = halves();
  prices.core_prices.assign(100, 0);
  EXPECT_EQ(cannot_pack_by(prices), "there are too many");
}

}  // namespace
}  // namespace mohona

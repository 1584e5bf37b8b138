// A plan is the earliest that there is: on small fleets every instant at which something becomes
// free is tried.
#include "core/schedule/plan.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/seeds.h"
#include "core/fleet/spread.h"
#include "core/schedule/random_work.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

const Demand whole_node{8'000, 0, "h100", 8, 0};
constexpr Timestamp now{};

// Some nodes are taken until an instant or for good, some kept for others or to be given up soon.
struct Hall {
  explicit Hall(Dice& dice) {
    const auto draw = [&](std::int64_t n) { return dice.below(n); };
    Pool pool;
    pool.name = "hall";
    pool.nodes = 1 + draw(10);
    pool.shape = {"s", 8'000, 0, "h100", 8};
    pool.topology.leaf = 1 + draw(4);
    pool.topology.block = draw(3);
    space.emplace(pool);
    for (NodeIndex i = 0; i < space->nodes(); ++i) {
      if (draw(6) == 0) space->set_state(i, NodeState::down);
      if (draw(3) == 0) continue;
      Running run;
      run.id = {JobId{i + 1}, 0, 1};
      run.demand = whole_node;
      append(run.grant.whole, i, space->leaf_size());
      run.live = true;
      run.endless = draw(6) == 0;
      if (draw(3)) run.end = now + draw(9) * 1h;
      run.expected = std::min(run.end, now + draw(9) * 1h);
      space->take(run.grant, run.demand, static_cast<OccupantId>(running.size()));
      running.push_back(run);
    }
    for (std::int64_t i = draw(3); i > 0; --i) {
      const auto first = static_cast<NodeIndex>(draw(space->nodes()));
      const NodeIndex last = first + static_cast<NodeIndex>(draw(3));
      NodeSet nodes;
      for (NodeIndex n = first; n < std::min(space->nodes(), last + 1); ++n) {
        append(nodes, n, space->leaf_size());
      }
      space->hold({static_cast<std::uint64_t>(i), draw(2) == 0, nodes, now + draw(12) * 1h});
    }
  }

  // From when on the node is free and, for work of that limit, until when it may begin there.
  // Nothing: never, or other gangs have it.
  std::optional<std::pair<Timestamp, Timestamp>> free(NodeIndex i, Duration limit) const {
    const Node& node = space->node(i);
    if (!space->takes_work(node)) return std::nullopt;
    Timestamp from = now, until = Timestamp::max();
    if (node.sole != nobody) {
      const Running& run = running[node.sole];
      if (run.endless) return std::nullopt;
      from = std::max(now, run.certain() ? run.end : run.expected);
    }
    const Mask bit = Mask{1} << (i % space->leaf_size());
    for (HoldSlot slot = 1; slot < space->tiers().size(); ++slot) {
      const Hold& hold = space->held(slot);
      if (!(mask_of(hold.nodes, i / space->leaf_size()) & bit)) continue;
      if (!hold.window || limit == Duration::max()) return std::nullopt;
      until = std::min(until, hold.start - limit);
    }
    return std::pair(from, until);
  }

  // Whether so many nodes are free at that instant, near each other as is asked.
  bool has_room(Timestamp at, const Request& request, Duration limit) const {
    const Leaf size = domain_size(*space, request.nearness.within);
    const std::int64_t s = request.nearness.segment;
    std::map<Leaf, std::map<Leaf, std::int64_t>> domains;
    for (NodeIndex i = 0; i < space->nodes(); ++i) {
      const auto node = free(i, limit);
      const Leaf leaf = i / space->leaf_size();
      if (node && node->first <= at && at <= node->second) {
        ++domains[size == 0 ? 0 : leaf / size][leaf];
      }
    }
    return std::any_of(domains.begin(), domains.end(), [&](const auto& domain) {
      std::int64_t nodes = 0;
      for (const auto& [leaf, n] : domain.second) nodes += n / s * s;
      return nodes >= request.min_nodes;
    });
  }

  std::optional<Space> space;
  std::vector<Running> running;
};

void check(Dice dice) {
  const Hall hall(dice);
  const Space& space = *hall.space;
  Request request;
  request.demand = &whole_node;
  request.nearness.segment = any_of<std::int64_t>(dice, {1, 1, 2, 3});
  request.nearness.within = any_of<Level>(dice, {Level::leaf, Level::block, Level::anywhere});
  if (space.leaves_in_block() == 0 && request.nearness.within == Level::block) return;
  request.min_nodes = request.max_nodes = request.nearness.segment * dice.between(1, 4);
  const Duration limit = dice.one_in(4) ? Duration::max() : dice.below(6) * 1h;

  std::set<Timestamp> instants = {now};
  std::vector<Vacancy> vacancies;
  for (NodeIndex i = 0; i < space.nodes(); ++i) {
    vacancies.push_back(vacancy_of(space, hall.running, i));
    if (const auto node = hall.free(i, limit)) instants.insert(node->first);
  }
  std::optional<Timestamp> earliest;
  for (const Timestamp at : instants) {
    if (!earliest && hall.has_room(at, request, limit)) earliest = at;
  }

  const auto found = plan(space, hall.running, vacancies, request, limit, now);
  ASSERT_EQ(found.has_value(), earliest.has_value());
  if (!found) return;
  ASSERT_EQ(found->start, *earliest);
  ASSERT_EQ(count(found->nodes), request.min_nodes);
  bool promised = true;
  Timestamp expected = now;
  for (const Segment& segment : found->nodes) {
    ASSERT_TRUE(count(segment.nodes) % request.nearness.segment == 0);
    for_bits(segment.nodes, [&](std::uint32_t place) {
      const NodeIndex i = space.index(segment.leaf, place);
      const auto node = hall.free(i, limit);
      ASSERT_TRUE(node && node->first <= found->start && found->start <= node->second);
      const OccupantId who = space.node(i).sole;
      if (who == nobody) return;
      promised = promised && hall.running[who].certain();
      expected = std::max(expected, hall.running[who].expected);
    });
  }
  ASSERT_EQ(found->promised, promised);
  ASSERT_EQ(found->expected, expected);
  ASSERT_TRUE(!choose(space, found->nodes, request.min_nodes, request.nearness).empty());
}

TEST(Plan, IsTheEarliestThatThereIs) {
  const auto [first, cases] = asked_seeds(20'000);
  for (std::uint64_t seed = first; seed < first + cases; ++seed) {
    check(Dice(seed));
    if (HasFatalFailure()) FAIL() << "MOHONA_SEED=" << seed << " shows it again";
  }
}

}  // namespace
}  // namespace mohona

// Where work goes under contracts, what it is told that an hour costs, and that the ledger charges
// just that.
#include <gtest/gtest.h>

#include "core/audit/audit.h"
#include "core/core.h"
#include "core/explain_price.h"
#include "core/ledger/metered.h"
#include "model/codec.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

const Timestamp start{std::chrono::hours(500'000)};

constexpr Price dollars(std::int64_t n) { return {n * 1'000'000'000}; }

// Machines that one job fills.
Pool pool(const std::string& name, const std::string& cloud, Price price) {
  Pool p;
  p.name = name;
  p.cloud = cloud;
  p.shape = {name, 1'000, 0, "", 0};
  p.nodes = 4;
  p.price = price;
  return p;
}

// Dollars an hour, for usage of these skus at so much off their list price.
Commitment plan(Price hourly, std::vector<std::pair<std::string, std::int64_t>> off_ppm) {
  Commitment c;
  c.name = "plan";
  c.draw = Draw::plan_rate;
  c.window = {start, start + 24h * 365};
  c.steps = {{start, hourly.nanos, hourly}};
  for (auto& [sku, ppm] : off_ppm) {
    Scope scope;
    scope.skus = {sku};
    c.scope.skus.push_back(sku);
    c.rates.push_back({scope, {}, ppm, {}});
  }
  return c;
}

Fleet under(Commitment commitment, std::vector<Pool> pools) {
  Contract contract;
  contract.name = contract.cloud = "aws";
  contract.commitments = {std::move(commitment)};
  Fleet fleet{std::move(pools), {}, {}, {}};
  fleet.contracts = {{contract}, {}};
  return fleet;
}

class World {
 public:
  explicit World(Fleet fleet) { give(DefineFleet{std::move(fleet)}); }

  void give(const Input& input) {
    const auto facts = advance(state, input, now);
    ASSERT_TRUE(facts) << facts.error().message;
    log.insert(log.end(), facts->begin(), facts->end());
  }

  // A job of one node, and the pool that it went to.
  std::string submit(
      const std::string& name, const std::string& instance = "",
      const std::function<void(JobSpec&)>& with = [](JobSpec&) {}) {
    JobSpec spec;
    spec.name = name;
    spec.run = "true";
    spec.resources.choices[0].instance_type = instance;
    with(spec);
    give(Submit{{spec}});
    const Job& job = state.find_by_name(name)->job;
    return job.attempts.empty() ? "" : job.attempts.back().pool;
  }

  void end(const std::string& name) {
    give(Ended{state.find_by_name(name)->job.attempts.back().id, Outcome{}, {}});
  }

  PriceExplanation price(const std::string& name) {
    const auto found = explain_price(state, *state.find_by_name(name), now);
    EXPECT_TRUE(found) << (found ? "" : found.error().message);
    return found ? *found : PriceExplanation{};
  }

  State state;
  Facts log;
  Timestamp now = start;
};

TEST(Contracts, WorkGoesWhereTheBillGrowsLeast) {
  // Two machines fit the plan; the third costs less elsewhere, whatever its sticker says.
  Fleet fleet = under(plan(dollars(4), {{"aws", 500'000}}),
                      {pool("aws", "aws", dollars(4)), pool("gcp", "gcp", dollars(3))});
  World w(fleet);
  EXPECT_EQ(w.submit("one"), "aws");
  EXPECT_EQ(w.submit("two"), "aws");
  EXPECT_EQ(w.submit("three"), "gcp");
  w.end("two");
  EXPECT_EQ(w.submit("four"), "aws");
}

TEST(Contracts, WithoutThemItIsThePoolsPrice) {
  World w({{pool("aws", "aws", dollars(4)), pool("gcp", "gcp", dollars(3))}, {}, {}, {}});
  EXPECT_EQ(w.submit("one"), "gcp");
  const auto price = explain_price(w.state, *w.state.find_by_name("one"), w.now);
  ASSERT_FALSE(price);
  EXPECT_EQ(price.error().message,
            "this fleet has no contracts: every hour costs its pool's price (mohona cost); a fleet "
            "file says them under 'contracts'");
}

TEST(Ranks, AnArrayKeepsItsPlaceWhenATaskOfItEnds) {
  Fleet fleet{{pool("hall", "hall", dollars(1))}, {}, {}, {}};
  fleet.pools[0].nodes = 1;
  fleet.scheduling.order = QueueOrder::learned;
  World w(fleet);
  JobSpec spec;
  spec.name = "array";
  spec.kind = Kind::data;
  spec.run = "true";
  Shards shards;
  shards.items = {"a", "b", "c"};
  spec.shards = shards;
  w.give(Submit{{spec}});
  const JobId id = w.state.find_by_name("array")->job.id;
  w.state.refresh_ranks(16, w.now);
  ASSERT_EQ(w.state.first_waiting(8), std::vector<JobId>{id});
  w.end("array");
  w.state.refresh_ranks(16, w.now);
  EXPECT_EQ(w.state.first_waiting(8), std::vector<JobId>{id});
}

TEST(Contracts, OtherSystemsRulesAreThereToCompareWith) {
  Fleet fleet{{pool("own", "hall", dollars(2)), pool("gcp", "gcp", dollars(1))}, {}, {}, {}};
  fleet.pools[0].purchase = Purchase::reserved;
  const auto goes_to = [&](PriceRule rule) {
    fleet.scheduling.price = rule;
    World w(fleet);
    return w.submit("one");
  };
  EXPECT_EQ(goes_to(PriceRule::sticker), "gcp");
  EXPECT_EQ(goes_to(PriceRule::reservation_is_free), "own");
  EXPECT_EQ(goes_to(PriceRule::reservation_near_free), "own");
}

TEST(Contracts, ASumIsWhatTheLedgerChargesLater) {
  // The plan has $2 an hour. `b` draws at 3.00, so that two thirds of it are covered; `a` draws at
  // 2.00, saves more and goes first. Then b pays its whole 4.00, which is 4.00 − 4.00 ÷ 3 more.
  Fleet fleet = under(plan(dollars(2), {{"a", 500'000}, {"b", 250'000}}),
                      {pool("a", "aws", dollars(4)), pool("b", "aws", dollars(4))});
  World w(fleet);
  ASSERT_EQ(w.submit("second", "b"), "b");
  ASSERT_EQ(w.submit("first", "a"), "a");
  w.now += 3h;
  w.end("first");
  w.end("second");
  const PriceExplanation first = w.price("first");
  ASSERT_EQ(first.attempts.size(), 1u);
  const AttemptPrice& attempt = first.attempts[0];
  EXPECT_EQ(attempt.sum, (PriceSum{{}, {2'666'666'667}, {}, {}, {}}));
  EXPECT_EQ(attempt.held, 3h);
  EXPECT_EQ(attempt.reckoned, Money{8'000'000});
  EXPECT_EQ(attempt.charged, Money{8'000'000});
  // It was there first, and alone: 4.00 ÷ 3 an hour. What came later is no part of that.
  const PriceExplanation second = w.price("second");
  ASSERT_EQ(second.attempts.size(), 1u);
  EXPECT_EQ(second.attempts[0].sum, (PriceSum{{1'333'333'333}, {}, {}, {}, {}}));
}

TEST(Contracts, PartOfAnHourIsChargedAsThat) {
  Fleet fleet = under(plan(dollars(2), {{"a", 500'000}}), {pool("gcp", "gcp", dollars(3))});
  World w(fleet);
  w.now += 50min;
  ASSERT_EQ(w.submit("one"), "gcp");
  w.now += 20min;
  w.end("one");
  const PriceExplanation one = w.price("one");
  ASSERT_EQ(one.attempts.size(), 1u);
  EXPECT_EQ(one.attempts[0].reckoned, Money{1'000'000});
  EXPECT_EQ(one.attempts[0].charged, Money{1'000'000});
}

TEST(Contracts, WaitingWorkIsToldWhatEachPoolWouldCost) {
  Fleet fleet = under(plan(dollars(2), {{"aws", 500'000}}),
                      {pool("aws", "aws", dollars(4)), pool("gcp", "gcp", dollars(3))});
  fleet.pools[0].nodes = fleet.pools[1].nodes = 1;
  World w(fleet);
  ASSERT_EQ(w.submit("one"), "aws");
  ASSERT_EQ(w.submit("two"), "gcp");
  ASSERT_EQ(w.submit("three"), "");
  std::string text;
  for (const PlacePrice& place : w.price("three").places) {
    text += fmt::format("{} {} of {}\n", place.pool, place.sum.total().nanos / 1'000'000'000,
                        place.sticker.nanos / 1'000'000'000);
  }
  EXPECT_EQ(text, "gcp 3 of 3\naws 4 of 4\n");
}

TEST(Contracts, WhatSpendingTowardAMinimumIsWorthMakesItCheaper) {
  Fleet fleet{{pool("aws", "aws", dollars(4)), pool("gcp", "gcp", dollars(3))}, {}, {}, {}};
  Contract contract;
  contract.name = contract.cloud = "aws";
  Minimum minimum;
  minimum.name = "spend";
  minimum.scope.clouds = {"aws"};
  minimum.window = {start, start + 24h * 365};
  minimum.milestones = {{start + 24h * 365, Money{1'000'000'000'000}}};
  contract.minimums = {minimum};
  fleet.contracts = {{contract}, {}};
  World w(fleet);
  EXPECT_EQ(w.submit("one"), "gcp");
  w.give(PriceRelief{{{"aws", "spend", 500'000'000}}});  // half of every dollar
  EXPECT_EQ(w.submit("two"), "aws");
  EXPECT_EQ(w.state.find_by_name("two")->job.attempts.back().priced->relief, dollars(-2));
}

// A fleet of two clouds where the one is a little cheaper, data in either, and its way out.
Fleet two_clouds() {
  Fleet fleet;
  fleet.pools = {pool("near", "aws", dollars(4)), pool("far", "gcp", dollars(3))};
  fleet.pools[0].region = "us-east-1";
  fleet.contracts.egress = {
      {{"aws", "us-east-1", ""}, {"internet", "", ""}, Price{90'000'000}, {}}};
  return fleet;
}

TEST(Contracts, DataThatLiesElsewhereMakesAPlaceDearer) {
  const Location near{"aws", "us-east-1", ""}, other_region{"aws", "eu-west-1", ""};
  const struct {
    std::vector<DataInput> inputs;
    std::optional<Duration> estimate;
    const char* pool;
  } cases[] = {
      {{}, {}, "far"},
      {{{near, 5'000}}, {}, "far"},    // $0.45, once, in an hour
      {{{near, 20'000}}, {}, "near"},  // $1.80 is more than the dollar that it would save
      {{{near, 20'000}}, 8h, "far"},   // but not if it runs for eight hours
      {{{near, 8'000}, {near, 8'000}}, {}, "near"},
      {{{other_region, 20'000}}, {}, "far"},  // nobody says what leaving it costs
  };
  for (const auto& c : cases) {
    World w(two_clouds());
    EXPECT_EQ(w.submit("one", "",
                       [&](JobSpec& spec) {
                         spec.inputs = c.inputs;
                         spec.estimate = c.estimate;
                       }),
              c.pool);
  }
}

TEST(Contracts, TheWayOutIsSpreadOverTheTimeThatTheWorkMayRun) {
  World w(two_clouds());
  w.submit("one", "", [](JobSpec& spec) {
    spec.inputs = {{{"aws", "us-east-1", ""}, 20'000}};
    spec.estimate = 7h;  // taken as 512 minutes
  });
  const PriceSum sum = *w.state.find_by_name("one")->job.attempts.back().priced;
  EXPECT_EQ(sum.rate, dollars(3));
  EXPECT_EQ(sum.egress, Price{210'937'500});  // $1.80 × 60 ÷ 512
  EXPECT_EQ(sum.charged(), dollars(3));
}

TEST(Contracts, APoolIsBilledToItsAccount) {
  Commitment owned = plan(dollars(4), {{"box", 500'000}});
  owned.account = "research";
  owned.shared = false;
  std::vector<Pool> pools = {pool("ours", "aws", dollars(4)), pool("theirs", "aws", dollars(4))};
  for (Pool& one : pools) one.shape.name = "box", one.nodes = 1;
  pools[0].account = "web";
  pools[1].account = "research";
  World w(under(owned, pools));
  EXPECT_EQ(w.submit("one"), "theirs");
  EXPECT_EQ(w.submit("two"), "ours");
  EXPECT_EQ(w.state.find_by_name("one")->job.attempts.back().priced->rate, dollars(0));
  EXPECT_EQ(w.state.find_by_name("two")->job.attempts.back().priced->rate, dollars(4));
}

TEST(Contracts, AMachineThatIsOftenTakenAwayIsDearer) {
  Fleet fleet = two_clouds();
  fleet.pools[0].price = Price{3'100'000'000};
  fleet.pools[1].purchase = Purchase::spot;
  World w(fleet);
  const auto spot = [&](const std::string& name, bool checkpoint) {
    return w.submit(name, "", [&](JobSpec& spec) {
      spec.estimate = 8h;  // taken as 512 minutes
      if (checkpoint) spec.checkpoint = Checkpoint{"out"};
      Choice other = spec.resources.choices[0];
      other.use_spot = true;
      spec.resources.choices.push_back(other);
    });
  };
  const auto take_away = [&] {
    w.give(ReclaimPool{"far", Duration{0}});
    w.now += 1s;
    w.give(RestorePool{"far"});
  };
  EXPECT_EQ(spot("first", false), "far");
  w.give(Cancel{w.state.find_by_name("first")->job.id, ""});
  for (int i = 0; i < 4; ++i) take_away();
  // Four times in seven days, 266 minutes of 3 dollars each: 31 cents an hour.
  EXPECT_EQ(spot("second", false), "near");
  // With a checkpoint only the start is lost: 1 cent.
  EXPECT_EQ(spot("third", true), "far");
  const PriceSum sum = *w.state.find_by_name("third")->job.attempts.back().priced;
  EXPECT_EQ(sum.risk, Price{11'904'000});
  w.now += 24h * 8;
  EXPECT_EQ(spot("fourth", false), "far");  // long ago
}

TEST(Contracts, WhatMinimumsAreWorthIsLookedAt) {
  Fleet fleet = under(plan(dollars(4), {{"aws", 500'000}}), {pool("aws", "aws", dollars(4))});
  Minimum minimum;
  minimum.name = "spend";
  fleet.contracts.contracts[0].minimums = {minimum};
  World w(fleet);
  const auto refusal = [&](const Reliefs& reliefs) {
    const auto facts = take(w.state, PriceRelief{reliefs}, w.now);
    return facts ? "" : facts.error().message;
  };
  EXPECT_EQ(refusal({{"aws", "spent", 1}}), "the contract 'aws' has no minimum 'spent'");
  EXPECT_EQ(refusal({{"aws", "spend", 1'000'000'001}}),
            "a dollar spent toward 'spend' is worth between nothing and a dollar");
  EXPECT_EQ(refusal({{"aws", "spend", 1'000'000'000}}), "");
}

TEST(Contracts, PoolsOfOneShapeKeepPricesOfTheirOwn) {
  Fleet fleet = under(plan(dollars(1), {{"other", 500'000}}),
                      {pool("box", "aws", dollars(4)), pool("cheap", "aws", dollars(3))});
  fleet.pools[1].shape.name = "box";
  World w(fleet);
  EXPECT_EQ(w.submit("one"), "cheap");
  w.now += 1h;
  w.end("one");
  EXPECT_EQ(w.price("one").attempts.at(0).charged, Money{3'000'000});
}

TEST(Contracts, AnOfferThatHasEndedLeavesThePoolsOwnPrice) {
  // Without it the pool would be taken for free.
  Fleet fleet = under(plan(dollars(1), {{"other", 500'000}}),
                      {pool("aws", "aws", dollars(4)), pool("gcp", "gcp", dollars(3))});
  Offer summer;
  summer.sku = "aws";
  summer.place = {"aws", "", ""};
  summer.tiers = {{0, dollars(1)}};
  summer.valid = {start, start + 1h};
  fleet.contracts.offers = {summer};
  World w(fleet);
  EXPECT_EQ(w.submit("in time"), "aws");
  w.now += 1h;
  EXPECT_EQ(w.submit("too late"), "gcp");
  w.now += 1h;
  w.end("in time");
  // An hour at 1.00, then one at 4.00.
  EXPECT_EQ(w.price("in time").attempts.at(0).charged, Money{5'000'000});
}

TEST(Contracts, WhatIsChargedDoesNotDependOnWhenItIsAsked) {
  // `a` ran for 20 minutes of an hour in which `b` ran on: a plan of $2 an hour covers what a
  // draws, 2/3 of a dollar, and leaves b, which draws 3.00 an hour, that much less.
  Fleet fleet = under(plan(dollars(2), {{"a", 500'000}, {"b", 250'000}}),
                      {pool("a", "aws", dollars(4)), pool("b", "aws", dollars(4))});
  World w(fleet);
  ASSERT_EQ(w.submit("long", "b"), "b");
  ASSERT_EQ(w.submit("short", "a"), "a");
  w.now += 20min;
  w.end("short");
  w.now += 40min;
  const Money at_the_hour = w.price("short").attempts.at(0).charged;
  EXPECT_EQ(at_the_hour, Money{888'889});  // 2/3 ÷ 3 hours of b, at 4.00
  w.end("long");
  w.now += 5h;
  EXPECT_EQ(w.price("short").attempts.at(0).charged, at_the_hour);
}

TEST(Contracts, UsageUpToAnInstantEndsThere) {
  Fleet fleet = under(plan(dollars(4), {{"aws", 500'000}}), {pool("aws", "aws", dollars(4))});
  World w(fleet);
  w.submit("one");
  w.now += 90min;
  w.end("one");
  std::vector<std::int64_t> seconds;
  for (const UsageSlice& slice : usage_of(w.state, start, start + 70min)) {
    seconds.push_back(slice.unit_seconds);
  }
  EXPECT_EQ(seconds, (std::vector<std::int64_t>{3'600, 600}));
}

TEST(Contracts, AreFactsAndRowsOfTheSnapshot) {
  Fleet fleet = under(plan(dollars(4), {{"aws", 500'000}}), {pool("aws", "aws", dollars(4))});
  Minimum minimum;
  minimum.name = "spend";
  fleet.contracts.contracts[0].minimums = {minimum};
  World w(fleet);
  w.submit("one");
  w.give(PriceRelief{{{"aws", "spend", 500'000'000}}});
  State replayed;
  for (const Fact& fact : w.log) replayed.apply(*decode_fact(encode(fact)));
  EXPECT_EQ(replayed.digest(), w.state.digest());
  State copy;
  copy.restore(*decode_queues(encode(QueuesDefined{w.state.queues(), w.state.scheduling()})));
  copy.restore(*decode_contracts(encode(ContractsDefined{w.state.contracts()})));
  copy.restore(*decode_relief(encode(ReliefPriced{w.state.reliefs()})));
  for (const auto& [name, known] : w.state.pools()) copy.restore(*decode_pool(encode(known)));
  for (const auto& [id, entry] : w.state.jobs()) copy.restore(*decode_job(encode(entry.job)));
  copy.index();
  EXPECT_EQ(copy.digest(), w.state.digest());
  EXPECT_TRUE(audit(copy, w.now).empty());
  // What runs counts in both, and what spending is worth: of two more one is covered, and half of
  // what the other costs is worth something.
  for (State* state : {&w.state, &copy}) {
    state->look_at_market(w.now);
    EXPECT_EQ(sum_of(*state->market()->price("aws", 2, {1, 1})).total(), dollars(2));
  }
}

}  // namespace
}  // namespace mohona

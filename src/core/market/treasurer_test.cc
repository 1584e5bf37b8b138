// What a dollar toward a minimum is worth, hour after hour, and that its draws are the ledger's.
#include "core/market/treasurer.h"

#include <gtest/gtest.h>

#include <random>

#include "base/seeds.h"
#include "core/core.h"
#include "core/ledger/metered.h"
#include "money/close.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

const Timestamp start{std::chrono::hours(500'000)};
constexpr std::int64_t cents_ppb = 10'000'000;

Pool pool(const std::string& name, std::int64_t dollars) {
  Pool p;
  p.name = p.cloud = name;
  p.shape = {name, 1'000, 0, "", 0};
  p.nodes = 8;
  p.price = {dollars * 1'000'000'000};
  return p;
}

// Toward which only aws's usage counts, at $4 a machine-hour.
Minimum minimum(std::vector<Milestone> milestones) {
  Minimum m;
  m.name = "spend";
  m.scope.clouds = {"aws"};
  m.window = {start, milestones.back().due};
  m.milestones = std::move(milestones);
  return m;
}

class World {
 public:
  explicit World(Minimum minimum) {
    Fleet fleet{{pool("aws", 4), pool("gcp", 3)}, {}, {}, {}};
    Contract contract;
    contract.name = contract.cloud = "aws";
    contract.minimums = {std::move(minimum)};
    fleet.contracts.contracts = {contract};
    give(DefineFleet{fleet});
  }

  void give(const Input& input) {
    const auto facts = advance(state, input, now);
    ASSERT_TRUE(facts) << facts.error().message;
    treasurer.see(*facts);
  }
  // As the controller does at every turn.
  void go_to(Timestamp at) {
    now = at;
    if (const auto relief = treasurer.look(state, now)) give(*relief);
  }

  // Machines of aws, from now on.
  void use(const std::string& name, const std::string& where = "aws") {
    JobSpec spec;
    spec.name = name;
    spec.run = "true";
    spec.resources.choices[0].instance_type = where;
    give(Submit{{spec}});
  }
  void end(const std::string& name, Duration ago = Duration{0}) {
    give(Ended{state.find_by_name(name)->job.attempts.back().id, Outcome{}, now - ago});
  }

  std::int64_t worth_cents() const {
    return state.reliefs().empty() ? 0 : state.reliefs().front().ppb / cents_ppb;
  }
  Exact drawn() const { return treasurer.standings().front().drawn; }

  State state;
  Treasurer treasurer;
  Timestamp now = start;
};

TEST(Treasurer, WithoutAMinimumThereIsNothingToLookAt) {
  State state;
  Treasurer treasurer;
  EXPECT_FALSE(treasurer.look(state, start));
  EXPECT_FALSE(treasurer.due());
}

TEST(Treasurer, ADollarIsWorthMoreWhileTooLittleIsDrawn) {
  World w(minimum({{start + 1'000h, Money{900'000'000}}}));
  w.go_to(start);
  EXPECT_EQ(w.treasurer.due(), start + 1h);
  EXPECT_EQ(w.worth_cents(), 0);
  w.go_to(start + 12h);
  EXPECT_EQ(w.worth_cents(), 24);
  w.go_to(start + 50h);
  EXPECT_EQ(w.worth_cents(), 100);
  w.go_to(start + 60h);
  EXPECT_EQ(w.worth_cents(), 100);
}

TEST(Treasurer, WorkGoesThereUntilThePaceIsKept) {
  // $900 in 1,000 hours less a tenth, so a dollar an hour: from a quarter of a dollar on, aws's $4
  // cost no more than gcp's $3.
  World w(minimum({{start + 1'000h, Money{900'000'000}}}));
  w.go_to(start);
  w.use("early", "");
  EXPECT_EQ(w.state.find_by_name("early")->job.attempts.back().pool, "gcp");
  w.go_to(start + 13h);
  w.use("later", "");
  EXPECT_EQ(w.state.find_by_name("later")->job.attempts.back().pool, "aws");
  w.go_to(start + 40h);  // at four times the pace
  EXPECT_EQ(w.worth_cents(), 0);
}

TEST(Treasurer, WhatIsMetIsWorthNothing) {
  World w(minimum({{start + 1'000h, Money{8'000'000}}}));
  w.go_to(start);
  w.go_to(start + 100h);
  EXPECT_EQ(w.worth_cents(), 100);
  w.use("two hours of $4");
  w.go_to(start + 101h);
  EXPECT_GT(w.worth_cents(), 90);
  w.go_to(start + 102h);
  EXPECT_EQ(w.worth_cents(), 0);
}

TEST(Treasurer, NoMoreThanWhatWouldBeLost) {
  struct Row {
    Missed::Then then;
    std::int64_t ppm, cents;
  };
  for (const Row& row : std::vector<Row>{{Missed::Then::invoice, 1'000'000, 100},
                                         {Missed::Then::invoice, 400'000, 40},
                                         {Missed::Then::credit, 250'000, 75},
                                         {Missed::Then::carry, 1'000'000, 0},
                                         {Missed::Then::forfeit, 1'000'000, 0}}) {
    Minimum m = minimum({{start + 1'000h, Money{900'000'000}}, {start + 2'000h, Money{1'000'000}}});
    m.missed.then = row.then;
    m.missed.ppm = row.ppm;
    World w(m);
    w.go_to(start);
    w.go_to(start + 500h);
    EXPECT_EQ(w.worth_cents(), row.cents) << static_cast<int>(row.then) << " " << row.ppm;
  }
}

TEST(Treasurer, APeriodLeavesWhatIsCarried) {
  Minimum m = minimum({{start + 10h, Money{100'000'000}}, {start + 20h, Money{50'000'000}}});
  m.missed = {Missed::Then::carry, 500'000, Money{INT64_MAX}, 12, {}};
  World w(m);
  w.go_to(start);
  w.use("one");
  w.go_to(start + 10h);
  const auto standing = w.treasurer.standings().front();
  EXPECT_EQ(standing.period, (Window{start + 10h, start + 20h}));
  EXPECT_EQ(rounded(standing.needed), Money{80'000'000});  // 50 and half of the 60 that lacked
  EXPECT_EQ(rounded(standing.drawn), Money{});
  w.go_to(start + 20h);
  EXPECT_TRUE(w.treasurer.standings().empty());  // that was the last
  EXPECT_EQ(w.worth_cents(), 0);
}

TEST(Treasurer, GoesOnAfterARestart) {
  World w(minimum({{start + 1'000h, Money{900'000'000}}}));
  w.go_to(start);
  w.use("one");
  w.go_to(start + 5h + 20min);
  const Exact before = w.drawn();
  w.treasurer = Treasurer();
  w.go_to(w.now);
  EXPECT_EQ(w.drawn(), before);
  w.go_to(start + 6h);  // the twenty minutes before and the forty after
  EXPECT_EQ(rounded(w.drawn()), Money{24'000'000});
}

// Whatever runs where, from when to when, and however late its end is told within the hour: what
// was drawn is what the ledger says, also for one that begins anew.
TEST(Treasurer, DrawsAreTheLedgers) {
  const auto [first, cases] = asked_seeds(50);
  for (std::uint64_t seed = first; seed < first + cases; ++seed) {
    std::mt19937_64 dice(seed);
    World w(minimum({{start + 40h, Money{100'000'000}}, {start + 400h, Money{900'000'000}}}));
    w.go_to(start);
    std::vector<std::string> live;
    for (int i = 0; i < 60; ++i) {
      w.go_to(w.now + std::chrono::seconds(dice() % 5'000));
      if (dice() % 2 == 0 && live.size() < 8) {
        live.push_back(std::to_string(i));
        w.use(live.back(), dice() % 3 == 0 ? "gcp" : "aws");
      } else if (!live.empty()) {
        const std::size_t which = dice() % live.size();
        const Duration ago = w.now - std::chrono::floor<std::chrono::hours>(w.now);
        const Attempt& attempt = w.state.find_by_name(live[which])->job.attempts.back();
        w.end(live[which], std::min(dice() % 2 ? ago : Duration{0}, w.now - attempt.placed_at));
        live.erase(live.begin() + static_cast<std::ptrdiff_t>(which));
      }
    }
    const Timestamp hour = std::chrono::floor<std::chrono::hours>(w.now);
    w.go_to(w.now);
    const auto accounts = settled_accounts(w.state, start, hour);
    ASSERT_TRUE(accounts);
    TermId id = 0;
    while (!accounts->book().is(id, Term::Kind::minimum)) ++id;
    const auto standing = w.treasurer.standings().front();
    Exact told;  // nothing of a period that begins at this very hour
    for (const DrawDown& one : draw_downs(accounts->book(), accounts->ledger(), id, hour)) {
      if (one.period == standing.period) told = one.drawn;
    }
    ASSERT_EQ(standing.drawn, told) << "seed " << seed;
    w.treasurer = Treasurer();
    w.go_to(w.now);
    ASSERT_EQ(w.drawn(), told) << "seed " << seed << ", begun anew";
  }
}

}  // namespace
}  // namespace mohona

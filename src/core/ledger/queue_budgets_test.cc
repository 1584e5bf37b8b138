// Periods, what falls into them, and what queues may still start.
#include "core/ledger/queue_budgets.h"

#include <gtest/gtest.h>

#include "base/dice.h"
#include "base/seeds.h"
#include "core/audit/audit.h"
#include "core/core.h"
#include "model/codec.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

Timestamp at(const char* text) { return *parse_timestamp(text); }

Queue queue(const std::string& name, const std::string& parent, std::int64_t dollars = 0,
            BudgetPeriod per = BudgetPeriod::month) {
  Queue out;
  out.name = name;
  out.parent = parent;
  if (dollars > 0) out.budget = QueueBudget{Money{dollars * 1'000'000}, per};
  return out;
}

// One machine at so much an hour.
Spending machine(std::int64_t dollars, Timestamp from, Timestamp to) {
  return {Price{dollars * 1'000'000'000}, 1, {1, 1}, from, to};
}

std::string standing(const QueueBudgets& budgets) {
  std::string out;
  for (const auto& one : budgets.standings()) {
    out += fmt::format("{}: {} spent, {} ahead, {} left; ", one.queue, format_money(one.spent),
                       format_money(one.ahead), format_money(one.left()));
  }
  return out;
}

TEST(QueueBudgets, PeriodsAreThoseOfTheCalendarInUtc) {
  const struct {
    BudgetPeriod per;
    const char *at, *from, *to;
  } cases[] = {
      {BudgetPeriod::day, "2028-02-29T23:59:59Z", "2028-02-29", "2028-03-01"},
      {BudgetPeriod::day, "2028-03-01T00:00:00Z", "2028-03-01", "2028-03-02"},
      {BudgetPeriod::week, "2026-11-27T12:00:00Z", "2026-11-23", "2026-11-30"},
      {BudgetPeriod::week, "2026-11-23T00:00:00Z", "2026-11-23", "2026-11-30"},
      {BudgetPeriod::week, "2027-01-01T00:00:00Z", "2026-12-28", "2027-01-04"},
      {BudgetPeriod::month, "2028-02-10T00:00:00Z", "2028-02-01", "2028-03-01"},
      {BudgetPeriod::month, "2026-12-31T23:00:00Z", "2026-12-01", "2027-01-01"},
      {BudgetPeriod::year, "2026-12-31T23:00:00Z", "2026-01-01", "2027-01-01"},
  };
  for (const auto& c : cases) {
    const PeriodBounds period = bounds_of(c.per, at(c.at));
    EXPECT_EQ(format_timestamp(period.from), std::string(c.from) + "T00:00:00Z") << c.at;
    EXPECT_EQ(format_timestamp(period.to), std::string(c.to) + "T00:00:00Z") << c.at;
  }
}

TEST(QueueBudgets, WorkThatRunsAcrossMidnightIsChargedToEachDay) {
  QueueBudgets budgets;
  budgets.define({queue("a", "", 100, BudgetPeriod::day)});
  budgets.charge("a", machine(6, at("2026-11-26T22:00:00Z"), at("2026-11-27T00:30:00Z")));
  budgets.look(at("2026-11-26T23:00:00Z"));
  EXPECT_EQ(standing(budgets), "a: $12.00 spent, $0.00 ahead, $88.00 left; ");
  budgets.look(at("2026-11-27T01:00:00Z"));
  EXPECT_EQ(standing(budgets), "a: $3.00 spent, $0.00 ahead, $97.00 left; ");
}

TEST(QueueBudgets, WhatRunsCountsUntilItMustHaveLeftAlsoBeyondThePeriod) {
  QueueBudgets budgets;
  budgets.define({queue("a", "", 100, BudgetPeriod::day), queue("b", "")});
  budgets.look(at("2026-11-27T20:00:00Z"));
  budgets.count("a", machine(6, at("2026-11-26T22:00:00Z"), at("2026-11-28T02:00:00Z")));
  budgets.count("b", machine(6, at("2026-11-26T22:00:00Z"), at("2026-11-28T02:00:00Z")));
  EXPECT_EQ(standing(budgets), "a: $120.00 spent, $36.00 ahead, -$56.00 left; ");
}

// Else whatever begins a minute before midnight would be for nothing, and the next day would pay.
TEST(QueueBudgets, AStartCountsWholeInThePeriodInWhichItBegins) {
  QueueBudgets budgets;
  budgets.define({queue("a", "", 100, BudgetPeriod::day)});
  const Timestamp now = at("2026-11-27T23:59:00Z");
  budgets.look(now);
  EXPECT_EQ(budgets.refuses("a", machine(10, now, now + 10h)), nullptr);
  EXPECT_NE(budgets.refuses("a", machine(10, now, now + 11h)), nullptr);
}

TEST(QueueBudgets, AStartIsRefusedByTheBudgetThatIsTooSmall) {
  QueueBudgets budgets;
  budgets.define({queue("all", "", 100), queue("a", "all", 40), queue("b", "all"), queue("c", "")});
  const Timestamp now = at("2026-11-27T00:00:00Z");
  budgets.look(now);
  const auto refused = [&](const char* name, std::int64_t hours) {
    const auto* one = budgets.refuses(name, machine(10, now, now + 1h * hours));
    return one ? one->queue : "";
  };
  EXPECT_EQ(refused("a", 4), "");
  EXPECT_EQ(refused("a", 5), "a");
  EXPECT_EQ(refused("b", 10), "");
  EXPECT_EQ(refused("b", 11), "all");
  EXPECT_EQ(refused("c", 1'000), "");
  EXPECT_EQ(budgets.refuses("a", machine(0, now, now + 1'000h)), nullptr);  // it costs nothing
}

// Against sums over everything that ever ended: what is folded away is never missed.
TEST(QueueBudgets, AreTheSumsOfWhatEnded) {
  const auto [first, cases] = asked_seeds(40);
  for (std::uint64_t seed = first; seed < first + cases; ++seed) {
    Dice dice(seed);
    QueueBudgets budgets;
    budgets.define({queue("d", "", 1, BudgetPeriod::day), queue("w", "", 1, BudgetPeriod::week),
                    queue("m", "", 1, BudgetPeriod::month), queue("y", "", 1, BudgetPeriod::year)});
    std::vector<std::pair<std::string, Spending>> all;
    Timestamp now = at("2026-10-20T00:00:00Z");
    for (int i = 0; i < 150; ++i) {
      now += std::chrono::seconds(dice.below(4 * 86'400));
      const char* name = std::array{"d", "w", "m", "y"}[static_cast<std::size_t>(dice.below(4))];
      const Spending one{Price{dice.between(1, 9'999'999'999)},
                         dice.between(1, 9),
                         {dice.between(1, 3), 3},
                         now - std::chrono::seconds(dice.below(900'000)),
                         now};
      budgets.charge(name, one);
      all.emplace_back(name, one);
      const Timestamp look = now + std::chrono::seconds(dice.below(100'000));
      budgets.look(look);
      for (const auto& standing : budgets.standings()) {
        Money sum;
        for (const auto& [owner, spending] : all) {
          if (owner == standing.queue) sum += spending.between(standing.period.from, look);
        }
        ASSERT_EQ(standing.spent, sum) << "MOHONA_SEED=" << seed << ", " << standing.queue;
      }
      QueueBudgets restored;
      restored.define({queue("d", "", 1, BudgetPeriod::day)});
      restored.restore(*decode_spent(encode(budgets.spent())));
      ASSERT_EQ(restored.spent(), budgets.spent());
    }
  }
}

// --- in a fleet

class World {
 public:
  World() {
    Pool pool;
    pool.name = pool.cloud = "aws";
    pool.shape = {"box", 1'000, 0, "", 0};
    pool.nodes = 4;
    pool.price = Price{10'000'000'000};
    fleet.pools = {pool};
    fleet.queues = {queue("a", ""), queue("b", "")};
    give(DefineFleet{fleet});
  }

  void give(const Input& input) {
    const auto facts = advance(state, input, now);
    ASSERT_TRUE(facts) << facts.error().message;
  }

  bool starts(const std::string& name, const std::string& in, std::optional<Duration> limit) {
    JobSpec spec;
    spec.name = name;
    spec.run = "true";
    spec.queue = in;
    spec.max_duration = limit;
    spec.stop.edit().grace = 0s;
    give(Submit{{spec}});
    return !state.find_by_name(name)->job.attempts.empty();
  }

  void end(const std::string& name) {
    give(Ended{state.find_by_name(name)->job.attempts.back().id, Outcome{}, {}});
  }

  void set_budget(std::int64_t dollars) {
    fleet.queues[0] = queue("a", "", dollars);
    give(DefineFleet{fleet});
  }

  std::string standing() const {
    std::string out;
    for (const auto& one : state.budget_standings(now)) {
      out += fmt::format("{}: {} spent, {} ahead", one.queue, format_money(one.spent),
                         format_money(one.ahead));
    }
    return out;
  }

  Fleet fleet;
  State state;
  Timestamp now = at("2026-11-10T00:00:00Z");
};

TEST(QueueBudgets, ABudgetThatIsSaidLaterCountsWhatTheMonthHasCost) {
  World w;
  ASSERT_TRUE(w.starts("one", "a", 3h));
  ASSERT_TRUE(w.starts("other", "b", 3h));
  w.now += 2h;
  w.end("one");
  w.set_budget(35);
  EXPECT_EQ(w.standing(), "a: $20.00 spent, $0.00 ahead");
  EXPECT_FALSE(w.starts("two", "a", 2h));
  EXPECT_TRUE(w.starts("three", "a", 1h));
  w.set_budget(100);
  EXPECT_FALSE(w.state.find_by_name("two")->job.attempts.empty());
}

TEST(QueueBudgets, ASnapshotRemembersThem) {
  World w;
  w.set_budget(35);
  ASSERT_TRUE(w.starts("one", "a", 2h));
  w.now += 2h;
  w.end("one");
  ASSERT_FALSE(w.starts("two", "a", 2h));
  State copy;
  copy.restore(*decode_queues(encode(QueuesDefined{w.state.queues(), w.state.scheduling()})));
  for (const auto& [name, known] : w.state.pools()) copy.restore(*decode_pool(encode(known)));
  for (const auto& [id, entry] : w.state.jobs()) copy.restore(*decode_job(encode(entry.job)));
  copy.restore(*decode_spent(encode(w.state.queue_budgets().spent())));
  copy.index();
  EXPECT_EQ(copy.digest(), w.state.digest());
  EXPECT_TRUE(follow_up(copy, w.now).empty());  // `two` still waits
  EXPECT_EQ(next_wake(copy, w.now), at("2026-12-01T00:00:00Z"));
  EXPECT_EQ(audit(copy, w.now), std::vector<Violation>{});
  const Facts facts = follow_up(copy, at("2026-12-01T00:00:00Z"));
  ASSERT_EQ(facts.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<AttemptPlaced>(facts.front()));
}

}  // namespace
}  // namespace mohona

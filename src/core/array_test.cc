// Arrays that make more attempts than their record keeps: the bill and all decisions stay the same.
#include <gtest/gtest.h>

#include "core/core.h"
#include "core/ledger/usage.h"
#include "model/codec.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t tasks = 2'500;

Pool pool(const std::string& name, std::int64_t price) {
  Pool out;
  out.name = name;
  out.cloud = "cloud-" + name;
  out.shape = {"s", 4'000, 4'096, "", 0};
  out.nodes = 20;
  out.price = Price{price};
  return out;
}

JobSpec array() {
  JobSpec spec;
  spec.name = "array";
  spec.kind = Kind::data;
  spec.run = "true";
  spec.shards = Shards{.range = Indices{0, tasks - 1}, .array = true};
  spec.retries.max = 1;
  spec.retries.backoff = 3s;
  return spec;
}

// What every attempt came to, from the facts alone.
struct Bill {
  std::map<AttemptId, Attempt> attempts;
  std::map<std::string, PastAttempts> by_cloud;
  Money total;

  void take(const Facts& facts) {
    for (const Fact& fact : facts) {
      if (const auto* placed = std::get_if<AttemptPlaced>(&fact)) {
        attempts[placed->attempt.id] = placed->attempt;
      } else if (const auto* ended = std::get_if<AttemptEnded>(&fact)) {
        Attempt& attempt = attempts.at(ended->attempt);
        attempt.ended_at = ended->at;
        PastAttempts& row = by_cloud[attempt.cloud];
        ++row.attempts;
        row.node_time += held_time(attempt, ended->at);
        row.cost += cost_of(attempt, ended->at);
        total += cost_of(attempt, ended->at);
      }
    }
  }
};

State reload(const State& state) {
  State copy;
  for (const auto& [name, known] : state.pools()) {
    copy.restore(*decode_pool(encode(known)));
  }
  for (const auto& [id, entry] : state.jobs()) copy.restore(*decode_job(encode(entry.job)));
  copy.index();
  return copy;
}

// Runs the array to its end; some of its attempts fail, some are lost, and some take long.
void run(State& state, Facts& log, const std::function<void(const State&)>& look) {
  Timestamp now{1h};
  const auto give = [&](const Input& input) {
    const Facts facts = *advance(state, input, now);
    log.insert(log.end(), facts.begin(), facts.end());
  };
  give(DefineFleet{{{pool("a", 1'234'567), pool("b", 1'234'568)}, {}, {}, {}}});
  give(Submit{{array()}, {}, ""});
  std::uint64_t draw = 1;
  for (int round = 0; !state.live().empty() || !state.delayed().empty(); ++round) {
    now += 1s;
    std::vector<AttemptId> live;
    for (const auto& [id, attempt] : state.live()) live.push_back(id);
    for (const AttemptId& id : live) {
      draw = draw * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
      const auto die = draw >> 60;
      if (die < 4 || (id.task == 3 && round < 50)) continue;
      now += Duration(1'001);
      const End end = die == 4 ? End::lost : End::exited;
      give(Ended{id, Outcome{end, die == 5 ? 1 : 0, false, ""}, {}});
    }
    give(Tick{});
    if (round % 16 == 0) look(state);
  }
}

TEST(Array, OfWhichMostAttemptsAreSumsIsBilledToTheMicroDollar) {
  State state;
  Facts log;
  run(state, log, [](const State&) {});
  Bill bill;
  bill.take(log);
  const Job& job = state.find(JobId{1})->job;
  EXPECT_TRUE(is_terminal(job.state));
  EXPECT_EQ(job.attempts_made(), std::ssize(bill.attempts));
  EXPECT_LE(job.attempts.size(), 2 * ended_attempts_max);
  EXPECT_GT(job.attempts_made(), tasks);
  const Timestamp later{1'000h};
  EXPECT_EQ(cost_of(job, later), bill.total);
  std::map<std::string, PastAttempts> by_cloud;
  for (const PastAttempts& past : job.past) {
    PastAttempts& row = by_cloud[past.cloud];
    row.attempts += past.attempts, row.node_time += past.node_time, row.cost += past.cost;
  }
  for (const Attempt& attempt : job.attempts) {
    PastAttempts& row = by_cloud[attempt.cloud];
    ++row.attempts, row.node_time += held_time(attempt, later), row.cost += cost_of(attempt, later);
  }
  EXPECT_EQ(by_cloud.size(), 2u);
  EXPECT_EQ(by_cloud, bill.by_cloud);
}

TEST(Array, FromASnapshotEqualsThatFromTheJournalAtAnyTime) {
  State state;
  Facts log;
  std::size_t looks = 0;
  run(state, log, [&](const State& now) {
    EXPECT_EQ(reload(now).digest(), now.digest());
    ++looks;
  });
  EXPECT_GT(looks, 2u);
  State replayed;
  for (const Fact& fact : log) replayed.apply(*decode_fact(encode(fact)));
  EXPECT_EQ(replayed.digest(), state.digest());
}

// As a program without this bound wrote it: every attempt, one record a task.
TEST(Array, FromASnapshotThatHoldsEveryAttemptIsTheSame) {
  State state;
  Facts log;
  run(state, log, [](const State&) {});
  const Job& job = state.find(JobId{1})->job;
  Job old = job;
  old.past = {};
  old.attempts = {};
  std::map<AttemptId, Attempt> ended;
  std::vector<AttemptId> order;
  for (const Fact& fact : log) {
    if (const auto* placed = std::get_if<AttemptPlaced>(&fact)) {
      ended[placed->attempt.id] = placed->attempt;
      order.push_back(placed->attempt.id);
    } else if (const auto* end = std::get_if<AttemptEnded>(&fact)) {
      ended[end->attempt].ended_at = end->at;
      ended[end->attempt].outcome = end->outcome;
    }
  }
  for (const AttemptId& id : order) old.attempts.add(ended[id]);
  State restored;
  for (const auto& [name, known] : state.pools()) {
    restored.restore(*decode_pool(encode(known)));
  }
  restored.restore(*decode_job(encode(old)));
  restored.index();
  EXPECT_EQ(restored.digest(), state.digest());
}

TEST(Array, ALateReportAboutAnAttemptThatIsASumHasNoEffect) {
  State state;
  Facts log;
  run(state, log, [](const State&) {});
  const AttemptId first{JobId{1}, 0, 1};
  EXPECT_EQ(state.find(first), nullptr);
  const std::string before = state.digest();
  EXPECT_TRUE(advance(state, Ended{first, {}, {}}, Timestamp{2'000h})->empty());
  EXPECT_TRUE(advance(state, Started{first, 0, {}}, Timestamp{2'000h})->empty());
  EXPECT_EQ(state.digest(), before);
}

}  // namespace
}  // namespace mohona

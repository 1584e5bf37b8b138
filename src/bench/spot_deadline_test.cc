// Deadlines on machines that come and go: the replay, hindsight against a search without a table,
// and what is said of files that are wrong.
#include "bench/spot_deadline.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/dice.h"
#include "base/file.h"

namespace mohona {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

struct Play {
  Availability available;
  Duration tick{0};
  SpotDeadlineOptions options;
};

Play any_play(Dice& dice) {
  Play out;
  out.tick = 60 * dice.between(1, 3) * seconds(1);
  out.options.restart = 30 * dice.between(0, 12) * seconds(1);
  out.options.work = 30 * dice.between(1, 16) * seconds(1);
  out.options.deadline =
      out.options.work + out.options.restart + 30 * dice.between(0, 12) * seconds(1);
  out.options.spot_price_ppm = dice.between(0, 10) * 100'000;
  out.options.saving = dice.one_in(2) ? Saving::hours : Saving::cost;
  for (Duration at{0}; at < out.options.deadline; at += out.tick) {
    out.available.push_back(dice.one_in(2));
  }
  return out;
}

// Every way there is: each choice of every tick, played.
SpotRun best_of_all(const Play& play) {
  const auto ticks = play.available.size();
  std::int64_t all = 1;
  for (std::size_t i = 0; i < ticks; ++i) all *= 3;
  std::optional<SpotRun> best;
  const auto figures = [&](const SpotRun& run) {
    return play.options.saving == Saving::cost ? std::pair(run.cost, run.on_demand)
                                               : std::pair(run.on_demand, run.cost);
  };
  for (std::int64_t way = 0; way < all; ++way) {
    std::int64_t rest = way;
    const SpotRun run =
        replay_spot(play.available, play.tick, play.options, [&](const DeadlineView& v) {
          const auto machine = static_cast<Machine>(rest % 3);
          rest /= 3;
          return machine == Machine::spot && !v.spot_for ? Machine::none : machine;
        });
    if (!run.missed && (!best || figures(run) < figures(*best))) best = run;
  }
  return best.value_or(SpotRun{0, 0, 0, true});
}

TEST(SpotDeadline, HindsightIsTheBestOfAllWays) {
  Dice dice(7);
  int looked_at = 0;
  while (looked_at < 300) {
    const Play play = any_play(dice);
    if (play.available.size() > 8) continue;
    ++looked_at;
    const SpotRun best = best_of_all(play);
    const SpotRun found = omniscient_spot(play.available, play.tick, play.options);
    ASSERT_EQ(found, best) << "play " << looked_at << ": " << found.on_demand << " "
                           << best.on_demand << ", " << found.cost << " " << best.cost;
  }
}

TEST(SpotDeadline, OursMissesNothingAndHindsightIsNeverWorse) {
  Dice dice(8);
  for (int i = 0; i < 2'000; ++i) {
    const Play play = any_play(dice);
    const SpotRun ours = replay_spot(play.available, play.tick, play.options, choose_machine);
    const SpotRun best = omniscient_spot(play.available, play.tick, play.options);
    ASSERT_FALSE(ours.missed);
    ASSERT_FALSE(best.missed);
    if (play.options.saving == Saving::cost) {
      ASSERT_LE(best.cost, ours.cost);
    } else {
      ASSERT_LE(best.on_demand, ours.on_demand);
    }
    ASSERT_EQ(ours.on_demand + ours.spot, play.options.work / seconds(1));
  }
}

TEST(SpotDeadline, AStartIsLostAndPaidFor) {
  SpotDeadlineOptions o;
  o.work = minutes(30), o.deadline = minutes(60), o.restart = minutes(12);
  o.spot_price_ppm = 500'000;
  const Availability stays(6, 1), goes = {1, 1, 0, 0, 0, 0};
  const auto spot_then_demand = [](const DeadlineView& v) {
    return v.spot_for ? Machine::spot : Machine::on_demand;
  };
  EXPECT_EQ(replay_spot(stays, minutes(10), o, spot_then_demand),
            (SpotRun{0, 1'800, 2'520 * 500'000, false}));
  // 8 minutes done on spot, then another start, and 22 minutes.
  EXPECT_EQ(replay_spot(goes, minutes(10), o, spot_then_demand),
            (SpotRun{1'320, 480, 1'200 * 500'000 + 2'040 * whole_ppm, false}));
  EXPECT_TRUE(
      replay_spot(stays, minutes(10), o, [](const DeadlineView&) { return Machine::none; }).missed);
}

class Files : public testing::Test {
 protected:
  Files() { std::filesystem::create_directories(folder_); }
  ~Files() override { std::filesystem::remove_all(folder_); }

  std::string error_of(const std::string& name, const std::string& text,
                       SpotDeadlineOptions o = small()) {
    o.starts = folder_ + "/" + name;
    EXPECT_TRUE(write_file(o.starts, text, false));
    const auto figures = bench_spot_deadline(o);
    std::string said = figures ? figures->dump() : figures.error().message;
    for (auto at = said.find(folder_ + "/"); at != said.npos; at = said.find(folder_ + "/")) {
      said.erase(at, folder_.size() + 1);
    }
    return said;
  }
  static SpotDeadlineOptions small() {
    SpotDeadlineOptions o;
    o.work = minutes(20), o.deadline = minutes(40), o.restart = minutes(1);
    o.spot_price_ppm = 500'000;
    o.drawn = 2;
    return o;
  }
  std::string folder_ =
      std::filesystem::temp_directory_path() / fmt::format("mohona-spot-{}", getpid());
};

TEST_F(Files, AreATableOrASeries) {
  const std::string figures =
      R"("on_demand_hours":0.0,"spot_hours":0.3333,"cost":0.175,"missed":0)";
  EXPECT_NE(error_of("starts.csv", "start,unavailable\n0,0000\n").find(figures), std::string::npos);
  EXPECT_NE(error_of("s.json", R"({"metadata": {"gap_seconds": 600}, "data": [1, 1, 1, 1, 1]})")
                .find(figures),
            std::string::npos);
}

TEST_F(Files, SayWhatIsWrongWithThem) {
  EXPECT_EQ(error_of("a.csv", "start,unavailable\n0,0100\n1,01x0\n"),
            "a.csv:3: unavailable: 'x' at 3 is neither 0 (to be had) nor 1");
  EXPECT_EQ(error_of("b.csv", "start,unavailable\n0,010\n"),
            "b.csv:2: unavailable: 3 ticks, where the deadline needs 4");
  EXPECT_EQ(error_of("c.csv", "start\n0\n"),
            "c.csv:1: no column 'unavailable'; expected at least unavailable");
  EXPECT_EQ(error_of("d.csv", "unavailable\n"), "d.csv: there is no run in it");
  EXPECT_EQ(error_of("e.json", "{\"data\": [1]}"),
            "e.json: metadata.gap_seconds: expected 1 to 86400, got null");
  EXPECT_EQ(error_of("f.json", R"({"metadata": {"gap_seconds": 600}, "data": [1, 2, 0, 1]})"),
            "f.json: data[1]: 2 is neither 1 (to be had) nor 0");
  EXPECT_EQ(error_of("g.json", R"({"metadata": {"gap_seconds": 600}, "data": [1, 0, 1]})"),
            "g.json: 3 ticks, where the deadline needs 4");
  EXPECT_EQ(error_of("h.json", "{"), "h.json: is no JSON object");
}

TEST_F(Files, AreNotReadForWhatCannotBe) {
  SpotDeadlineOptions o = small();
  o.deadline = minutes(20);
  EXPECT_EQ(error_of("a.csv", "unavailable\n0000\n", o),
            "--deadline 20m 00s: no policy can keep it, for 20m 00s of work and 1m 00s of a start "
            "are longer");
  o = small(), o.work = std::chrono::milliseconds(1'500);
  EXPECT_EQ(error_of("a.csv", "unavailable\n0000\n", o), "--work: expected whole seconds");
  o = small(), o.work = Duration{0};
  EXPECT_EQ(error_of("a.csv", "unavailable\n0000\n", o), "--work 0s: there is nothing to do");
}

}  // namespace
}  // namespace mohona

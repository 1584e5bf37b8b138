#include "engine/slurm/judge.h"

#include <gtest/gtest.h>

#include "engine/slurm/words.h"

namespace mohona::slurm {
namespace {

using namespace std::chrono_literals;

// One attempt in slot 0 of a batch, and what is seen of it second by second.
struct Watch {
  Steady::time_point now = Steady::time_point{} + 1'000s;
  Tracked known;
  Seen seen;
  View view;
  bool submitted = true;

  Watch& slurm(const char* state, const char* reason = "") {
    view.jobs = {{"c", {JobInfo{"17", 0, phase_of(state), state, reason, "c", 1}}}};
    return *this;
  }
  Watch& no_job() { return view.jobs.clear(), *this; }
  Watch& started() { return seen.started.emplace(), *this; }
  Watch& exit(Outcome outcome) {
    started();
    seen.exit = host::ExitFile{std::move(outcome), {}};
    return *this;
  }
  // What is judged so many seconds later, with an answer of Slurm that is as new.
  Judgement after(std::chrono::seconds span) {
    now += span;
    view.jobs_at = now;
    return judge(known, seen, view, "c", submitted, now);
  }
  // While Slurm does not answer.
  void silent(std::chrono::seconds span) {
    now += span;
    judge(known, seen, view, "c", submitted, now);
  }
  std::string ended() const {
    const Outcome& o = known.report.outcome;
    if (known.report.phase != Phase::ended) return "no";
    const char* how = o.end == End::lost           ? "lost"
                      : o.end == End::not_launched ? "not launched"
                                                   : "exited";
    return fmt::format("{} {}{}{}", how, o.exit_code, o.stopped ? " stopped" : "",
                       o.detail.empty() ? "" : ": " + o.detail);
  }
};

TEST(SlurmJudge, ItsFilesSayThatItStartedAndHowItEnded) {
  Watch w;
  w.slurm("PENDING").after(1s);
  EXPECT_EQ(w.known.report.phase, Phase::launched);
  w.slurm("RUNNING").started().after(1s);
  EXPECT_EQ(w.known.report.phase, Phase::running);
  EXPECT_EQ(w.ended(), "no");
  // Slurm need not know yet.
  w.exit({End::exited, 3, false, ""}).after(0s);
  EXPECT_EQ(w.ended(), "exited 3");
}

TEST(SlurmJudge, WhyItWasEndedFromOutsideSlurmSays) {
  struct Case {
    const char* state;
    const char* ended;
  };
  for (const Case& c : std::vector<Case>{
           {"CANCELLED by 0", "lost 0: somebody cancelled its Slurm job"},
           {"PREEMPTED", "lost 0: a Slurm job of higher priority took its nodes"},
           {"TIMEOUT", "lost 0: it ran into the cluster's time limit"},
           {"PENDING", "lost 0: Slurm put its job back in line"},
           {"COMPLETED", "lost 0: Slurm ended its job"},
       }) {
    Watch w;
    w.slurm("RUNNING").exit({End::lost, 0, false, "Slurm ended its job"});
    EXPECT_FALSE(w.after(0s).look);
    EXPECT_TRUE(w.after(1s).look);  // it is asked at once
    EXPECT_EQ(w.ended(), "no");
    const Judgement judged = w.slurm(c.state).after(1s);
    EXPECT_EQ(w.ended(), c.ended);
    // What would begin again by itself is taken out of the line.
    EXPECT_EQ(judged.cancel, std::string_view(c.state) == "PENDING" ? "17" : "");
  }
}

TEST(SlurmJudge, RanksThatSlurmKilledAreLostAndThoseThatOthersKilledHaveFailed) {
  struct Case {
    int code;
    const char* state;
    const char* ended;
  };
  for (const Case& c : std::vector<Case>{
           {143, "NODE_FAIL", "lost 0: a node of it failed"},
           {137, "PREEMPTED", "lost 0: a Slurm job of higher priority took its nodes"},
           {143, "CANCELLED by 0", "lost 0: somebody cancelled its Slurm job"},
           {137, "OUT_OF_MEMORY", "exited 137: rank 1 of 2"},
           {143, "FAILED", "exited 143: rank 1 of 2"},
       }) {
    Watch w;
    w.slurm("RUNNING").exit({End::exited, c.code, false, "rank 1 of 2"}).after(1s);
    EXPECT_EQ(w.ended(), "no");
    w.slurm("COMPLETING").after(4s);
    EXPECT_EQ(w.ended(), "no");
    w.slurm(c.state).after(1s);
    EXPECT_EQ(w.ended(), c.ended);
  }
  // A shard's slot goes on; what has crashed needs no word of Slurm's.
  Watch shard;
  shard.slurm("RUNNING").exit({End::exited, 137, false, ""}).after(1s);
  EXPECT_EQ(shard.ended(), "no");
  shard.after(3s);
  EXPECT_EQ(shard.ended(), "exited 137");
  // A cluster that does not answer has not said that it was not its doing.
  Watch slow;
  slow.slurm("RUNNING").exit({End::exited, 137, false, ""}).after(1s);
  slow.silent(30s);
  EXPECT_EQ(slow.ended(), "no");
  slow.slurm("NODE_FAIL").after(1s);
  EXPECT_EQ(slow.ended(), "lost 0: a node of it failed");
  Watch crash;
  crash.slurm("RUNNING").exit({End::exited, 139, false, ""}).after(0s);
  EXPECT_EQ(crash.ended(), "exited 139");
}

TEST(SlurmJudge, SlurmsSilenceAboutTheReasonIsNotWaitedForForEver) {
  Watch w;
  w.slurm("RUNNING").exit({End::lost, 0, false, "its supervisor was killed"}).after(0s);
  w.after(14s);
  EXPECT_EQ(w.ended(), "no");
  w.after(1s);
  EXPECT_EQ(w.ended(), "lost 0: its supervisor was killed");
}

TEST(SlurmJudge, AnEndWithoutAFileIsALossOnceTheFileHadTimeToShow) {
  Watch w;
  w.slurm("NODE_FAIL").started().after(1s);
  EXPECT_EQ(w.ended(), "no");
  w.after(3s);
  EXPECT_EQ(w.ended(), "lost 0: a node of it failed");

  Watch late;
  late.slurm("COMPLETED").started().after(1s);
  late.exit({End::exited, 0, false, ""}).after(1s);
  EXPECT_EQ(late.ended(), "exited 0");
}

TEST(SlurmJudge, WhatNeverBeganWasNotLaunched) {
  Watch w;
  w.slurm("CANCELLED by 0").after(1s);
  w.after(1s);
  EXPECT_EQ(w.ended(), "not launched 0: somebody cancelled its Slurm job");

  Watch bad;
  bad.slurm("FAILED", "BadConstraints").after(1s);
  EXPECT_EQ(bad.after(1s).refused, "BadConstraints");
  EXPECT_EQ(bad.ended(), "not launched 0: Slurm cannot run it: BadConstraints");
}

TEST(SlurmJudge, ARefusalIsToldInTheClustersWords) {
  Watch w;
  w.view.refused = {{"c", "Invalid account or account/partition combination specified"}};
  EXPECT_EQ(w.after(1s).refused, "Invalid account or account/partition combination specified");
  EXPECT_EQ(w.ended(),
            "not launched 0: Slurm refuses it: Invalid account or account/partition combination "
            "specified");
}

TEST(SlurmJudge, ANodeThatOthersTookIsGivenUpAfterAMinute) {
  Watch w;
  EXPECT_EQ(w.slurm("PENDING", "Resources").after(300s).cancel, "");  // slurmctld was gone
  EXPECT_EQ(w.after(59s).cancel, "");
  EXPECT_EQ(w.after(1s).cancel, "17");
  EXPECT_EQ(w.after(1s).cancel, "");  // asked already
  EXPECT_EQ(w.after(5s).cancel, "17");
  w.slurm("CANCELLED by 0").after(1s);
  w.after(1s);
  EXPECT_EQ(w.ended(), "not launched 0: its nodes were not free in Slurm within 60 s (Resources)");
}

TEST(SlurmJudge, WhatSlurmNoLongerKnowsIsLost) {
  Watch w;
  w.slurm("RUNNING").started().after(1s);
  EXPECT_EQ(w.no_job().after(1s).past, "");
  EXPECT_EQ(w.after(4s).past, "17");  // accounting may know
  w.view.past = {{"17", "OUT_OF_MEMORY"}};
  w.after(1s);
  EXPECT_EQ(w.ended(), "lost 0: it used more than the memory that it asked for");

  Watch nobody;
  nobody.slurm("RUNNING").started().after(1s);
  nobody.no_job().after(1s);
  nobody.after(16s);
  EXPECT_EQ(nobody.ended(),
            "lost 0: Slurm does not know its job any more, and nobody wrote how it ended");

  Watch purged;  // but its files say all
  purged.no_job().exit({End::exited, 0, false, ""}).after(1s);
  EXPECT_EQ(purged.ended(), "exited 0");
}

TEST(SlurmJudge, NothingFollowsFromSilence) {
  Watch w;
  w.slurm("RUNNING").started().after(1s);
  w.no_job();
  for (int i = 0; i < 100; ++i) {
    w.now += 1s;  // no newer answer of Slurm
    (void)judge(w.known, w.seen, w.view, "c", true, w.now);
  }
  EXPECT_EQ(w.ended(), "no");
}

TEST(SlurmJudge, AStopIsASignalAndThenTheEnd) {
  Watch w;
  w.slurm("RUNNING").started().after(1s);
  w.known.ask_to_stop(10s);
  EXPECT_EQ(w.after(1s).signal, "17");
  EXPECT_EQ(w.after(1s).signal, "");
  EXPECT_EQ(w.after(5s).signal, "17");
  EXPECT_EQ(w.after(9s).cancel, "17");
  w.exit({End::exited, 143, true, ""}).after(1s);
  EXPECT_EQ(w.ended(), "exited 143 stopped");
}

TEST(SlurmJudge, WhatBeganWhileItWasTakenOutOfTheLineIsStopped) {
  Watch w;
  w.known.ask_to_stop(10s);
  EXPECT_EQ(w.slurm("PENDING").after(1s).cancel, "17");
  w.slurm("RUNNING").exit({End::lost, 0, false, "Slurm ended its job"}).after(1s);
  EXPECT_EQ(w.ended(), "exited 143 stopped");
}

TEST(SlurmJudge, AStopBeforeTheBeginTakesItOutOfTheLine) {
  Watch w;
  w.submitted = false;
  w.known.ask_to_stop(10s);
  EXPECT_TRUE(w.no_job().after(1s).withdraw);
  w.submitted = true;
  EXPECT_EQ(w.slurm("PENDING").after(1s).cancel, "17");
  w.slurm("CANCELLED by 0").after(1s);
  w.after(1s);
  EXPECT_EQ(w.ended(), "exited 143 stopped: stopped before it began");
}

TEST(SlurmJudge, WhatRanAndWaitsAgainWasRequeued) {
  Watch w;
  // The answer may be older than the start.
  EXPECT_EQ(w.slurm("PENDING", "BeginTime").started().after(1s).cancel, "");
  EXPECT_EQ(w.after(1s).cancel, "17");
  w.slurm("CANCELLED by 0").after(1s);
  w.after(3s);
  EXPECT_EQ(w.ended(), "lost 0: Slurm put its job back in line");
}

}  // namespace
}  // namespace mohona::slurm

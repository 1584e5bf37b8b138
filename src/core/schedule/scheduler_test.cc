// What must hold whatever comes: promises are kept, and nothing goes in circles.
#include "core/schedule/scheduler.h"

#include <gtest/gtest.h>

#include "core/schedule/random_work.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

// A fleet in which nothing breaks and everything ends by its limit, run to the end.
class Calm {
 public:
  explicit Calm(std::uint64_t seed) : dice_(seed) {
    policy_.ageing = any_of<Duration>(dice_, {Duration{0}, 1min});
    policy_.reservations_max = dice_.between(1, 4);
    policy_.patience = 20s;
    policy_.preempt = static_cast<Preempt>(dice_.below(3));
    policy_.min_run = 10s;
    for (int i = 0; i < 1 + dice_.below(2); ++i) pools_.push_back(any_pool(dice_, i));
    for (Pool& pool : pools_) pool.share_nodes = false;
    for (const Pool& pool : pools_) real_.define_pool(pool);
    real_.define_queues(any_queues(dice_), policy_);
  }

  void run(int jobs) {
    for (int i = 0; i < jobs; ++i) submit();
    decide();
    for (int i = 0; i < 10'000 && !(ends_.empty() && jobs_left_ == 0); ++i) {
      std::optional<Timestamp> next;
      if (!ends_.empty()) next = ends_.begin()->first;
      if (const auto wake = real_.wake_at(); wake && (!next || *wake < *next)) next = wake;
      if (jobs_left_ > 0 && dice_.one_in(3)) next = std::min(next.value_or(now_ + 5s), now_ + 5s);
      if (!next) break;
      now_ = std::max(now_, *next);
      while (!ends_.empty() && ends_.begin()->first <= now_) end(ends_.begin()->second);
      if (jobs_left_ > 0 && dice_.one_in(2)) submit();
      decide();
    }
  }

  std::int64_t promises = 0, restarts = 0;
  std::string story;

 private:
  struct Job {
    Needs needs;
    Duration limit{0}, runs{0};
    Waiting waiting;
    std::optional<OccupantId> who;
    Timestamp started;
    std::optional<Timestamp> promised;
    bool done = false;
  };

  void submit() {
    if (--jobs_left_ < 0) jobs_left_ = 0;
    Job job;
    job.needs = any_needs(dice_);
    job.needs.reservation.clear();
    job.limit = std::chrono::seconds(dice_.between(5, 60));
    job.runs = std::min<Duration>(job.limit, std::chrono::seconds(dice_.between(1, 60)));
    job.needs.limit = round_limit(job.limit);
    const JobId id{++last_};
    job.waiting = real_.wait(id, job.needs, rank_of(job.needs.priority, now_, id, policy_.ageing));
    jobs_[id] = job;
  }

  void end(AttemptId id) {
    Job& job = jobs_.at(id.job);
    std::erase_if(ends_, [&](const auto& e) { return e.second.job == id.job; });
    if (!job.who) return;
    const bool stopped = real_.running(*job.who).stopping;
    real_.end(*job.who);
    job.who.reset();
    if (!stopped) {
      job.done = true;
      return;
    }
    // It was preempted: after its minimum time, and it waits again at its old place.
    EXPECT_GE(now_ - job.started, policy_.min_run);
    ++restarts;
    job.promised.reset();
    job.waiting =
        real_.wait(id.job, job.needs,
                   rank_of(job.needs.priority, job.waiting.rank.since, id.job, Duration{0}));
  }

  void decide() {
    real_.begin(now_);
    while (const auto decision = real_.next()) {
      if (const auto* start = std::get_if<Start>(&*decision)) begin(*start);
      if (const auto* keep = std::get_if<Keep>(&*decision)) this->keep(*keep);
      ASSERT_FALSE(std::holds_alternative<Drop>(*decision));
    }
  }

  void begin(const Start& start) {
    Job& job = jobs_.at(start.job);
    if (job.promised) {
      EXPECT_LE(now_, *job.promised) << "job " << start.job.value << " was promised a start";
      ++promises;
    }
    Running run = real_.run_of(job.waiting, start);
    job.started = now_;
    run.end = run.expected = now_ + job.limit;
    run.leaves_within = 2s;
    real_.leave(job.waiting);
    job.who = real_.start(std::move(run));
    ends_.insert({now_ + job.runs, {start.job, 0, 1}});
  }

  void keep(const Keep& keep) {
    Job& job = jobs_.at(keep.job);
    EXPECT_TRUE(keep.promised);
    // What was promised once is never taken back for something later.
    if (job.promised && !keep.preempting) {
      EXPECT_LE(keep.start, *job.promised);
    }
    if (!job.promised || keep.start < *job.promised) job.promised = keep.start;
    for (const OccupantId who : keep.victims) {
      const Running& run = real_.running(who);
      EXPECT_FALSE(run.stopping);
      ends_.insert({now_ + 2s, run.id});
      real_.set_stopping(who, keep.job, now_ + 2s);
    }
    job.waiting = real_.keep(job.waiting, keep);
  }

  Dice dice_;
  SchedulingPolicy policy_;
  std::vector<Pool> pools_;
  Scheduler real_;
  std::map<JobId, Job> jobs_;
  std::set<std::pair<Timestamp, AttemptId>> ends_;
  Timestamp now_ = Timestamp{} + std::chrono::hours(1'000);
  std::uint64_t last_ = 0;
  int jobs_left_ = 30;
};

TEST(Scheduler, KeepsWhatItPromisesAndNeverGoesInCircles) {
  std::int64_t promises = 0, restarts = 0;
  for (std::uint64_t seed = 1; seed <= 2'000 && !HasFailure(); ++seed) {
    Calm calm(seed);
    calm.run(10);
    promises += calm.promises;
    restarts += calm.restarts;
    if (HasFailure()) FAIL() << "seed " << seed;
  }
  // The property says something only if both happen often.
  EXPECT_GT(promises, 1'000);
  EXPECT_GT(restarts, 100);
}

}  // namespace
}  // namespace mohona

// What is looked at when something has become free: work done, not time, and nobody forgotten.
#include <gtest/gtest.h>

#include "core/schedule/scheduler.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;
using std::chrono::minutes;

// A pool of nodes with 8 cores and 8 GPUs, where nothing is kept and nobody makes room.
class Hall {
 public:
  explicit Hall(std::int64_t nodes, const std::vector<Queue>& queues = {}) {
    pool_.name = "hall";
    pool_.nodes = nodes;
    pool_.shape = {"s", 8'000, 64'000, "h100", 8};
    pool_.price = Price{1'000'000'000};
    SchedulingPolicy policy;
    policy.preempt = Preempt::never;
    policy.reservations_max = 0;
    scheduler_.define_queues(queues, policy);
    scheduler_.define_pool(pool_);
  }

  // A gang of so many nodes, and what each member asks for. No two have one limit: a class each.
  void wait(std::uint64_t job, std::int64_t nodes, Demand demand, const std::string& queue = "") {
    Needs needs;
    needs.queue = queue;
    needs.choices = {Choice{demand, "", "", "", ""}};
    needs.min_nodes = needs.max_nodes = nodes;
    needs.limit = minutes(job);
    waiting_[JobId{job}] =
        scheduler_.wait(JobId{job}, needs, rank_of(0, now_, JobId{job}, Duration{0}));
  }
  void cancel(std::uint64_t job) { scheduler_.leave(waiting_.at(JobId{job})); }

  // At most so many starts: a pass may be interrupted.
  void decide(int starts_max = 1'000) {
    scheduler_.begin(now_);
    for (; starts_max > 0; --starts_max) {
      const auto decision = scheduler_.next();
      if (!decision) return;
      const Start& start = std::get<Start>(*decision);
      Running run = scheduler_.run_of(waiting_.at(start.job), start);
      scheduler_.leave(waiting_.at(start.job));
      running_[start.job] = scheduler_.start(std::move(run));
    }
  }
  void end(std::uint64_t job) {
    scheduler_.end(running_.at(JobId{job}));
    running_.erase(JobId{job});
  }
  bool runs(std::uint64_t job) const { return running_.contains(JobId{job}); }
  std::uint64_t looked_in_vain() const { return scheduler_.slept(); }

 private:
  Pool pool_;
  Scheduler scheduler_;
  const Timestamp now_{1h};
  std::map<JobId, Waiting> waiting_;
  std::map<JobId, OccupantId> running_;
};

const Demand whole_node{1'000, 0, "h100", 8, 0};
const Demand all_cores{8'000, 0, "", 0, 0};

// What one end lets in is not looked for by all who would have fitted.
TEST(Wake, ManyAreCalledForRoomAndOneIsLookedAt) {
  Hall hall(1);
  for (std::uint64_t i = 1; i <= 100; ++i) hall.wait(i, 1, whole_node);
  hall.decide();
  EXPECT_TRUE(hall.runs(1));
  EXPECT_EQ(hall.looked_in_vain(), 99u);
  hall.end(1);
  hall.decide();
  EXPECT_TRUE(hall.runs(2));
  EXPECT_EQ(hall.looked_in_vain(), 99u);
}

// Beside work that takes the cores and leaves the GPUs, a gang finds too few nodes however many
// have their GPUs free. It is looked at when as many more are free as it lacked, and not before.
TEST(Wake, AGangIsLookedAtWhenAsManyNodesAreFreeAsItLacked) {
  Hall hall(10);
  for (std::uint64_t i = 1; i <= 10; ++i) hall.wait(i, 1, all_cores);
  hall.decide();
  EXPECT_TRUE(hall.runs(10));
  for (std::uint64_t i = 11; i <= 60; ++i) hall.wait(i, 6, whole_node);
  hall.decide();
  EXPECT_EQ(hall.looked_in_vain(), 50u);
  for (std::uint64_t i = 1; i <= 5; ++i) hall.end(i), hall.decide();
  EXPECT_EQ(hall.looked_in_vain(), 50u);
  hall.end(6);
  hall.decide();
  EXPECT_TRUE(hall.runs(11));
  EXPECT_EQ(hall.looked_in_vain(), 50u);
}

// Passes are bounded, and jobs are cancelled between them.
TEST(Wake, TheNextInLineIsCalledWhenTheOneThatWasHasGone) {
  std::vector<Queue> queues(2);
  queues[0].name = "first", queues[1].name = "last";
  for (Queue& queue : queues) queue.guarantee_ppm = 250'000, queue.borrow_ppm = 0;
  Hall hall(4, queues);
  hall.wait(1, 1, whole_node, "last");
  hall.decide();
  hall.wait(2, 1, whole_node, "last");
  hall.wait(3, 1, whole_node, "last");
  hall.decide();
  EXPECT_FALSE(hall.runs(2));  // the queue has all that it may have
  hall.end(1);
  hall.wait(4, 1, whole_node, "first");
  hall.decide(1);
  EXPECT_TRUE(hall.runs(4));  // and the pass ends before the other queue's turn
  hall.cancel(2);
  hall.decide();
  EXPECT_TRUE(hall.runs(3));
}

}  // namespace
}  // namespace mohona

// The scheduler in virtual time: what is submitted, what ends when, and what each decision took.
#pragma once

#include <xxhash.h>

#include <queue>
#include <unordered_map>

#include "bench/figures.h"
#include "bench/work.h"

namespace mohona {

// A running hash, the same for the same decisions.
class Digest {
 public:
  Digest() : state_(XXH3_createState()) { XXH3_64bits_reset(state_); }
  ~Digest() { XXH3_freeState(state_); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  template <class T>
  void add(const T& value) {
    static_assert(std::has_unique_object_representations_v<T>);
    XXH3_64bits_update(state_, &value, sizeof value);
  }
  void add(const NodeSet& nodes);
  std::string text() const;

 private:
  XXH3_state_t* state_;
};

class World {
 public:
  struct Job {
    Waiting waiting;
    Duration runs{0};
    Timestamp submitted;
    bool greedy = false;
  };
  struct Counts {
    std::int64_t starts = 0, keeps = 0, drops = 0;
    std::int64_t blocked = 0;   // submitted, looked at, and put to sleep with its reason
    std::int64_t answered = 0;  // submitted to a class that sleeps, which says why at once
    std::int64_t in_vain = 0;   // looked at again, and put to sleep again: no decision
    std::int64_t ends = 0;
    std::int64_t decisions() const { return starts + keeps + drops + blocked + answered; }
  };

  World(const std::vector<Pool>& pools, const std::vector<Queue>& queues,
        const SchedulingPolicy& policy);

  // Each of these is an event: it is told to the scheduler, which then decides all there is to
  // decide. The job's number.
  JobId submit(const Work& work, bool greedy = false);
  // The next end, or instant at which the scheduler wants to be asked, not after `until`.
  bool step(Timestamp until = Timestamp::max());
  void pass();
  // Outside of any measure: what had started would have been running for a while.
  void spread_ends(Dice& dice);

  Timestamp now() const { return now_; }
  void set_now(Timestamp now) { now_ = now; }
  Scheduler& scheduler() { return scheduler_; }
  const std::unordered_map<std::uint64_t, Job>& waiting() const { return waiting_; }
  std::size_t greedy_waiting() const { return greedy_waiting_; }
  std::int64_t running() const { return running_; }
  std::int64_t gpus() const { return gpus_; }
  std::int64_t cores_milli() const { return cores_; }  // of nodes without GPUs
  std::int64_t gpus_used_milli() const { return gpus_used_; }
  std::int64_t cores_used_milli() const { return cores_used_; }
  const Counts& counts() const { return counts_; }
  std::string digest() const { return digest_.text(); }

  // What is measured from here on. The time of a decision is all that passed since the one before
  // it in the same event, or since the event; what follows the last one belongs to it, too.
  void measure() { counts_ = {}, decision_us_.clear(), event_us_.clear(), busy_seconds_ = 0; }
  const Series& decision_us() const { return decision_us_; }
  const Series& event_us() const { return event_us_; }
  double busy_seconds() const { return busy_seconds_; }

  // Called after the event in which it happened.
  std::function<void(JobId, const Job&, const Running&)> on_start;
  std::function<void(const Keep&)> on_keep;
  std::function<void(OccupantId, const Running&)> on_end;  // before it ends
  // How long work that is told to stop stays.
  Duration leaves_within{std::chrono::seconds(30)};
  // Of work without a limit it is guessed how long it runs, from what has ended.
  bool learns = false;

 private:
  struct Leaving {
    Timestamp at;
    std::uint64_t number;  // breaks ties
    OccupantId who;
    AttemptId id;  // a slot may have been given to others since
    friend bool operator>(const Leaving& a, const Leaving& b) {
      return std::tie(a.at, a.number) > std::tie(b.at, b.number);
    }
  };
  struct Done {  // in the event that is under way; written down after it
    OccupantId who = nobody;
    Job job;
    std::optional<Keep> keep;
  };

  void decide(std::optional<JobId> submitted = std::nullopt);
  void apply(const Start& start);
  void apply(const Keep& keep);
  void apply(const Drop& drop);
  void decided();
  void write_down();
  void count_use(const Running& run, std::int64_t sign);

  std::vector<Pool> pools_;
  Scheduler scheduler_;
  History history_;
  std::unordered_map<std::uint64_t, Job> waiting_;
  std::size_t greedy_waiting_ = 0;
  std::priority_queue<Leaving, std::vector<Leaving>, std::greater<>> leaving_;
  std::vector<Done> done_;
  std::uint64_t last_job_ = 0, last_leaving_ = 0;
  Timestamp now_ = Timestamp{} + std::chrono::hours(500'000);
  std::int64_t running_ = 0, gpus_ = 0, cores_ = 0, gpus_used_ = 0, cores_used_ = 0;
  Counts counts_;
  Digest digest_;
  Series decision_us_, event_us_;
  Ticks begun_{}, marked_{};
  double busy_seconds_ = 0;
};

}  // namespace mohona

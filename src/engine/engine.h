// Where work runs. An engine is told what to run and later asked what it runs; it decides nothing.
//
// Every call may be repeated: `launch` of an attempt that exists is that attempt. An error whose
// retry is outcome_unknown says nothing about whether the call took effect: ask `observe`. A launch
// that fails with Code::invalid never can succeed; one that fails otherwise is tried again.
//
// `launch`, `stop`, `observe`, `changes`, `forget` and `nodes` are called from one thread, one at a
// time; `list_shards` and `read_log` from others, beside them and each other.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/attempt.h"
#include "model/record.h"

namespace mohona {

// While an attempt runs, an engine has news of its steps at most so often: each is a fact.
constexpr std::chrono::seconds progress_every{5};

// A needed job, as its dependants see it: the directory of its outputs and, a service, its address.
struct NeededJob {
  std::string name;
  JobId job;
  std::string endpoint;  // "127.0.0.1:8080"; empty when it is no service
};

// Everything that an attempt needs to run.
struct Launch {
  Attempt attempt;
  std::shared_ptr<const JobSpec> spec;
  std::vector<NeededJob> needs;
  std::string shard;            // a data job's part
  std::size_t shard_count = 0;  // 0: no data job
  std::uint32_t restarts = 0;   // attempts of this task before this one
  Variables secrets;
  std::shared_ptr<const Pool> pool;  // where it goes
};

// Hooks of `event`, then `signal`, after `grace` KILL of the whole tree; all of it `within`.
struct Stop {
  std::string signal = "TERM";
  Duration grace{0};
  Duration within{0};
  std::string event;                           // SkyPilot's: stop, preemption, down
  StopTarget target = StopTarget::everything;  // of the signal; KILL reaches everything
};

enum class Phase { launched, running, ended };

// How far work says that it is.
struct StepsReport {
  std::int64_t done = 0;
  std::optional<std::int64_t> total;
  Metrics metrics;
  std::optional<Timestamp> at;  // when it was so far, where that is known
  friend bool operator==(const StepsReport&, const StepsReport&) = default;
};

struct Report {
  AttemptId attempt;
  Phase phase = Phase::launched;
  std::int64_t port = 0;
  std::optional<Timestamp> started_at, ended_at;
  Outcome outcome;         // of one that ended
  Box<StepsReport> steps;  // the newest, if it has said any; of one that ended, the last
  std::string waits_for;   // of one that is launched and has not started: why not, for people
};

// A node as those who run its cluster see it. `load` is what others hold there.
struct NodeReport {
  std::int64_t node = 0;
  NodeState state = NodeState::up;
  std::string reason;
  ForeignLoad load;
  friend bool operator==(const NodeReport&, const NodeReport&) = default;
};

struct LogPart {
  std::string text;
  std::uint64_t next = 0;  // where to go on
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Starts the attempt on exactly these nodes, or does nothing at all.
  virtual Result<void> launch(const Launch& launch) = 0;

  // Stopping what is gone, or is being stopped already, succeeds.
  virtual Result<void> stop(const AttemptId& attempt, const Stop& stop) = 0;

  // Every attempt that was launched here and not forgotten, ended or not. The list is the truth;
  // silence is not: an error leaves everything as it was.
  virtual Result<std::vector<Report>> observe() = 0;

  // What has something new since the last call of this or of `observe`, at least; for those who
  // look often. It may miss what `observe` will say.
  virtual Result<std::vector<Report>> changes() { return observe(); }

  // The attempt's end is durable elsewhere: it need not be reported any more. Its logs stay.
  virtual Result<void> forget(const AttemptId& attempt) = 0;

  // The files that match a data job's globs, sorted, each once.
  virtual Result<std::vector<std::string>> list_shards(const Job& job,
                                                       const std::vector<NeededJob>& needs) = 0;

  // What rank `rank` has written, from `offset` on, at most `bytes_max`.
  virtual Result<LogPart> read_log(const AttemptId& attempt, std::int64_t rank,
                                   std::uint64_t offset, std::size_t bytes_max) = 0;

  // The nodes of this pool that are not simply up and ours alone; the others are. An engine whose
  // nodes nobody else manages or uses has nothing to say: nullopt, as long as nothing is known.
  virtual std::optional<std::vector<NodeReport>> nodes(const Pool&) { return std::nullopt; }

  // Called from any thread when `observe` may have something new. Set once, before anything else.
  virtual void on_change(std::function<void()> changed) = 0;
};

}  // namespace mohona

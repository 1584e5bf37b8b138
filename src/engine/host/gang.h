// The ranks of one attempt, from their start to the end of the last of them.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "engine/host/cgroup.h"
#include "engine/host/order.h"

namespace mohona::host {

// Ranks start together. When one fails, the others are stopped: half a gang computes nothing.
class Gang {
 public:
  // `signals`: a signalfd of SIGCHLD, SIGUSR1 and SIGTERM. The order must outlive the gang.
  Gang(std::string directory, const Order& order, int signals)
      : directory_(std::move(directory)), order_(order), signals_(signals) {}

  // Runs `script` as the first `count` ranks and waits for their end. `stopped` in the outcome says
  // that stop.json was obeyed before they had ended by themselves. A gang that Slurm ends by itself
  // is lost.
  Outcome run(const std::string& name, const std::string& script, std::size_t count);

 private:
  using Steady = std::chrono::steady_clock;
  struct Rank {
    pid_t pid = 0;
    bool running = false;
    Cgroup cgroup;
  };

  Result<std::string> place_script(const std::string& name, const std::string& script);
  Result<void> write_script(const std::string& path, const std::string& script);
  pid_t start(const std::string& program, const RankOrder& rank, const Cgroup& cgroup);
  bool start_ranks(const std::string& program, std::size_t count);
  void judge(Outcome& outcome);
  void read_signals();
  void kill_ranks();
  void wait_for_event();
  void reap(Outcome& outcome);
  void begin_stop();
  void start_hook();
  void act_on_time();
  void signal_ranks(int number);
  bool any_running() const;

  std::string directory_;
  const Order& order_;
  int signals_;
  std::vector<Rank> ranks_;
  bool failed_ = false;
  bool step_ = false;  // the one process is srun
  bool steps_killed_ = false;
  bool ended_outside_ = false;  // Slurm ends the job

  // The stop, once there is one: hooks until `hooks_until_`, then the signal, KILL at `kill_at_`.
  bool stopping_ = false, signalled_ = false;
  StopFile stop_;
  std::vector<const Hook*> hooks_;
  pid_t hook_ = 0;
  Steady::time_point hook_until_, hooks_until_, kill_at_;
};

}  // namespace mohona::host

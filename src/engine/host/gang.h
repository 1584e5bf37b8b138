// The ranks of one attempt, from their start to the end of the last of them.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "engine/host/cgroup.h"
#include "engine/host/log_pump.h"
#include "engine/host/order.h"
#include "engine/host/start.h"

namespace mohona::host {

// Ranks start together. When one fails, the others are stopped: half a gang computes nothing.
//
// A gang that ends by itself is over when its ranks are. One that is stopped is over when its last
// process is gone, whoever started it: the shell that runs the script mostly dies first, and what
// it started is still saving.
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
  Result<pid_t> start(const std::string& program, const RankOrder& rank, const Cgroup& cgroup);
  Result<void> start_ranks(const std::string& program, std::size_t count);
  void judge(Outcome& outcome);
  void judge_step(Outcome& outcome);
  void read_signals();
  void kill_work();
  void wait_for_event();
  void reap(Outcome& outcome);
  void look_at_step();
  void stop_others();
  void note_end(Rank& rank, int status, Outcome& outcome);
  void begin_stop();
  void start_hook();
  void act_on_time();
  void signal_work(int number, StopTarget target);
  void signal_everything(int number);
  void signal_steps_of_script(int number);
  bool any_running() const;
  bool is_over() const;
  std::string rank_name(const Rank& rank) const;

  std::string directory_;
  const Order& order_;
  int signals_;
  Starter starter_;
  LogPump pump_;
  std::vector<Rank> ranks_;
  bool childless_ = false;  // as of the last look
  bool failed_ = false;     // a rank has, and the others are being stopped
  bool step_ = false;       // the one process is srun
  int kill_tried_ = 0;
  bool ended_outside_ = false;  // Slurm ends the job

  // The stop, once there is one: hooks until `hooks_until_`, then the signal, KILL at `kill_at_`.
  bool stopping_ = false, signalled_ = false;
  StopFile stop_;
  std::vector<const Hook*> hooks_;
  pid_t hook_ = 0;
  Steady::time_point hook_until_, hooks_until_, kill_at_;
};

}  // namespace mohona::host

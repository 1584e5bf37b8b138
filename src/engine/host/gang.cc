#include "engine/host/gang.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "engine/host/places.h"
#include "engine/host/processes.h"
#include "engine/host/slurm_step.h"
#include "engine/host/srun.h"

namespace mohona::host {
namespace {

// How long the other ranks may take to end after one of them has failed.
constexpr std::chrono::seconds abort_grace{10};
// A killed process may have had a child that we did not see.
constexpr std::chrono::seconds kill_again_after{1};
// On a shared file system nothing tells us of stop.json.
constexpr std::chrono::seconds look_for_stop_every{1};
// What ends by TERM or KILL under Slurm may have had it from there: then we get it too, about now.
constexpr int slurms_signal_within_ms = 500;
// Between the end of a step and the end of its srun.
constexpr std::chrono::seconds step_leaves_within{5};

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool is_srun(const Process& process) { return is_called(process.pid, "srun"); }

Outcome could_not_start(const std::string& why) { return {End::exited, 125, false, why}; }

}  // namespace

Result<void> Gang::write_script(const std::string& path, const std::string& script) {
  const std::string text = script.starts_with("#!") ? script : "#!/bin/bash\n" + script;
  const std::string made = fmt::format("{}.{}", path, ::getpid());
  if (auto ok = overwrite_file(made, text); !ok) return ok;
  if (::chmod(made.c_str(), 0700) != 0 || ::rename(made.c_str(), path.c_str()) != 0) {
    return system_failure("make executable", path);
  }
  return {};
}

// Where the script stands: that of a job's shards is the same for all of them.
Result<std::string> Gang::place_script(const std::string& name, const std::string& script) {
  const bool shared = !order_.published_output.empty();
  const std::string path =
      fmt::format("{}/{}.sh", shared ? order_.job_directory : directory_, name);
  if (shared && ::access(path.c_str(), X_OK) == 0) return path;
  if (auto ok = write_script(path, script); !ok) return fail(ok.error());
  return path;
}

std::string Gang::rank_name(const Rank& rank) const {
  return fmt::format("rank {} of {}", &rank - ranks_.data(), ranks_.size());
}

Result<pid_t> Gang::start(const std::string& program, const RankOrder& rank, const Cgroup& cgroup) {
  auto out = pump_.open(rank.log);
  if (!out) return fail(out.error());
  auto err = is_same_log(rank.log, rank.error_log) ? Result<Fd>(Fd()) : pump_.open(rank.error_log);
  if (!err) return fail(err.error());
  NewProcess what{program, order_.directory, rank_variables(order_, rank), out->get(), 0, {}};
  what.err = *err ? err->get() : what.out;
  std::vector<Fd> entrances;
  for (const std::string& path : cgroup.entrances()) {
    entrances.emplace_back(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    what.entrances.push_back(entrances.back().get());
  }
  const pid_t pid = starter_.start(what);
  if (pid < 0) return fail(Code::unavailable, "the machine has no room for another process");
  return pid;
}

Result<void> Gang::start_ranks(const std::string& program, std::size_t count) {
  ranks_.clear();
  ranks_.resize(count);
  for (Rank& rank : ranks_) {
    const auto index = static_cast<std::size_t>(&rank - ranks_.data());
    RankOrder order = order_.ranks[index];
    if (step_) order.log = directory_ + "/srun.log", order.error_log.clear();
    // Slurm holds its jobs, and holds them to what they asked for, by itself.
    if (!order_.slurm) {
      rank.cgroup = Cgroup::make(directory_, index, order.cpus_milli, order.memory_mib);
    }
    const auto pid = start(program, order, rank.cgroup);
    if (!pid) {
      const std::string& why = pid.error().message;
      return fail(pid.error().code, count == 1 ? why : fmt::format("{}: {}", rank_name(rank), why));
    }
    rank.pid = *pid;
    rank.running = true;
  }
  return {};
}

Outcome Gang::run(const std::string& name, const std::string& script, std::size_t count) {
  Outcome outcome;
  const auto placed = place_script(name, script);
  if (!placed) return Outcome{End::exited, 1, false, placed.error().message};
  std::string program = *placed;
  step_ = order_.slurm && count > 1;
  if (step_) {
    auto step = write_step(directory_, order_, program);
    if (!step) return Outcome{End::exited, 1, false, step.error().message};
    program = *step;
    count = 1;
  }
  if (const auto started = start_ranks(program, count); !started) {
    failed_ = signalled_ = true;
    kill_at_ = Steady::now();
    outcome = could_not_start(started.error().message);
  }
  // A stop may have come before we listened.
  if (exists(directory_ + "/stop.json")) begin_stop();
  for (reap(outcome); !is_over(); reap(outcome)) {
    act_on_time();
    wait_for_event();
  }
  judge(outcome);
  kill_descendants();
  pump_.finish();
  for (Rank& rank : ranks_) rank.cgroup.remove();
  return outcome;
}

// What only the end of all ranks tells of how they ended.
void Gang::judge(Outcome& outcome) {
  for (Rank& rank : ranks_) {
    if (!rank.cgroup.out_of_memory()) continue;
    const auto index = static_cast<std::size_t>(&rank - ranks_.data());
    outcome.detail = fmt::format(
        "a process was killed for memory ({} MB): it used more than the memory it asked for",
        order_.ranks[index].memory_mib);
    if (ranks_.size() > 1) outcome.detail = rank_name(rank) + ": " + outcome.detail;
    break;
  }
  if (step_) judge_step(outcome);
  outcome.stopped = signalled_ && stopping_;
  if (!order_.slurm || stopping_) return;
  const bool by_signal = outcome.exit_code == 128 + SIGTERM || outcome.exit_code == 128 + SIGKILL;
  if (by_signal && !ended_outside_) {
    pollfd poll{signals_, POLLIN, 0};
    ::poll(&poll, 1, slurms_signal_within_ms);
    read_signals();
  }
  if (ended_outside_) outcome = Outcome{End::lost, 0, false, "Slurm ended its job"};
}

// What srun leaves with proves little: it leaves with 0 where no task could be launched.
void Gang::judge_step(Outcome& outcome) {
  const std::size_t count = order_.ranks.size();
  if (const auto failure = first_failure(directory_)) {
    outcome.exit_code = failure->code;
    outcome.signal = failure->signal;
    if (!stopping_) outcome.detail = fmt::format("rank {} of {}", failure->rank, count);
    return;
  }
  if (outcome.exit_code != 0) {
    if (!stopping_) outcome.detail = last_words(directory_ + "/srun.log");
    return;
  }
  const auto silent = rank_without_end(directory_, count);
  if (!silent) return;
  const std::string words = last_words(directory_ + "/srun.log");
  outcome = could_not_start(fmt::format("rank {} of {} has not recorded its end{}", *silent, count,
                                        words.empty() ? "" : ": " + words));
}

bool Gang::any_running() const {
  return std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& r) { return r.running; });
}

bool Gang::is_over() const { return !any_running() && (!signalled_ || childless_); }

void Gang::wait_for_event() {
  const auto now = Steady::now();
  auto until = now + std::chrono::minutes(1);
  if (order_.slurm) until = now + look_for_stop_every;
  if (stopping_ || failed_) {
    until = std::min(until, kill_at_);
    if (!signalled_) until = std::min(until, hook_ > 0 ? hook_until_ : hooks_until_);
  }
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  pollfd poll{signals_, POLLIN, 0};
  ::poll(&poll, 1, static_cast<int>(std::clamp<std::int64_t>(wait, 0, 60'000)));
  read_signals();
  if (order_.slurm && !stopping_) begin_stop();
  if (step_) look_at_step();
}

// A rank on some node has recorded that it failed.
void Gang::look_at_step() {
  if (!stopping_ && !failed_ && any_running() && first_failure(directory_)) stop_others();
}

// The other ranks have nothing to compute any more.
void Gang::stop_others() {
  failed_ = signalled_ = true;
  kill_at_ = Steady::now() + abort_grace;
  signal_work(SIGTERM, StopTarget::everything);
}

void Gang::read_signals() {
  signalfd_siginfo info;
  while (::read(signals_, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGUSR1) begin_stop();
    if (info.ssi_signo == SIGTERM && order_.slurm) ended_outside_ = true;
  }
}

void Gang::reap(Outcome& outcome) {
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid == hook_) hook_ = 0;
    const auto rank = std::find_if(ranks_.begin(), ranks_.end(),
                                   [&](const Rank& r) { return r.running && r.pid == pid; });
    if (rank != ranks_.end()) note_end(*rank, status, outcome);  // else an orphan that came to us
  }
  childless_ = pid < 0 && errno == ECHILD;
}

// Rank 0's end is the script's end for Slurm and for us; others count when they fail.
void Gang::note_end(Rank& rank, int status, Outcome& outcome) {
  rank.running = false;
  const int code = exit_code(status);
  if (code == 0 || outcome.exit_code != 0) return;
  outcome.exit_code = code;
  outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (code == 125 || code == 126) outcome.detail = starter_.why_not(rank.pid);
  if (ranks_.size() > 1 && !stopping_) {
    outcome.detail = rank_name(rank) + (outcome.detail.empty() ? "" : ": " + outcome.detail);
  }
  if (!stopping_ && !failed_ && any_running()) stop_others();
}

void Gang::begin_stop() {
  if (stopping_) return;
  if (!exists(directory_ + "/stop.json")) return;
  // Half a file, or none of ours, is a stop all the same.
  stop_ = read_stop(directory_).value_or(StopFile{"KILL", Duration{0}, Duration{0}, "", {}});
  const auto now = Steady::now();
  if (failed_) {  // it is ending already
    kill_at_ = std::min<Steady::time_point>(kill_at_, now + stop_.within);
    return;
  }
  stopping_ = true;
  kill_at_ = now + stop_.within;
  hooks_until_ = kill_at_ - stop_.grace;
  for (const Hook& hook : order_.hooks) {
    if (std::find(hook.events.begin(), hook.events.end(), stop_.event) != hook.events.end()) {
      hooks_.push_back(&hook);
    }
  }
  // A notice too short for both: hooks get half of it.
  if (!hooks_.empty() && hooks_until_ <= now) hooks_until_ = now + stop_.within / 2;
}

void Gang::start_hook() {
  const Hook* hook = hooks_.front();
  hooks_.erase(hooks_.begin());
  const std::string program = fmt::format("{}/hook.{}.sh", directory_, hooks_.size());
  if (!write_script(program, hook->run)) return;
  RankOrder rank = order_.ranks.front();
  rank.environment.emplace_back("SKYPILOT_HOOK_EVENT", stop_.event);
  hook_ = start(program, rank, Cgroup{}).value_or(0);
  hook_until_ = std::min(hooks_until_, Steady::now() + hook->timeout);
}

void Gang::act_on_time() {
  if (!stopping_ && !failed_) return;
  const auto now = Steady::now();
  if (stopping_ && !signalled_) {
    if (hook_ > 0 && now >= hook_until_) {
      ::kill(-hook_, SIGKILL);
      hook_ = 0;
    }
    if (hook_ == 0 && !hooks_.empty() && now < hooks_until_) start_hook();
    if (hook_ > 0) return;
    signalled_ = true;
    kill_at_ = std::min(kill_at_, now + stop_.grace);
    // Without grace there is nothing to be saved: half a checkpoint is worse than none.
    if (stop_.grace > Duration{0}) signal_work(signal_number(stop_.signal), stop_.target);
  }
  if (now >= kill_at_) kill_work();
}

// Ranks on other nodes are asked to kill what they have started, which Slurm may not all know. Then
// srun is told to end its step: killing srun alone would leave its tasks to themselves, and what
// scancel kills without naming a step is the whole job. Then it is killed.
void Gang::kill_work() {
  const std::vector<Process> all = descendants_of(::getpid());
  if (step_ && kill_tried_++ == 0) {
    ask_ranks_to_kill(directory_);
    kill_at_ = Steady::now() + step_leaves_within;
    return;
  }
  const bool by_srun = order_.slurm && kill_tried_++ <= (step_ ? 2 : 0) &&
                       std::any_of(all.begin(), all.end(), is_srun);
  for (const Process& process : all) {
    ::kill(process.pid, by_srun && is_srun(process) ? SIGTERM : SIGKILL);
  }
  kill_at_ = Steady::now() + (by_srun ? step_leaves_within : kill_again_after);
}

void Gang::signal_work(int number, StopTarget target) {
  if (number == 0) number = SIGTERM;
  if (step_) return signal_steps(number);  // srun itself takes TERM for the end of its step
  if (target == StopTarget::steps) return signal_steps_of_script(number);
  if (target == StopTarget::shell) {
    ::kill(ranks_.front().pid, number);
    ::kill(ranks_.front().pid, SIGCONT);
    return;
  }
  signal_everything(number);
}

void Gang::signal_everything(int number) {
  std::vector<Process> all = descendants_of(::getpid());
  // Slurm's srun takes TERM for the end of its step, at once: Slurm has to signal the tasks.
  if (order_.slurm && std::erase_if(all, is_srun) > 0) {
    signal_steps(number);
    return signal_each(all, number);
  }
  signal_all(all, number);
}

// Slurm's way with a batch script: what srun has started is signalled, the script itself is not. At
// a time limit it leaves a script without steps alone. A cancel or a reclaim of ours does not wait
// out a grace of which nobody knows.
void Gang::signal_steps_of_script(int number) {
  const std::vector<Process> all = descendants_of(::getpid());
  std::vector<Process> steps;
  for (const Process& process : all) {
    if (order_.slurm ? is_srun(process) : has_variable(process.pid, step_variable)) {
      steps.push_back(process);
    }
  }
  if (steps.empty() && stop_.event != "stop") return signal_everything(SIGTERM);
  if (steps.empty()) return;
  if (order_.slurm) return signal_steps(number);
  // Our srun is told as well: a step that is stopped is over when its last process is gone.
  for (const Process& process : all) {
    if (is_called(process.pid, supervisor_name)) ::kill(process.pid, number);
  }
  signal_all(steps, number);
}

}  // namespace mohona::host

#include "engine/host/gang.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "base/file.h"
#include "engine/host/processes.h"
#include "engine/host/slurm_step.h"
#include "model/json_text.h"

namespace mohona::host {
namespace {

// How long the other ranks may take to end after one of them has failed.
constexpr std::chrono::seconds abort_grace{10};
// On a shared file system nothing tells us of stop.json.
constexpr std::chrono::seconds look_for_stop_every{1};
// What ends by TERM or KILL under Slurm may have had it from there: then we get it too, about now.
constexpr int slurms_signal_within_ms = 500;
// Between the end of a step and the end of its srun.
constexpr std::chrono::seconds step_leaves_within{5};

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int open_log(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
}

// In the child, after fork: nothing here may allocate or fail without ending the process.
[[noreturn]] void become(const char* program, char* const* environment, const char* directory,
                         int out, int err, const std::vector<int>& cgroups, pid_t supervisor) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) ::_exit(125);
  for (const int entrance : cgroups) {
    if (::write(entrance, "0", 1) != 1) ::_exit(125);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int in = ::open("/dev/null", O_RDONLY);
  if (::chdir(directory) != 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) {
    ::_exit(125);
  }
  ::close_range(3, ~0U, 0);
  ::umask(022);
  char* const arguments[] = {const_cast<char*>(program), nullptr};
  ::execve(program, arguments, environment);
  constexpr std::string_view message = "mohona: cannot start the script's interpreter\n";
  [[maybe_unused]] const ssize_t n = ::write(2, message.data(), message.size());
  ::_exit(126);
}

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

pid_t Gang::start(const std::string& program, const RankOrder& rank, const Cgroup& cgroup) {
  std::map<std::string, std::string> values;
  if (order_.slurm) {
    for (const auto& [key, value] : slurms_variables()) values[key] = value;
  }
  for (const auto& [key, value] : order_.environment) values[key] = value;
  for (const auto& [key, value] : rank.environment) values[key] = value;
  std::vector<std::string> variables;
  for (const auto& [key, value] : values) variables.push_back(key + "=" + value);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  const Fd out(open_log(rank.log));
  const Fd err(rank.error_log.empty() ? ::dup(out.get()) : open_log(rank.error_log));
  std::vector<Fd> entrances;
  std::vector<int> entrance_numbers;
  for (const std::string& path : cgroup.entrances()) {
    entrances.emplace_back(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    entrance_numbers.push_back(entrances.back().get());
  }
  const pid_t supervisor = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    become(program.c_str(), environment.data(), order_.directory.c_str(), out.get(), err.get(),
           entrance_numbers, supervisor);
  }
  if (pid > 0) ::setpgid(pid, pid);  // both sides, so that neither can be late
  return pid;
}

// False: one of them could not be started.
bool Gang::start_ranks(const std::string& program, std::size_t count) {
  ranks_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    RankOrder order = order_.ranks[i];
    if (step_) order.log = directory_ + "/srun.log", order.error_log.clear();
    Rank& rank = ranks_.emplace_back();
    // Slurm holds its jobs, and holds them to what they asked for, by itself.
    if (!order_.slurm) {
      rank.cgroup = Cgroup::make(directory_, i, order.cpus_milli, order.memory_mib);
    }
    rank.pid = start(program, order, rank.cgroup);
    rank.running = rank.pid > 0;
  }
  return std::all_of(ranks_.begin(), ranks_.end(), [](const Rank& r) { return r.running; });
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
  if (!start_ranks(program, count)) {
    failed_ = signalled_ = true;
    kill_at_ = Steady::now();
    outcome.exit_code = 125;
    outcome.detail = "the machine has no room for another process";
  }
  // A stop may have come before we listened.
  if (::access((directory_ + "/stop.json").c_str(), F_OK) == 0) begin_stop();
  while (any_running()) {
    act_on_time();
    wait_for_event();
    reap(outcome);
  }
  judge(outcome);
  kill_descendants();
  for (Rank& rank : ranks_) rank.cgroup.remove();
  return outcome;
}

// What only the end of all ranks tells of how they ended.
void Gang::judge(Outcome& outcome) {
  for (Rank& rank : ranks_) {
    if (rank.cgroup.out_of_memory()) {
      outcome.detail = "the kernel killed it: it used more than the memory it asked for";
    }
  }
  if (step_ && outcome.exit_code != 0) {
    if (const auto failure = first_failure(directory_)) {
      outcome.exit_code = failure->code;
      if (!stopping_) {
        outcome.detail = fmt::format("rank {} of {}", failure->rank, order_.ranks.size());
      }
    }
  }
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

bool Gang::any_running() const {
  return std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& r) { return r.running; });
}

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
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == hook_) hook_ = 0;
    const auto rank = std::find_if(ranks_.begin(), ranks_.end(),
                                   [&](const Rank& r) { return r.running && r.pid == pid; });
    if (rank == ranks_.end()) continue;  // an orphan that came to us
    rank->running = false;
    const int code = exit_code(status);
    // Rank 0's end is the script's end for Slurm and for us; others count when they fail.
    if (code == 0 || outcome.exit_code != 0) continue;
    outcome.exit_code = code;
    if (ranks_.size() > 1 && !stopping_) {
      outcome.detail = fmt::format("rank {} of {}", rank - ranks_.begin(), ranks_.size());
    }
    if (!stopping_ && !failed_) {
      failed_ = true;
      signalled_ = true;
      kill_at_ = Steady::now() + abort_grace;
      signal_ranks(SIGTERM);
    }
  }
}

void Gang::begin_stop() {
  if (stopping_) return;
  const auto text = read_file(directory_ + "/stop.json");
  if (!text) return;
  try {
    stop_ = json_text::from_text<StopFile>(*text);
  } catch (const std::exception&) {
    stop_ = StopFile{"KILL", Duration{0}, Duration{0}, ""};
  }
  if (failed_ && signalled_) return;  // it is ending already
  stopping_ = true;
  const auto now = Steady::now();
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
  hook_ = std::max(0, start(program, rank, Cgroup{}));
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
    if (stop_.grace > Duration{0}) signal_ranks(signal_number(stop_.signal));
  }
  if (now >= kill_at_) kill_ranks();
}

void Gang::kill_ranks() {
  kill_at_ = Steady::now() + std::chrono::seconds(1);
  if (step_ && !std::exchange(steps_killed_, true)) {
    kill_steps();  // srun alone would leave its tasks to themselves
    kill_at_ = Steady::now() + step_leaves_within;
    return;
  }
  for (const Rank& rank : ranks_) {
    if (rank.running) ::kill(rank.pid, SIGKILL);
  }
}

void Gang::signal_ranks(int number) {
  for (const Rank& rank : ranks_) {
    if (rank.running) ::kill(-rank.pid, number == 0 ? SIGTERM : number);
  }
}

}  // namespace mohona::host

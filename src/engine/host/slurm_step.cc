#include "engine/host/slurm_step.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "engine/host/log_pump.h"
#include "engine/host/places.h"
#include "engine/host/processes.h"
#include "engine/host/start.h"
#include "model/json_text.h"

namespace mohona::host {
namespace {

constexpr const char* ranks_file = "ranks.json";
constexpr const char* failed_file = "failed";
constexpr const char* kill_file = "kill";
// With a file for each rank that has ended, by its number: appends of several nodes to one file get
// lost on NFS.
constexpr const char* ends_directory = "ends";
// How long a shared file system may take to show a file to another node.
constexpr std::chrono::seconds visible_within{3};
constexpr std::chrono::milliseconds look_every{50};
constexpr std::size_t words_bytes_max = 300;

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

// The first rank to say so is believed: what Slurm then ends is no failure of its own.
void say_failed(const std::string& directory, const std::string& rank, int code, int signal) {
  const std::string path = fmt::format("{}/{}", directory, failed_file);
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return;
  const std::string text = fmt::format("{} {} {}\n", rank, code, signal);
  [[maybe_unused]] const ssize_t n = ::write(fd.get(), text.data(), text.size());
}

std::string end_of(const std::string& directory, std::size_t rank) {
  return fmt::format("{}/{}/{}", directory, ends_directory, rank);
}

Variables slurms_variables() {
  constexpr std::array<std::string_view, 4> devices = {
      "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK"};
  // Work that asked for no GPU must not see one, where Slurm does not keep it from them.
  Variables out = {{"CUDA_VISIBLE_DEVICES", ""}};
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    const bool device = std::find(devices.begin(), devices.end(), name) != devices.end();
    // Arrays are ours: Slurm's own say nothing of the work's.
    const bool slurm = (name.starts_with("SLURM_") && !name.starts_with("SLURM_ARRAY_")) ||
                       name.starts_with("SLURMD_");
    if (device || slurm)
      out.emplace_back(name, text.substr(std::min(text.size(), name.size() + 1)));
  }
  return out;
}

}  // namespace

Variables rank_variables(const Order& order, const RankOrder& rank) {
  std::map<std::string, std::string> values;
  if (order.slurm) {
    for (const auto& [key, value] : slurms_variables()) values[key] = value;
  }
  for (const auto& [key, value] : order.environment) values[key] = value;
  for (const auto& [key, value] : rank.environment) values[key] = value;
  return {values.begin(), values.end()};
}

Result<std::string> write_step(const std::string& directory, const Order& order,
                               const std::string& script) {
  const std::string ranks = fmt::format("{}/{}", directory, ranks_file);
  if (auto ok = write_file(ranks, json_text::to_text(order), false); !ok) return fail(ok.error());
  for (const char* file : {failed_file, kill_file}) {
    ::unlink(fmt::format("{}/{}", directory, file).c_str());
  }
  const std::string ends = fmt::format("{}/{}", directory, ends_directory);
  std::error_code none;
  std::filesystem::remove_all(ends, none);
  if (auto ok = make_directory(ends); !ok) return fail(ok.error());
  std::string self(4'096, '\0');
  const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size());
  if (size < 0) return system_failure("read", "/proc/self/exe");
  self.resize(static_cast<std::size_t>(size));
  const std::size_t n = order.ranks.size();
  const std::string program = directory + "/step.sh";
  // Overlap: hooks may want the node beside it. Each rank leaves with 0 once it has recorded its
  // end, so that one that fails is the supervisor's to act on, with a grace for the others; what
  // Slurm ends on a bad exit is a rank that could not even do that. Without a wait: the first rank
  // to end may do so long before the last. Not unbuffered: for that srun needs a terminal of its
  // own, and ranks write their logs themselves.
  const std::string text = fmt::format(
      "#!/bin/sh\nexec srun --nodes={0} --ntasks={0} --ntasks-per-node=1 --export=ALL --overlap "
      "--kill-on-bad-exit=1 --wait=0 --input=none {1} --rank {2} {3}\n",
      n, single_quoted(self), single_quoted(directory), single_quoted(script));
  if (auto ok = write_file(program, text, false); !ok) return fail(ok.error());
  if (::chmod(program.c_str(), 0700) != 0) return system_failure("make executable", program);
  return program;
}

std::optional<RankFailure> first_failure(const std::string& directory) {
  constexpr std::size_t bytes_max = 100;
  const auto text = read_regular_file(fmt::format("{}/{}", directory, failed_file), bytes_max);
  RankFailure failure;
  if (!text || std::sscanf(text->c_str(), "%ld %ld %ld", &failure.rank, &failure.code,
                           &failure.signal) < 2) {
    return std::nullopt;
  }
  return failure;
}

std::optional<std::size_t> rank_without_end(const std::string& directory, std::size_t count) {
  using Steady = std::chrono::steady_clock;
  const auto give_up = Steady::now() + visible_within;
  for (std::size_t rank = 0; rank < count;) {
    if (::access(end_of(directory, rank).c_str(), F_OK) == 0) {
      ++rank;
    } else if (Steady::now() >= give_up) {
      return rank;
    } else {
      std::this_thread::sleep_for(look_every);
    }
  }
  return std::nullopt;
}

std::string last_words(const std::string& log) {
  const auto fd = open_regular_file(log);
  if (!fd) return {};
  const off_t end = ::lseek(fd->get(), 0, SEEK_END);
  std::string text(words_bytes_max, '\0');
  const off_t from = std::max<off_t>(0, end - static_cast<off_t>(text.size()));
  text.resize(static_cast<std::size_t>(
      std::max<ssize_t>(0, ::pread(fd->get(), text.data(), text.size(), from))));
  std::string last;
  for (const std::string_view line : split(text, '\n')) {
    if (!trim(line).empty()) last = trim(line);
  }
  return last;
}

void ask_ranks_to_kill(const std::string& directory) {
  (void)write_file(fmt::format("{}/{}", directory, kill_file), "", false);
}

void signal_steps(int number) {
  const char* job = ::getenv("SLURM_JOB_ID");
  if (!job) return;
  // CONT as well, so that a process that was stopped takes notice.
  std::string program = "/bin/sh", option = "-c";
  std::string line = fmt::format("scancel --signal={0} {2}; scancel --signal={1} {2}", number,
                                 SIGCONT, single_quoted(job));
  std::array<char*, 4> words = {program.data(), option.data(), line.data(), nullptr};
  // Our own signals are blocked and handled elsewhere; scancel starts with none of that.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  (void)::posix_spawn(&pid, program.c_str(), nullptr, &attributes, words.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
}

namespace {

// Every signal that Slurm may send to a step reaches us too. It says that the rank is being
// stopped; how the rank takes it is its own business.
Fd listen_for_signals() {
  sigset_t set;
  sigfillset(&set);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Whether a signal has come that says so, within the time.
bool is_stopped(const Fd& signals, int within_ms) {
  pollfd poll{signals.get(), POLLIN, 0};
  ::poll(&poll, 1, within_ms);
  bool stopped = false;
  signalfd_siginfo info;
  while (::read(signals.get(), &info, sizeof info) == sizeof info) {
    stopped = stopped || (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGCONT);
  }
  return stopped;
}

// Whether somebody has asked for a stop of the gang, or a rank of it has failed.
bool is_ending(const std::string& directory) {
  return exists(directory + "/stop.json") || exists(fmt::format("{}/{}", directory, failed_file));
}

// The rank's exit status. A rank that ends by itself is over then; one that is being stopped when
// its last process is gone, or Slurm kills it all.
int wait_for_rank(const std::string& directory, pid_t rank, const Fd& signals) {
  // Slurm signals one process after another: a rank may have ended before we are told why, also
  // with 0, when what it waited for had the signal first.
  constexpr std::chrono::milliseconds told_within{500};
  constexpr int look_ms = 50;
  constexpr int look_for_kill_ms = 200;
  std::optional<int> status;
  bool stopping = false;
  while (true) {
    int ended = 0;
    pid_t pid = 0;
    while ((pid = ::waitpid(-1, &ended, WNOHANG)) > 0) {
      if (pid == rank) status = ended;
    }
    if (pid < 0 && errno == ECHILD) return status.value_or(0);
    if (status && !stopping) {
      const bool maybe = WIFSIGNALED(*status) || WEXITSTATUS(*status) > 128 || is_ending(directory);
      const auto give_up = std::chrono::steady_clock::now() + told_within;
      while (maybe && !stopping && std::chrono::steady_clock::now() < give_up) {
        stopping = is_stopped(signals, look_ms);
      }
      if (!stopping) return *status;
      continue;
    }
    stopping = is_stopped(signals, stopping ? look_for_kill_ms : -1) || stopping;
    if (stopping && ::access(fmt::format("{}/{}", directory, kill_file).c_str(), F_OK) == 0) {
      for (const Process& process : descendants_of(::getpid())) ::kill(process.pid, SIGKILL);
    }
  }
}

// The rank has no log of its own to say it in.
int cannot_run(const std::string& directory, const char* rank, const std::string& why) {
  fmt::print(stderr, "mohona: rank {}: {}\n", rank ? rank : "?", why);
  if (rank) say_failed(directory, rank, 125, 0);
  return 125;
}

}  // namespace

int run_rank(const std::string& directory, const std::string& script) {
  const char* number = ::getenv("SLURM_PROCID");
  const auto order = read_order(fmt::format("{}/{}", directory, ranks_file));
  const auto index = static_cast<std::size_t>(number ? std::atoll(number) : 0);
  if (!number || !order || index >= order->ranks.size()) {
    return cannot_run(directory, number, "its order is not in " + directory);
  }
  const RankOrder& rank = order->ranks[index];
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const Fd signals = listen_for_signals();
  Starter starter;
  LogPump pump;
  auto out = pump.open(rank.log);
  if (!out) return cannot_run(directory, number, out.error().message);
  auto err = is_same_log(rank.log, rank.error_log) ? Result<Fd>(Fd()) : pump.open(rank.error_log);
  if (!err) return cannot_run(directory, number, err.error().message);
  NewProcess what{script,     order->directory, rank_variables(*order, rank),
                  out->get(), out->get(),       {}};
  if (*err) what.err = err->get();
  const pid_t pid = starter.start(what);
  if (pid < 0) return cannot_run(directory, number, "its node has no room for another process");
  out->close();
  err->close();
  const int status = wait_for_rank(directory, pid, signals);
  kill_descendants();
  pump.finish();
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  const int code = signal > 0 ? 128 + signal : WEXITSTATUS(status);
  const std::string why = code == 125 || code == 126 ? starter.why_not(pid) : "";
  if (!why.empty()) fmt::print(stderr, "mohona: rank {}: {}\n", number, why);
  const auto recorded =
      write_file(end_of(directory, index), fmt::format("{} {}\n", code, signal), false);
  if (code != 0) say_failed(directory, number, code, signal);
  if (!recorded) return cannot_run(directory, number, recorded.error().message);
  return 0;
}

}  // namespace mohona::host

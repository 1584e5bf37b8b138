#include "engine/host/supervise.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "base/open_files.h"
#include "engine/host/cgroup.h"
#include "engine/host/gang.h"
#include "engine/host/mounts.h"
#include "engine/host/orders.h"
#include "engine/host/prepare.h"
#include "engine/host/processes.h"
#include "model/json_text.h"

namespace mohona::host {
namespace {

constexpr useconds_t look_for_setup_us = 50'000;
// A gang of 10,000 ranks takes some megabytes, a script at most as much as a request may have.
constexpr std::size_t order_bytes_max = 256 << 20;
constexpr std::size_t report_bytes_max = 65'536;

Timestamp now() { return SystemClock().now(); }

// A loss of power may leave a name without its content, and the work may put something else there:
// that is no exit.
bool has_exit(const std::string& directory) { return read_exit(directory).has_value(); }

// What the work has put in the way of our file: a rename does not replace a directory.
void set_aside(const std::string& path) {
  const std::string aside = fmt::format("{}.damaged.{}", path, ::getpid());
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    ::rename(path.c_str(), aside.c_str());
  }
}

void write_exit(const std::string& directory, const Outcome& outcome) {
  // Without room on the disk this waits: the end of the work must not get lost.
  constexpr unsigned retry_seconds = 1;
  const std::string text = json_text::to_text(ExitFile{outcome, now()});
  while (true) {
    // The work may have removed the directory; its end is written down all the same.
    const std::string path = directory + "/exit.json";
    if (make_directory(directory) && write_file(path, text, false) && sync_file(path)) return;
    set_aside(path);
    ::sleep(retry_seconds);
  }
}

Outcome could_not(const Error& error) { return Outcome{End::exited, 1, false, error.message}; }

// Does `work`, which may take long or hang with its file system, in a process of its own; a stop
// ends that. Called before there are threads.
std::optional<Outcome> do_aside(const std::string& directory, const Order& order, int signals,
                                const std::function<Result<void>()>& work) {
  constexpr int look_for_stop_ms = 200;  // on a shared file system nothing tells us
  const std::string report = fmt::format("{}/prepare.{}", directory, ::getpid());
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto done = work();
    if (!done) (void)overwrite_file(report, done.error().message);
    ::_exit(done ? 0 : 1);
  }
  if (pid < 0) return Outcome{End::exited, 125, false, "the machine has no room for a process"};
  bool stopped = false, ended_outside = false;
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    stopped = stopped || exists(directory + "/stop.json");
    if (stopped || ended_outside) ::kill(pid, SIGKILL);
    pollfd poll{signals, POLLIN, 0};
    ::poll(&poll, 1, look_for_stop_ms);
    signalfd_siginfo info;
    while (::read(signals, &info, sizeof info) == sizeof info) {
      ended_outside = ended_outside || (info.ssi_signo == SIGTERM && order.slurm);
    }
  }
  const auto why = read_regular_file(report, report_bytes_max);
  ::unlink(report.c_str());
  if (stopped) return Outcome{End::exited, 143, true, ""};
  if (ended_outside) return Outcome{End::lost, 0, false, "Slurm ended its job"};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::nullopt;
  return could_not({Code::internal, why ? *why : "its files could not be prepared"});
}

// Starts setup, if it is still due, and then the ranks.
Outcome run(const std::string& directory, const Order& order, int signals) {
  if (needs_workdir(order)) {
    const auto ended = do_aside(directory, order, signals, [&] { return copy_workdir(order); });
    if (ended) return *ended;
  }
  if (has_mounts_inside(order)) {
    const auto ended =
        do_aside(directory, order, signals, [&] { return link_mounts_inside(order); });
    if (ended) return *ended;
  }
  const auto mounts = link_mounts_outside(order);  // held as long as the attempt runs
  if (!mounts) return could_not(mounts.error());
  if (!order.checkpoint_link.empty()) {
    const auto ended = do_aside(directory, order, signals, [&] { return link_checkpoint(order); });
    if (ended) return *ended;
  }
  Gang gang(directory, order, signals);
  if (!order.setup.empty()) {
    // Held while setup runs: other shards wait for it here, ready to be stopped.
    auto lock = lock_file(order.job_directory + "/setup.lock", false);
    while (!lock && lock.error().code == Code::conflict) {
      if (exists(directory + "/stop.json")) return Outcome{End::exited, 143, true, ""};
      ::usleep(look_for_setup_us);
      lock = lock_file(order.job_directory + "/setup.lock", false);
    }
    if (!lock) return could_not(lock.error());
    if (needs_setup(order)) {
      Outcome outcome = gang.run("setup", order.setup, 1);
      if (outcome.exit_code != 0 || outcome.stopped || outcome.end != End::exited) {
        if (!outcome.stopped && outcome.end == End::exited) {
          outcome.detail = "setup failed" + (outcome.detail.empty() ? "" : ": " + outcome.detail);
        }
        return outcome;
      }
      if (auto ok = mark_set_up(order); !ok) return could_not(ok.error());
    }
  }
  Outcome outcome = gang.run("run", order.run, order.ranks.size());
  if (outcome.exit_code != 0 || outcome.end != End::exited) return outcome;
  if (auto ok = publish(order); !ok) return could_not(ok.error());
  return outcome;
}

// SIGUSR1 says that stop.json is there; everything else that would end us is refused, so that only
// KILL leaves work without its supervisor.
Fd block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int n : {SIGCHLD, SIGUSR1, SIGTERM, SIGINT, SIGHUP, SIGPIPE}) sigaddset(&set, n);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

// On a machine that the controller does not know, ports are found where they are needed.
void choose_ports(Order& order) {
  if (!order.slurm) return;
  const std::string master = std::to_string(free_port(0));
  if (order.serves) order.port = free_port(order.port);
  for (auto& [key, value] : order.environment) {
    if (key == "MASTER_PORT") value = master;
  }
  if (order.serves) order.environment.emplace_back("MOHONA_PORT", std::to_string(order.port));
}

}  // namespace

int supervise(const std::string& directory) {
  ::umask(077);
  (void)raise_open_files();  // a pipe and a file for each rank
  const Fd signals = block_signals();
  if (!make_directory(directory)) return 1;
  const auto lock = lock_file(directory + "/lock", true);
  if (!lock) return 1;
  if (has_exit(directory)) return 0;
  if (exists(directory + "/started.json")) {
    // Another supervisor was here and died; what it started must not go on unwatched.
    kill_groups(directory);
    kill_marked(mark_variable, directory);
    write_exit(directory, Outcome{End::lost, 0, false, "its supervisor was killed"});
    return 0;
  }
  const auto text = read_regular_file(directory + "/order.json", order_bytes_max);
  if (!text) {
    // The work has removed the files by which it is known; whatever of it still runs goes with
    // them.
    kill_groups(directory);
    kill_marked(mark_variable, directory);
    write_exit(directory, Outcome{End::not_launched, 0, false, text.error().message});
    return 0;
  }
  Order order;
  try {
    order = json_text::from_text<Order>(*text);
  } catch (const std::exception& e) {
    write_exit(directory, Outcome{End::not_launched, 0, false, e.what()});
    return 0;
  }
  if (order.ranks.empty()) {
    // A supervisor before us died while it turned the order into the start.
    write_exit(directory, Outcome{End::not_launched, 0, false, "its supervisor was killed"});
    return 0;
  }
  choose_ports(order);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const StartedFile started{::getpid(), start_ticks(::getpid()), boot_id(), order.port,
                            now(),      order.progress_from_log};
  // The order, which may hold secrets, becomes the start: one file less to make and to remove. Half
  // an order is none, and nothing has begun then.
  const std::string order_file = directory + "/order.json";
  if (!overwrite_file(order_file, json_text::to_text(started)) ||
      ::rename(order_file.c_str(), (directory + "/started.json").c_str()) != 0) {
    return 1;  // the engine tries again
  }
  const Outcome outcome = run(directory, order, signals.get());
  kill_descendants();
  write_exit(directory, outcome);
  return 0;
}

}  // namespace mohona::host

#include "engine/local/local_engine.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <set>

#include "base/file.h"
#include "base/open_files.h"
#include "engine/host/orders.h"
#include "engine/host/places.h"
#include "engine/host/processes.h"
#include "engine/host/progress_watch.h"
#include "engine/host/start.h"
#include "engine/local/watcher.h"

namespace mohona {
namespace {

using namespace host;

constexpr std::chrono::seconds respawn_pause{1};
constexpr const char* loopback = "127.0.0.1";
// Each supervisor that is watched holds a file descriptor. Half of all are for connections
// (app/up.cc), and some for the journal, logs and starts.
constexpr std::size_t other_files = 64;
constexpr std::size_t watched_least = 16;
// Of attempts that wait for a descriptor, a look at what has changed tries so many more than there
// is room for.
constexpr std::size_t unsettled_more = 16;

std::size_t watched_max() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return watched_least;
  if (files.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  const std::size_t half = files.rlim_cur / 2;
  return half > other_files + watched_least ? half - other_files : watched_least;
}

class LocalEngine : public Engine {
 public:
  explicit LocalEngine(LocalEngineOptions options)
      : options_(std::move(options)),
        places_(options_.work.empty() ? options_.home : options_.work),
        progress_(places_.supervisors_log()) {}

  Result<void> launch(const Launch& launch) override;
  Result<void> stop(const AttemptId& attempt, const Stop& stop) override;
  Result<std::vector<Report>> observe() override;
  Result<std::vector<Report>> changes() override;
  Result<void> forget(const AttemptId& attempt) override;
  Result<std::vector<std::string>> list_shards(const Job& job,
                                               const std::vector<NeededJob>& needs) override {
    return host::list_shards(places_, job, needs);
  }
  Result<LogPart> read_log(const AttemptId& attempt, std::int64_t rank, std::uint64_t offset,
                           std::size_t bytes_max) override {
    return host::read_log(places_, attempt, rank, offset, bytes_max);
  }
  void on_change(std::function<void()> changed) override { watcher_.on_change(std::move(changed)); }

 private:
  std::string directory(const AttemptId& id) const { return places_.attempt(id); }
  std::string mark(const AttemptId& id) const {
    return fmt::format("{}/running/{}", options_.home, to_string(id));
  }
  std::int64_t replica_port(const Launch& launch);
  Result<void> spawn(const AttemptId& id);
  bool may_spawn(const AttemptId& id);
  Report report(const AttemptId& id);
  void adopt(const AttemptId& id, const StartedFile& started);

  void settle(const AttemptId& id, bool settled);
  // How many more supervisors can be watched.
  std::size_t room() {
    const std::size_t watched = watcher_.count();
    return watched < watched_max_ ? watched_max_ - watched : 0;
  }

  LocalEngineOptions options_;
  const std::size_t watched_max_ = watched_max();
  Places places_;
  std::mutex mutex_;  // of the three below; never held while files are read or written
  std::map<AttemptId, std::chrono::steady_clock::time_point> spawned_;
  std::map<AttemptId, std::int64_t> ports_;  // told to replicas that are not forgotten
  // Not ended, and nobody watches over them yet: to be looked at again whatever happens.
  std::set<AttemptId> unsettled_;
  ProgressWatch progress_;
  Watcher watcher_{[this] { return progress_.look(); }};  // the last: its thread uses the others
};

// 0 for what is no replica.
std::int64_t LocalEngine::replica_port(const Launch& launch) {
  const JobSpec& spec = *launch.spec;
  if (spec.kind != Kind::serve) return 0;
  const AttemptId& id = launch.attempt.id;
  const auto wanted =
      spec.resources.ports.empty() ? 0 : std::atoll(spec.resources.ports->front().c_str());
  const std::lock_guard lock(mutex_);
  // Two replicas that start together must not be told the same port: neither listens yet.
  const bool given = std::any_of(ports_.begin(), ports_.end(), [&](const auto& known) {
    return known.second == wanted && known.first != id;
  });
  return ports_[id] = free_port(given ? 0 : wanted);
}

Result<void> LocalEngine::launch(const Launch& launch) {
  const AttemptId& id = launch.attempt.id;
  if (exists(mark(id))) return {};  // `observe` sees to it that its supervisor runs
  const std::vector<std::string> addresses(launch.attempt.holdings.size(), loopback);
  const auto order = make_order(places_, launch, Where::here, addresses, replica_port(launch),
                                options_.supervisor);
  if (!order) return fail(order.error());
  if (auto ok = place_order(places_, launch, *order); !ok) return ok;
  if (auto ok = make_directory(options_.home + "/running"); !ok) return ok;
  const Fd marked(::open(mark(id).c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!marked) return system_failure("write", mark(id));
  if (room() > 0) return spawn(id);
  settle(id, false);  // it starts when another has ended
  return {};
}

Result<void> LocalEngine::spawn(const AttemptId& id) {
  const std::string here = directory(id);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  const std::string log = places_.supervisors_log();
  ::posix_spawn_file_actions_addopen(&files, 1, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  ::posix_spawn_file_actions_adddup2(&files, 1, 2);
  // Above all the API's sockets: a listener that outlives its controller takes calls for ever.
  ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  // A session of its own: whatever ends the controller's terminal does not reach the work.
  // Nor does it inherit which signals the controller ignores and blocks.
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  char* const arguments[] = {options_.supervisor.data(), const_cast<char*>(here.c_str()), nullptr};
  std::string open_files =
      fmt::format("{}={}", Starter::open_files_variable, open_files_at_start().rlim_cur);
  char* const environment[] = {open_files.data(), nullptr};
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, options_.supervisor.c_str(), &files, &attributes, arguments, environment);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    errno = error;
    return system_failure("start", options_.supervisor);
  }
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return system_failure("watch", options_.supervisor);
  {
    const std::lock_guard lock(mutex_);
    spawned_[id] = std::chrono::steady_clock::now();
  }
  watcher_.watch(id, std::move(process), true, here + "/started.json");
  return {};
}

// A supervisor that ends at once (the disk is full, say) is not started again in a hot loop.
bool LocalEngine::may_spawn(const AttemptId& id) {
  const std::lock_guard lock(mutex_);
  const auto last = spawned_.find(id);
  return last == spawned_.end() || std::chrono::steady_clock::now() - last->second > respawn_pause;
}

void LocalEngine::adopt(const AttemptId& id, const StartedFile& started) {
  static const std::string boot = boot_id();
  if (started.boot != boot) return;
  Fd process = open_process(static_cast<pid_t>(started.pid), started.start_ticks);
  if (process) watcher_.watch(id, std::move(process), false, directory(id) + "/started.json");
}

Report LocalEngine::report(const AttemptId& id) {
  Report report;
  report.attempt = id;
  const std::string here = directory(id);
  bool watched = watcher_.watches(id);  // asked first: it may end while we look
  const auto started = read_started(here);
  if (started) {
    report.phase = Phase::running;
    report.port = started->port;
    report.started_at = started->at;
    if (!watched && room() > 0) adopt(id, *started);
    watched = watched || watcher_.watches(id);
  }
  // A supervisor writes the end last of all. As long as it is there, what stands in the file's
  // place is the work's own.
  if (const auto exit = watched ? std::nullopt : read_exit(here)) {
    report.phase = Phase::ended;
    report.outcome = exit->outcome;
    report.ended_at = exit->at;
    report.steps = last_steps(here, started && started->progress_from_log);
    progress_.forget(id);
    settle(id, true);
    return report;
  }
  if (started) {
    progress_.follow(id, here, started->progress_from_log);
    report.steps = progress_.newest(id);
  }
  // Where nobody watches over it, another supervisor starts it, or buries it, whichever is due. One
  // that cannot be started now is tried again at the next look.
  if (!watched && room() == 0) {
    report.waits_for = fmt::format(
        "{} attempts run on this machine, as many as the limit of open files lets the controller "
        "watch (ulimit -Hn); it starts when one of them ends",
        watched_max_);
  } else if (!watched && may_spawn(id)) {
    watched = spawn(id).has_value();
  }
  settle(id, watched);
  return report;
}

void LocalEngine::settle(const AttemptId& id, bool settled) {
  const std::lock_guard lock(mutex_);
  if (settled) {
    unsettled_.erase(id);
  } else {
    unsettled_.insert(id);
  }
}

Result<std::vector<Report>> LocalEngine::observe() {
  std::vector<Report> reports;
  const std::string running = options_.home + "/running";
  if (!exists(running)) return reports;
  (void)watcher_.take_changed();  // before the look, which sees what they were about
  const auto names = names_in(running);
  if (!names) return fail(names.error());
  std::set<AttemptId> ids;
  for (const std::string& name : *names) {
    const AttemptId id = parse_attempt_id(name);
    if (id.job.value != 0) ids.insert(id);
  }
  for (const AttemptId& id : ids) reports.push_back(report(id));
  return reports;
}

Result<std::vector<Report>> LocalEngine::changes() {
  std::set<AttemptId> ids = watcher_.take_changed();
  {
    const std::lock_guard lock(mutex_);
    // All of them are looked at by `observe`.
    std::size_t left = room() + unsettled_more;
    for (auto it = unsettled_.begin(); it != unsettled_.end() && left > 0; ++it, --left) {
      ids.insert(*it);
    }
  }
  std::vector<Report> reports;
  for (const AttemptId& id : ids) {
    if (exists(mark(id))) reports.push_back(report(id));  // else it was forgotten meanwhile
  }
  return reports;
}

Result<void> LocalEngine::stop(const AttemptId& id, const Stop& stop) {
  const std::string here = directory(id);
  if (!exists(mark(id)) || (!watcher_.watches(id) && read_exit(here))) return {};
  if (auto ok = write_stop(here, stop); !ok) return ok;
  // CONT wakes a supervisor that the work has stopped.
  if (watcher_.signal(id, SIGUSR1)) {
    watcher_.signal(id, SIGCONT);
    return {};
  }
  // A supervisor that has not started yet finds the file by itself.
  const auto started = read_started(here);
  if (!started || started->boot != boot_id()) return {};
  const Fd process = open_process(static_cast<pid_t>(started->pid), started->start_ticks);
  for (const int number : {SIGUSR1, SIGCONT}) {
    if (process) ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0);
  }
  return {};
}

Result<void> LocalEngine::forget(const AttemptId& id) {
  ::unlink(mark(id).c_str());
  progress_.forget(id);
  const std::lock_guard lock(mutex_);
  spawned_.erase(id);
  ports_.erase(id);
  unsettled_.erase(id);
  return {};
}

}  // namespace

Result<std::unique_ptr<Engine>> make_local_engine(LocalEngineOptions options) {
  if (!exists(options.supervisor)) {
    return fail(Code::invalid,
                fmt::format("{} is missing; it belongs beside mohona", options.supervisor));
  }
  return std::make_unique<LocalEngine>(std::move(options));
}

}  // namespace mohona

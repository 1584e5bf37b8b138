#include "engine/local/local_engine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "engine/environment.h"
#include "engine/local/order.h"
#include "engine/local/processes.h"
#include "engine/local/progress_watch.h"
#include "engine/local/srun.h"
#include "engine/local/watcher.h"
#include "model/json_text.h"

namespace mohona {
namespace {

using namespace local;
namespace fs = std::filesystem;

constexpr std::chrono::seconds respawn_pause{1};
constexpr std::size_t shards_max = 1'000'000;
constexpr const char* loopback = "127.0.0.1";

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// What work may see of the controller's own environment.
Variables inherited_environment() {
  Variables out;
  for (const char* key : {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ",
                          "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV"}) {
    if (const char* value = ::getenv(key)) out.emplace_back(key, value);
  }
  return out;
}

// One value a name, the last one said: of two, programs do not agree which they see.
Variables last_of_each(const Variables& variables) {
  std::map<std::string, std::string> last;
  for (const auto& [name, value] : variables) last[name] = value;
  return {last.begin(), last.end()};
}

bool bind_to(int fd, std::int64_t port, std::int64_t& bound) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, loopback, &address.sin_addr);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (::bind(fd, plain, size) != 0 || ::getsockname(fd, plain, &size) != 0) return false;
  bound = ntohs(address.sin_port);
  return true;
}

// A port that nobody listens on now; `wanted`, when that one is free.
std::int64_t free_port(std::int64_t wanted) {
  std::int64_t bound = 0;
  const int one = 1;
  if (wanted > 0) {
    const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind_to(fd.get(), wanted, bound)) return bound;
  }
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  bind_to(fd.get(), 0, bound);
  return bound;
}

// Slurm's names for output files: %j %A job, %a array index, %x name, %u user, %N node, %% itself.
std::string expand_output(const std::string& pattern, const Launch& launch) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      out += pattern[i];
      continue;
    }
    switch (pattern[++i]) {
      case 'j':
      case 'A':
        out += to_string(launch.attempt.id.job);
        break;
      case 'a':
        out += launch.shard;
        break;
      case 'x':
        out += launch.spec->name;
        break;
      case 'u':
        out += ::getenv("USER") ? ::getenv("USER") : "root";
        break;
      case 'N':
        out += launch.attempt.pool;
        break;
      case '%':
        out += '%';
        break;
      default:
        out += fmt::format("%{}", pattern[i]);
    }
  }
  return fs::path(out).is_absolute() ? out : launch.spec->submit_directory + "/" + out;
}

template <class T>
std::optional<T> read_json(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::nullopt;
  try {
    return json_text::from_text<T>(*text);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

class LocalEngine : public Engine {
 public:
  explicit LocalEngine(LocalEngineOptions options)
      : options_(std::move(options)), progress_(supervisors_log()) {}

  Result<void> launch(const Launch& launch) override;
  Result<void> stop(const AttemptId& attempt, const Stop& stop) override;
  Result<std::vector<Report>> observe() override;
  Result<void> forget(const AttemptId& attempt) override;
  Result<std::vector<std::string>> list_shards(const Job& job,
                                               const std::vector<NeededJob>& needs) override;
  Result<LogPart> read_log(const AttemptId& attempt, std::int64_t rank, std::uint64_t offset,
                           std::size_t bytes_max) override;
  void on_change(std::function<void()> changed) override { watcher_.on_change(std::move(changed)); }

 private:
  std::string job_directory(JobId id) const {
    return fmt::format("{}/jobs/{}", options_.home, id.value);
  }
  std::string directory(const AttemptId& id) const {
    return fmt::format("{}/attempts/{}.{}", job_directory(id.job), id.task, id.number);
  }
  std::string mark(const AttemptId& id) const {
    return fmt::format("{}/running/{}", options_.home, to_string(id));
  }
  std::string supervisors_log() const { return options_.home + "/supervisors.log"; }
  Result<Order> make_order(const Launch& launch);
  Result<Variables> rank_base_environment(const JobSpec& spec) const;
  RankOrder make_rank(const Launch& launch, const LaunchPlace& place, const Variables& inherited,
                      std::int64_t index) const;
  Result<void> spawn(const AttemptId& id);
  bool may_spawn(const AttemptId& id);
  Report report(const AttemptId& id);
  void adopt(const AttemptId& id, const StartedFile& started);

  LocalEngineOptions options_;
  std::map<AttemptId, std::chrono::steady_clock::time_point> spawned_;
  std::map<AttemptId, std::int64_t> ports_;  // told to replicas that are not forgotten
  ProgressWatch progress_;
  Watcher watcher_{[this] { return progress_.look(); }};  // the last: its thread uses the others
};

// What every rank inherits; a batch script also finds our srun.
Result<Variables> LocalEngine::rank_base_environment(const JobSpec& spec) const {
  Variables inherited = inherited_environment();
  if (spec.script != Script::first_node) return inherited;
  const auto bin = install_srun(options_.home + "/bin");
  if (!bin) return fail(bin.error());
  for (auto& [key, value] : inherited) {
    if (key == "PATH") value = *bin + ":" + value;
  }
  return inherited;
}

RankOrder LocalEngine::make_rank(const Launch& launch, const LaunchPlace& place,
                                 const Variables& inherited, std::int64_t index) const {
  const JobSpec& spec = *launch.spec;
  const std::string here = directory(launch.attempt.id);
  RankOrder rank;
  rank.environment = inherited;
  const Variables own = rank_environment(launch, place, index);
  rank.environment.insert(rank.environment.end(), own.begin(), own.end());
  rank.environment.emplace_back(mark_variable, here);
  rank.environment = last_of_each(rank.environment);
  rank.log = fmt::format("{}/rank{}.log", here, index);
  if (!spec.error_path.empty()) rank.error_log = expand_output(spec.error_path, launch);
  if (spec.resources.limit_cpus) rank.cpus_milli = launch.attempt.demand.cpus_milli;
  if (spec.resources.limit_memory) rank.memory_mib = launch.attempt.demand.memory_mib;
  return rank;
}

Result<Order> LocalEngine::make_order(const Launch& launch) {
  const JobSpec& spec = *launch.spec;
  const AttemptId& id = launch.attempt.id;
  Order order;
  order.attempt = id;
  order.home = options_.home;
  order.job_directory = job_directory(id.job);
  order.directory = order.job_directory + "/workdir";
  order.workdir_source = spec.workdir;
  if (spec.workdir.empty() && spec.script == Script::first_node && !spec.submit_directory.empty()) {
    order.directory = spec.submit_directory;  // where Slurm starts a script
  }
  order.mounts = spec.file_mounts;
  for (FileMount& mount : order.mounts) {
    const char* user_home = ::getenv("HOME");
    if (mount.target.starts_with("~/") && user_home) {
      mount.target = user_home + mount.target.substr(1);
    }
  }
  order.setup = spec.setup;
  order.run = spec.run;
  order.hooks = spec.hooks;

  LaunchPlace place;
  place.addresses.assign(static_cast<std::size_t>(spec.num_nodes), loopback);
  place.output = order.job_directory + "/output";
  place.progress = directory(id) + "/" + progress_file;
  order.progress_from_log = spec.progress && spec.progress->from_log;
  if (launch.shard_count > 0) {
    order.published_output = place.output;
    place.output = order.output = directory(id) + "/output";
  }
  if (spec.checkpoint) {
    const fs::path path(spec.checkpoint->path);
    place.checkpoint = path.is_absolute() ? path.string() : order.job_directory + "/checkpoint";
    order.checkpoint = place.checkpoint;
    if (!path.is_absolute()) order.checkpoint_link = path.lexically_normal().string();
  }
  if (spec.kind == Kind::serve) {
    const auto wanted =
        spec.resources.ports.empty() ? 0 : std::atoll(spec.resources.ports[0].c_str());
    // Two replicas that start together must not be told the same port: neither listens yet.
    const bool given = std::any_of(ports_.begin(), ports_.end(), [&](const auto& known) {
      return known.second == wanted && known.first != id;
    });
    place.port = order.port = free_port(given ? 0 : wanted);
    ports_[id] = place.port;
  }
  place.master_port = free_port(0);
  for (const NeededJob& needed : launch.needs) {
    place.inputs.push_back(job_directory(needed.job) + "/output");
  }
  auto inherited = rank_base_environment(spec);
  if (!inherited) return fail(inherited.error());
  for (std::int64_t i = 0; i < rank_count(spec); ++i) {
    order.ranks.push_back(make_rank(launch, place, *inherited, i));
  }
  return order;
}

Result<void> LocalEngine::launch(const Launch& launch) {
  const AttemptId& id = launch.attempt.id;
  const std::string here = directory(id);
  if (exists(mark(id))) return {};  // `observe` sees to it that its supervisor runs
  auto order = make_order(launch);
  if (!order) return fail(order.error());
  for (const std::string& path :
       {here, order->job_directory + "/output",
        order->workdir_source.empty() ? order->job_directory + "/workdir" : std::string(),
        order->output, order->checkpoint, options_.home + "/running"}) {
    if (path.empty() || exists(path)) continue;
    if (auto ok = make_directory(path); !ok) return ok;
  }
  if (!launch.spec->output_path.empty()) {
    // The file that the author named is the log; ours is a link to it.
    const std::string target = expand_output(launch.spec->output_path, launch);
    std::error_code error;
    fs::remove(order->ranks.front().log, error);
    fs::create_symlink(target, order->ranks.front().log, error);
    if (error)
      return fail(Code::invalid, fmt::format("cannot write {}: {}", target, error.message()));
  }
  if (auto ok = write_file(here + "/order.json", json_text::to_text(*order), false); !ok) return ok;
  const Fd marked(::open(mark(id).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!marked) return system_failure("write", mark(id));
  return spawn(id);
}

Result<void> LocalEngine::spawn(const AttemptId& id) {
  const std::string here = directory(id);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  const std::string log = supervisors_log();
  ::posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&files, 1, 2);
  // Above all the API's sockets: a listener that outlives its controller takes calls for ever.
  ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  // A session of its own: whatever ends the controller's terminal does not reach the work.
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  char* const arguments[] = {options_.supervisor.data(), const_cast<char*>(here.c_str()), nullptr};
  char* const environment[] = {nullptr};
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
  spawned_[id] = std::chrono::steady_clock::now();
  watcher_.watch(id, std::move(process), true, here + "/started.json");
  return {};
}

// A supervisor that ends at once (the disk is full, say) is not started again in a hot loop.
bool LocalEngine::may_spawn(const AttemptId& id) {
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
  const bool watched = watcher_.watches(id);  // asked first: it may end while we look
  const auto started = read_json<StartedFile>(here + "/started.json");
  if (started) {
    report.phase = Phase::running;
    report.port = started->port;
    report.started_at = started->at;
    if (!watched && !exists(here + "/exit.json")) adopt(id, *started);
  }
  if (const auto exit = read_json<ExitFile>(here + "/exit.json")) {
    report.phase = Phase::ended;
    report.outcome = exit->outcome;
    report.ended_at = exit->at;
    report.steps = last_steps(here, started && started->progress_from_log);
    progress_.forget(id);
    return report;
  }
  if (started) {
    progress_.follow(id, here, started->progress_from_log);
    report.steps = progress_.newest(id);
  }
  if (!watched && !watcher_.watches(id) && may_spawn(id)) {
    // Nobody watches over it: another supervisor starts it, or buries it, whichever is due. One
    // that cannot be started now is tried again at the next look.
    (void)spawn(id);
  }
  return report;
}

Result<std::vector<Report>> LocalEngine::observe() {
  std::vector<Report> reports;
  std::error_code error;
  std::set<AttemptId> ids;
  const std::string running = options_.home + "/running";
  if (!exists(running)) return reports;
  for (const auto& entry : fs::directory_iterator(running, error)) {
    const AttemptId id = parse_attempt_id(entry.path().filename().string());
    if (id.job.value != 0) ids.insert(id);
  }
  if (error)
    return fail(Code::internal, fmt::format("cannot list {}: {}", running, error.message()));
  for (const AttemptId& id : ids) reports.push_back(report(id));
  return reports;
}

Result<void> LocalEngine::stop(const AttemptId& id, const Stop& stop) {
  const std::string here = directory(id);
  if (exists(here + "/exit.json") || !exists(mark(id))) return {};
  if (!exists(here + "/stop.json")) {
    const StopFile file{stop.signal, stop.grace, stop.within, stop.event};
    // The work itself may have removed the directory.
    if (auto ok = make_directory(here); !ok) return ok;
    if (auto ok = write_file(here + "/stop.json", json_text::to_text(file), false); !ok) return ok;
  }
  if (watcher_.signal(id, SIGUSR1)) return {};
  // A supervisor that has not started yet finds the file by itself.
  const auto started = read_json<StartedFile>(here + "/started.json");
  if (!started || started->boot != boot_id()) return {};
  const Fd process = open_process(static_cast<pid_t>(started->pid), started->start_ticks);
  if (process) ::syscall(SYS_pidfd_send_signal, process.get(), SIGUSR1, nullptr, 0);
  return {};
}

Result<void> LocalEngine::forget(const AttemptId& id) {
  ::unlink(mark(id).c_str());
  spawned_.erase(id);
  progress_.forget(id);
  ports_.erase(id);
  return {};
}

Result<std::vector<std::string>> LocalEngine::list_shards(const Job& job,
                                                          const std::vector<NeededJob>& needs) {
  std::set<std::string> found;
  for (std::string pattern : job.spec->shards->globs) {
    for (const NeededJob& needed : needs) {
      const std::string variable = "$MOHONA_INPUT_" + environment_name(needed.name);
      for (std::size_t at; (at = pattern.find(variable)) != std::string::npos;) {
        pattern.replace(at, variable.size(), job_directory(needed.job) + "/output");
      }
    }
    if (!fs::path(pattern).is_absolute()) {
      const JobSpec& spec = *job.spec;
      pattern = (spec.workdir.empty() ? spec.submit_directory : spec.workdir) + "/" + pattern;
    }
    glob_t matches{};
    const int code = ::glob(pattern.c_str(), GLOB_TILDE, nullptr, &matches);
    for (std::size_t i = 0; i < matches.gl_pathc; ++i) found.emplace(matches.gl_pathv[i]);
    ::globfree(&matches);
    if (code != 0 && code != GLOB_NOMATCH) {
      return fail(Code::invalid, fmt::format("cannot list {}", pattern));
    }
    if (found.size() > shards_max) {
      return fail(Code::invalid, fmt::format("{} matches more than {} files", pattern, shards_max));
    }
  }
  for (const std::string& file : found) {
    if (!is_utf8(file)) {
      return fail(Code::invalid, fmt::format("the name of {} is not UTF-8; rename it", file));
    }
  }
  return std::vector<std::string>(found.begin(), found.end());
}

Result<LogPart> LocalEngine::read_log(const AttemptId& id, std::int64_t rank, std::uint64_t offset,
                                      std::size_t bytes_max) {
  const std::string path = fmt::format("{}/rank{}.log", directory(id), rank);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return LogPart{"", offset};  // it has not written anything yet
    return system_failure("read", path);
  }
  LogPart part;
  part.text.resize(bytes_max);
  const ssize_t n = ::pread(fd.get(), part.text.data(), bytes_max, static_cast<off_t>(offset));
  if (n < 0) return system_failure("read", path);
  part.text.resize(static_cast<std::size_t>(n));
  part.next = offset + static_cast<std::uint64_t>(n);
  return part;
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

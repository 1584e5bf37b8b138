#include "app/up.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <thread>

#include "api/answers.h"
#include "app/door.h"
#include "app/exit_status.h"
#include "app/plane.h"
#include "app/remote.h"
#include "app/stores.h"
#include "base/open_files.h"
#include "base/text.h"
#include "control/lead.h"
#include "engine/host/processes.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr auto start_max = 30s;
// From a signal that ends the process until it ends whatever it waits for: an engine that does not
// return, a database that does not answer. All that was accepted is durable by then; work goes on.
constexpr unsigned end_max_seconds = 10;
// A smaller difference between the clocks is made up by the clock itself.
constexpr Duration wall_difference_least = 1s;

int complain(const Error& error) {
  fmt::print(stderr, "mohona: {}\n", printable_lines(error.message));
  return error.code == Code::invalid ? exit_usage : exit_unavailable;
}

// Half of all files at most are connections, so that attempts and the journal have theirs.
ServerLimits server_limits() {
  rlimit files{};
  const bool known = ::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY;
  const std::size_t open_files = known ? files.rlim_cur : 1u << 20;
  ServerLimits limits;
  limits.local = std::min(limits.local, open_files / 4);
  limits.known = std::min(limits.known, open_files / 8);
  limits.strangers = std::min(limits.strangers, open_files / 16);
  return limits;
}

Result<std::pair<std::string, int>> parse_listen(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  int port = 0;
  if (colon == std::string::npos || (port = std::atoi(text.c_str() + colon + 1)) < 0 ||
      port > 65'535) {
    return fail(Code::invalid,
                fmt::format("--listen takes ADDRESS:PORT, as 127.0.0.1:8470; got '{}'", text));
  }
  return std::pair(text.substr(0, colon), port);
}

// What ends a wait: a signal, or that the controller has ended by itself. Signals are handled, not
// blocked: libraries start threads of their own before we can tell them what to block, and a signal
// that such a thread gets would end the process.
constexpr char controller_ended = 0;
int bell = -1;  // whoever writes to it ends the wait

volatile std::sig_atomic_t leave_status = exit_ok;

void leave_at_once(int) {
  constexpr std::string_view why =
      "mohona: something does not return and is not waited for; what runs goes on\n";
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, why.data(), why.size());
  ::_exit(leave_status);
}

void ring(int what) {
  if (what != controller_ended) ::alarm(end_max_seconds);
  const char byte = static_cast<char>(what);
  [[maybe_unused]] const ssize_t n = ::write(bell, &byte, 1);
}

// Bounds what is taken apart at the end of its life, on the way out or to waiting again.
class EndInTime {
 public:
  void begin(int status) {
    leave_status = status;
    ::alarm(end_max_seconds);
  }
  ~EndInTime() { ::alarm(0); }
};

class Waiting {
 public:
  Waiting() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
    hear_ = Fd(ends[0]);
    ring_ = Fd(ends[1]);
    bell = ring_.get();
    struct sigaction action {};
    action.sa_handler = ring;
    action.sa_flags = SA_RESTART;
    for (const int n : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(n, &action, nullptr);
    action.sa_handler = leave_at_once;
    ::sigaction(SIGALRM, &action, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a file as large as the limit allows is a full disk
  }

  // What came within this time; nothing when nothing did.
  std::optional<int> wait(std::chrono::milliseconds within) const {
    pollfd poll{hear_.get(), POLLIN, 0};
    ::poll(&poll, 1, static_cast<int>(within.count()));
    char byte = 0;
    if (::read(hear_.get(), &byte, 1) != 1) return std::nullopt;
    return byte;
  }

 private:
  Fd hear_, ring_;
};

// "host:/home/ann/.mohona": unlike that of every other controller.
std::string name_of(const Home& home) {
  std::string host(256, '\0');
  if (::gethostname(host.data(), host.size()) != 0) host = "localhost";
  return fmt::format("{}:{}", host.c_str(), home.path());
}

// Where the files of jobs are: as said before, or the home.
Result<std::string> work_before(const Home& home) {
  const std::string kept = home.file("work");
  if (!std::filesystem::exists(kept)) return home.path();
  const auto text = read_file(kept);
  return text ? Result<std::string>(std::string(trim(*text))) : fail(text.error());
}

// As said now, as said before, or the home. What runs has its files where they were.
Result<std::string> work_of(const Home& home, const std::string& said) {
  const std::string kept = home.file("work");
  const auto before = work_before(home);
  if (!before || said.empty()) return before;
  std::string work = std::filesystem::absolute(said).lexically_normal();
  if (work.size() > 1 && work.ends_with('/')) work.pop_back();
  std::error_code error;
  const std::string jobs = *before + "/jobs";
  const bool has_files =
      std::filesystem::exists(jobs, error) && !std::filesystem::is_empty(jobs, error);
  if (work != *before && has_files) {
    return fail(Code::invalid,
                fmt::format("the files of jobs are in {0}, and not in {1}. Start without --work, "
                            "end what runs (mohona down --cancel), and move jobs, slurm and "
                            "secrets from {0} to {1}",
                            *before, work));
  }
  if (auto ok = make_directory(work); !ok) return fail(ok.error());
  if (auto ok = write_file(kept, work + "\n", true); !ok) return fail(ok.error());
  return work;
}

// "BOOT TIME SINCE_BOOT": where the clock of the controller before has come to (microseconds).
// Nothing when it is of another boot or cannot be read: then the wall clock is all there is.
std::optional<SmoothClock::Mark> read_clock_mark(const Home& home) {
  const auto text = read_file(home.file("clock"));
  if (!text) return std::nullopt;
  const auto words = split(trim(*text), ' ');
  if (words.size() != 3 || words[0] != host::boot_id()) return std::nullopt;
  const auto number = [](std::string_view word) -> std::int64_t {
    std::int64_t n = 0;
    std::from_chars(word.data(), word.data() + word.size(), n);
    return n;
  };
  return SmoothClock::Mark{Timestamp(Duration(number(words[1]))), Duration(number(words[2]))};
}

void write_clock_mark(const Home& home, const SmoothClock& clock) {
  const SmoothClock::Mark mark = clock.mark();
  // What cannot be written is only a jump that the next start does not notice.
  (void)write_file(home.file("clock"),
                   fmt::format("{} {} {}\n", host::boot_id(), mark.time.time_since_epoch().count(),
                               mark.since_boot.count()),
                   false);
}

// The process: what it needs whether it leads or waits.
class Process {
 public:
  Process(const Home& home, const UpOptions& options) : home_(home), options_(options) {}

  int run();

 private:
  Result<void> prepare();
  Result<void> listen();
  Result<void> start(Plane& plane, const std::unique_ptr<Lead>& lead);
  Result<void> try_to_start(Plane& plane, const std::unique_ptr<Lead>& lead);
  bool wait_to_lead(std::unique_ptr<Lead>& lead);
  std::optional<int> lead();
  void say_up(const char* how);
  void look_at_clock(Plane& plane);
  // Until a signal comes; meanwhile a socket that someone removed is made anew.
  int wait_while_leading(Plane& plane);

  const Home& home_;
  const UpOptions& options_;
  Waiting waiting_;
  std::string name_ = name_of(home_), work_, tcp_;
  std::string token_;
  Fleet fleet_;
  std::unique_ptr<Store> store_;  // until a plane has it
  std::unique_ptr<LeaseTable> lease_;
  std::optional<Door> door_;
  std::unique_ptr<HttpServer> server_;
  bool said_ = false;
};

Result<void> Process::listen() {
  server_ = make_http_server(
      [this](HttpRequest request, bool, Reply reply) {
        door_->handle(std::move(request), std::move(reply));
      },
      [this](const HttpRequest& head, bool local) { return refuse_stranger(head, local, token_); },
      server_limits());
  if (auto ok = server_->listen_unix(home_.socket()); !ok) return ok;
  ::unlink(home_.file("api.url").c_str());
  if (!options_.listen.empty()) {
    const auto listen = parse_listen(options_.listen);
    if (!listen) return fail(listen.error());
    const auto port = server_->listen_tcp(listen->first, listen->second);
    if (!port) return fail(port.error());
    tcp_ = fmt::format("http://{}:{}", listen->first, *port);
    if (auto ok = write_file(home_.file("api.url"), tcp_ + "\n", false); !ok) return ok;
  }
  server_->start();
  return {};
}

void Process::say_up(const char* how) {
  if (options_.quiet || std::exchange(said_, true)) return;
  fmt::print("mohona {} in {} (pid {})\n", how, home_.path(), ::getpid());
  if (!tcp_.empty()) fmt::print("API on {}, with the token in {}\n", tcp_, home_.file("token"));
  std::fflush(stdout);
}

// False: it was told to stop before it could lead.
bool Process::wait_to_lead(std::unique_ptr<Lead>& lead) {
  if (!lease_) return true;
  Patience patience;
  std::string told;
  while (true) {
    const auto lease = lease_->read();
    if (!lease) {
      patience.saw_nothing();
    } else if (patience.may_claim(*lease, name_, std::chrono::steady_clock::now())) {
      const auto asked_at = std::chrono::steady_clock::now();
      auto claimed = lease_->claim(*lease, name_, tcp_);
      if (claimed && *claimed) {
        if (!told.empty()) log_line("leads now");
        lead = std::make_unique<Lead>(*lease_, std::move(**claimed), asked_at);
        return true;
      }
    } else {
      door_->stand_by(*lease);
      if (told != lease->leader) log_line(fmt::format("stands by: {} leads", lease->leader));
      told = lease->leader;
      say_up("stands by");
    }
    if (waiting_.wait(renew_every).value_or(controller_ended) != controller_ended) return false;
    if (!std::filesystem::exists(home_.socket())) (void)server_->listen_unix(home_.socket());
  }
}

// A wall clock that was set is said, and followed once nothing is measured.
void Process::look_at_clock(Plane& plane) {
  if (const auto jump = plane.clock.take_jump()) {
    log_line(fmt::format(
        "the wall clock was set {} by {}; what runs is measured and billed as if "
        "it had not been, and the new time is taken when nothing runs",
        *jump > Duration{0} ? "forward" : "back", format_duration(std::chrono::abs(*jump))));
    write_clock_mark(home_, plane.clock);
  }
  if (std::chrono::abs(plane.clock.wall_ahead()) < wall_difference_least) return;
  plane.controller->read([&clock = plane.clock](const State& state, Timestamp) {
    if (state.live().empty()) clock.follow_wall();
  });
}

// The first thing that comes, a signal or the controller's end.
int Process::wait_while_leading(Plane& plane) {
  constexpr auto look_every = 2s;
  constexpr auto refresh_every = 60s;
  auto refreshed_at = std::chrono::steady_clock::now();
  while (true) {
    if (const auto came = waiting_.wait(look_every)) return *came;
    if (!std::filesystem::exists(home_.socket())) (void)server_->listen_unix(home_.socket());
    look_at_clock(plane);
    if (std::chrono::steady_clock::now() - refreshed_at < refresh_every) continue;
    write_clock_mark(home_, plane.clock);
    refresh(plane, name_);
    refreshed_at = std::chrono::steady_clock::now();
  }
}

Result<void> Process::start(Plane& plane, const std::unique_ptr<Lead>& lead) {
  if (!store_) {
    auto store = open_store(home_, options_.store);
    if (!store) return fail(store.error());
    store_ = std::move(*store);
  }
  std::function<Result<void>()> may_act;
  if (lead) may_act = [&lead] { return lead->holds(); };
  const PlaneOptions parts{home_, lease_ ? name_ : "", work_, may_act, [] { ring(SIGTERM); }};
  return assemble(plane, parts, std::move(store_), fleet_);
}

// Whatever the disk or an engine holds, it ends in a message.
Result<void> Process::try_to_start(Plane& plane, const std::unique_ptr<Lead>& lead) {
  try {
    return start(plane, lead);
  } catch (const std::exception& e) {
    return fail(Code::internal, fmt::format("the controller cannot start: {}", e.what()));
  }
}

// The exit status; nothing: another controller leads now, or the store is away, and this one is to
// wait again.
std::optional<int> Process::lead() {
  std::unique_ptr<Lead> lead;
  if (!wait_to_lead(lead)) return exit_ok;
  EndInTime end;
  Plane plane(work_, read_clock_mark(home_));
  if (auto ok = try_to_start(plane, lead); !ok) {
    const bool passes = ok.error().code == Code::superseded || ok.error().code == Code::unavailable;
    if (!lease_ || !passes) return complain(ok.error());
    log_line(fmt::format("cannot lead: {}", ok.error().message));
    if (waiting_.wait(renew_every).value_or(controller_ended) != controller_ended) return exit_ok;
    return std::nullopt;
  }
  door_->open(plane.api.get());
  look_at_clock(plane);
  write_clock_mark(home_, plane.clock);
  say_up("is up");
  std::thread watch([&] {
    plane.controller->wait();
    ring(controller_ended);
  });
  const int came = wait_while_leading(plane);
  door_->open(nullptr);
  plane.pricer.reset();
  plane.controller->stop();
  write_clock_mark(home_, plane.clock);
  watch.join();
  const auto failure = plane.controller->failure();
  end.begin(came != controller_ended || !failure ? exit_ok : exit_unavailable);
  if (came != controller_ended || !failure) return exit_ok;
  log_line(fmt::format("the controller stops: {}", failure->message));
  if (lease_ && failure->code == Code::superseded) return std::nullopt;
  fmt::print(stderr, "mohona: the controller stops: {}\n", failure->message);
  return exit_unavailable;
}

// What can be wrong with what the user said, before anything is changed; then the store.
Result<void> Process::prepare() {
  if (!options_.listen.empty()) {
    if (const auto listen = parse_listen(options_.listen); !listen) return fail(listen.error());
  }
  auto fleet = read_fleet(home_, options_.fleet);
  if (!fleet) return fail(fleet.error());
  fleet_ = std::move(*fleet);
  auto work = work_of(home_, options_.work);
  if (!work) return fail(work.error());
  work_ = std::move(*work);
  if (!options_.forget) {
    if (auto ok = check_not_lost(home_, work_, options_.store); !ok) return ok;
  }
  auto store = open_store(home_, options_.store);
  if (!store) return fail(store.error());
  store_ = std::move(*store);
  if (!options_.forget) {
    if (auto ok = check_not_lost(home_, work_, *store_); !ok) return ok;
  }
  auto lease = open_lease(home_);
  if (!lease) return fail(lease.error());
  lease_ = std::move(*lease);
  auto token = home_.token();
  if (!token) return fail(token.error());
  token_ = std::move(*token);
  door_.emplace([] { ring(SIGTERM); });
  return listen();
}

int Process::run() {
  if (auto ok = prepare(); !ok) return complain(ok.error());
  std::optional<int> status;
  while (!status) status = lead();
  server_->stop();
  ::unlink(home_.file("api.sock").c_str());
  return *status;
}

}  // namespace

int up(const Home& home, const UpOptions& options) {
  raise_open_files();
  if (auto ok = home.make(); !ok) return complain(ok.error());
  const auto lock = home.lock();
  if (!lock) return complain(lock.error());
  return Process(home, options).run();
}

namespace {

// Whether the process that had the home last is still there.
bool holder_is_alive(const Home& home) {
  const auto text = read_file(home.file("controller.pid"));
  const int pid = text ? std::atoi(text->c_str()) : 0;
  if (pid <= 0) return false;
  // "17 (mohona) S …": one that has ended and that nobody has waited for is still in the list.
  const auto stat = read_file(fmt::format("/proc/{}/stat", pid));
  const std::size_t name_end = stat ? stat->rfind(')') : std::string::npos;
  if (name_end == std::string::npos || name_end + 2 >= stat->size()) return false;
  return (*stat)[name_end + 2] != 'Z' && (*stat)[name_end + 2] != 'X';
}

bool answers(const Home& home) { return Remote(home).get("/v1/status").has_value(); }

// One that has just been told to stop lets go of the home before its process is gone.
void wait_for_leaver(const Home& home) {
  constexpr auto leaving_max = 500ms;
  const auto until = std::chrono::steady_clock::now() + leaving_max;
  while (holder_is_alive(home) && !answers(home) && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(10ms);
  }
}

// One process at a time starts a controller; the next finds it there.
Result<Fd> lock_start(const Home& home) {
  const std::string path = home.file("start.lock");
  const auto until = std::chrono::steady_clock::now() + start_max;
  while (true) {
    auto lock = lock_file(path, false);
    if (lock || lock.error().code != Code::conflict) return lock;
    if (std::chrono::steady_clock::now() > until) {
      return fail(Code::unavailable,
                  fmt::format("another process has been starting a controller in "
                              "{} for too long",
                              home.path()));
    }
    std::this_thread::sleep_for(20ms);
  }
}

}  // namespace

Result<bool> start_if_none(const Home& home) {
  if (answers(home)) return false;
  if (auto ok = home.make(); !ok) return fail(ok.error());
  const auto lock = lock_start(home);
  if (!lock) return fail(lock.error());
  if (answers(home)) return false;
  const auto ok = up_detached(home, {"--home", home.path(), "up"});
  if (ok) return true;
  // A `mohona up` may have been quicker; it may still be starting.
  const auto until = std::chrono::steady_clock::now() + start_max;
  while (holder_is_alive(home) && std::chrono::steady_clock::now() < until) {
    if (answers(home)) return false;
    std::this_thread::sleep_for(20ms);
  }
  return fail(ok.error());
}

Result<std::string> up_detached(const Home& home, const std::vector<std::string>& arguments) {
  if (auto ok = home.make(); !ok) return fail(ok.error());
  const std::string log = home.file("controller.log");
  // That of the one before is kept; one that still runs goes on writing to its own. The home's lock
  // is not tried for that: another controller that is just starting would find it taken.
  wait_for_leaver(home);
  if (!holder_is_alive(home)) ::rename(log.c_str(), (log + ".1").c_str());
  std::error_code error_code;
  const auto written_before = std::filesystem::file_size(log, error_code);
  const std::size_t from = error_code ? 0 : written_before;
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 1, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  ::posix_spawn_file_actions_adddup2(&files, 1, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::vector<std::string> words = {"mohona"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, "/proc/self/exe", &files, &attributes, argv.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    errno = error;
    return system_failure("start", "the controller");
  }
  const auto until = std::chrono::steady_clock::now() + start_max;
  while (std::chrono::steady_clock::now() < until) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid) {
      const auto said = read_file(log);
      return fail(Code::unavailable,
                  said && said->size() > from
                      ? fmt::format("the controller did not start:\n{}", said->substr(from))
                      : fmt::format("the controller did not start, and had no room to say why in "
                                    "{}: is the disk full{}?",
                                    log,
                                    WIFSIGNALED(status)
                                        ? fmt::format(", or the memory (signal {} ended it)",
                                                      WTERMSIG(status))
                                        : ""));
    }
    // An answer may also be that of another controller, which has the home and keeps it.
    const auto holder = read_file(home.file("controller.pid"));
    const bool ours = holder && trim(*holder) == std::to_string(pid);
    if (const auto answer = ours ? Remote(home).get("/v1/status") : fail(Code::unavailable, "")) {
      return answer->value("role", "") == "standby" ? answer->value("leader", "") : std::string();
    }
    std::this_thread::sleep_for(20ms);
  }
  return fail(Code::unavailable, "the controller does not answer; see " + log);
}

}  // namespace mohona

#include "app/up.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <thread>

#include "api/api.h"
#include "app/exit_status.h"
#include "app/machine.h"
#include "app/remote.h"
#include "app/secret_files.h"
#include "app/stores.h"
#include "base/text.h"
#include "control/pricer.h"
#include "engine/local/local_engine.h"
#include "net/client.h"
#include "packing/prices.h"
#include "spec/fleet_file.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr auto start_max = 30s;
constexpr auto probe_timeout_max = 60s;

Result<Fleet> read_fleet(const Home& home, const std::string& given) {
  const std::string kept = home.file("fleet.yaml");
  std::string path = given;
  if (path.empty() && std::filesystem::exists(kept)) path = kept;
  if (path.empty()) return Fleet{{this_machine()}, {}, {}, {}};
  const auto text = read_file(path);
  if (!text) return fail(text.error());
  const std::string kept_directory = home.file("fleet.directory");
  std::string directory = std::filesystem::absolute(path).parent_path();
  // Paths in the file kept start where the file was given.
  if (path == kept && std::filesystem::exists(kept_directory)) {
    const auto given_in = read_file(kept_directory);
    if (!given_in) return fail(given_in.error());
    directory = *given_in;
  }
  auto fleet = parse_fleet_file({path, *text, directory});
  if (!fleet) return fleet;
  for (const Pool& pool : fleet->pools) {
    if (pool.engine == "local") continue;
    return fail(Code::invalid,
                fmt::format("{}: pool '{}' is on engine '{}'; this version runs only "
                            "'local'",
                            path, pool.name, pool.engine));
  }
  // The next start finds the fleet without being told.
  if (path != kept) {
    if (auto ok = write_file(kept_directory, directory, true); !ok) return fail(ok.error());
    if (auto ok = write_file(kept, *text, true); !ok) return fail(ok.error());
  }
  return fleet;
}

bool probe_once(std::int64_t port, const ReadinessProbe& probe) {
  const auto client = make_http_client({"", "127.0.0.1", static_cast<int>(port)});
  HttpRequest request;
  if (!probe.post_data.empty()) {
    request.method = "POST";
    request.body = probe.post_data;
    request.content_type = "application/json";
  }
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(
      std::min<Duration>(probe.timeout, probe_timeout_max));
  const auto response = client->send(request, probe.path, timeout);
  return response && response->status >= 200 && response->status < 300;
}

int complain(const Error& error) {
  fmt::print(stderr, "mohona: {}\n", error.message);
  return error.code == Code::invalid ? exit_usage : exit_unavailable;
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

Result<void> define_fleet(Controller& controller, Fleet fleet) {
  std::promise<Result<void>> done;
  controller.submit(DefineFleet{std::move(fleet)}, [&](Result<Accepted> accepted) {
    done.set_value(accepted ? Result<void>() : fail(accepted.error()));
  });
  return done.get_future().get();
}

void log_line(const std::string& line) {
  fmt::print(stderr, "{} {}\n", format_timestamp(SystemClock().now()), line);
}

// Everything of one running control plane, in the order in which it may be taken apart.
struct Plane {
  std::unique_ptr<Store> store;
  std::unique_ptr<Engine> local;
  SecretFiles secrets;
  SystemClock clock;
  std::unique_ptr<Controller> controller;
  std::unique_ptr<Pricer> pricer;
  std::unique_ptr<Api> api;
  std::unique_ptr<HttpServer> server;

  explicit Plane(const Home& home) : secrets(home.file("secrets")) {}
  ~Plane() {
    if (server) server->stop();
    pricer.reset();
    if (controller) controller->stop();
    controller.reset();  // its queue may hold replies that go through the server
  }
};

Result<void> assemble(Plane& plane, const Home& home, const UpOptions& options, int stop_signal) {
  auto fleet = read_fleet(home, options.fleet);
  if (!fleet) return fail(fleet.error());
  auto store = open_store(home, options.store);
  if (!store) return fail(store.error());
  plane.store = std::move(*store);
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  auto engine = make_local_engine({home.path(), self.parent_path() / "mohona-supervisor"});
  if (!engine) return fail(engine.error());
  plane.local = std::move(*engine);
  const std::map<std::string, Engine*> engines = {{"local", plane.local.get()}};
  plane.controller = std::make_unique<Controller>(
      ControllerParts{*plane.store, engines, plane.clock, plane.secrets, probe_once, log_line});
  if (auto ok = plane.controller->start(); !ok) return ok;
  std::promise<std::set<std::string>> secrets;
  plane.controller->read([&](const State& state, Timestamp) {
    std::set<std::string> names;
    for (const auto& [id, entry] : state.jobs()) {
      if (!is_terminal(entry.job.state) && !entry.job.secrets.empty()) {
        names.insert(entry.job.secrets);
      }
    }
    secrets.set_value(std::move(names));
  });
  plane.secrets.keep_only(secrets.get_future().get());
  if (auto ok = define_fleet(*plane.controller, std::move(*fleet)); !ok) return ok;
  plane.pricer = std::make_unique<Pricer>(*plane.controller, price_packing, log_line);
  auto token = home.token();
  if (!token) return fail(token.error());
  const pid_t self_pid = ::getpid();
  plane.api = std::make_unique<Api>(ApiParts{*plane.controller, engines, plane.secrets, *token,
                                             [=] { ::kill(self_pid, stop_signal); }});
  plane.server = make_http_server([&plane](HttpRequest request, bool local, Reply reply) {
    plane.api->handle(std::move(request), local, std::move(reply));
  });
  return plane.server->listen_unix(home.socket());
}

// Until a signal comes; meanwhile a socket that someone removed is made anew.
void wait_for_stop(const sigset_t& stops, const Home& home, HttpServer& server) {
  constexpr timespec look_every{2, 0};
  while (::sigtimedwait(&stops, nullptr, &look_every) < 0) {
    if (!std::filesystem::exists(home.socket())) (void)server.listen_unix(home.socket());
  }
}

}  // namespace

int up(const Home& home, const UpOptions& options) {
  if (auto ok = home.make(); !ok) return complain(ok.error());
  const auto lock = home.lock();
  if (!lock) return complain(lock.error());
  ::signal(SIGPIPE, SIG_IGN);
  // Blocked before any thread starts, so that every thread inherits it and one place waits for
  // them.
  sigset_t stops;
  sigemptyset(&stops);
  for (const int n : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&stops, n);
  ::pthread_sigmask(SIG_BLOCK, &stops, nullptr);

  Plane plane(home);
  if (auto ok = assemble(plane, home, options, SIGTERM); !ok) return complain(ok.error());
  std::string tcp;
  if (!options.listen.empty()) {
    const auto listen = parse_listen(options.listen);
    if (!listen) return complain(listen.error());
    const auto port = plane.server->listen_tcp(listen->first, listen->second);
    if (!port) return complain(port.error());
    tcp = fmt::format("http://{}:{}", listen->first, *port);
    if (auto ok = write_file(home.file("api.url"), tcp + "\n", false); !ok) {
      return complain(ok.error());
    }
  }
  plane.server->start();
  if (!options.quiet) {
    fmt::print("mohona is up in {} (pid {})\n", home.path(), ::getpid());
    if (!tcp.empty()) fmt::print("API on {}, with the token in {}\n", tcp, home.file("token"));
    std::fflush(stdout);
  }
  std::thread watch([&] {
    plane.controller->wait();
    ::kill(::getpid(), SIGTERM);
  });
  wait_for_stop(stops, home, *plane.server);
  plane.server->stop();
  plane.controller->stop();
  watch.join();
  const auto failure = plane.controller->failure();
  ::unlink(home.file("api.sock").c_str());
  if (!failure) return exit_ok;
  fmt::print(stderr, "mohona: the controller stops: {}\n", failure->message);
  return exit_unavailable;
}

Result<void> up_detached(const Home& home, const std::vector<std::string>& arguments) {
  if (auto ok = home.make(); !ok) return ok;
  const std::string log = home.file("controller.log");
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
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
                  said && !said->empty()
                      ? fmt::format("the controller did not start:\n{}", *said)
                      : fmt::format("the controller did not start, and had no room to say why in "
                                    "{}: is the disk full?",
                                    log));
    }
    // An answer may also be that of another controller, which has the home and keeps it.
    const auto holder = read_file(home.file("controller.pid"));
    const bool ours = holder && trim(*holder) == std::to_string(pid);
    if (ours && Remote(home).get("/v1/status")) return {};
    std::this_thread::sleep_for(20ms);
  }
  return fail(Code::unavailable, "the controller does not answer; see " + log);
}

}  // namespace mohona

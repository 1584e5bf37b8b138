#include "app/plane.h"

#include <unistd.h>

#include <filesystem>
#include <future>

#include "app/machine.h"
#include "engine/local/local_engine.h"
#include "packing/prices.h"
#include "spec/fleet_file.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

ProbeFunction ask_replicas(ProbeClient& client) {
  return [&client](const std::string& host, std::int64_t port, const ReadinessProbe& probe,
                   Duration timeout, std::function<void(bool)> answered) {
    HttpRequest request;
    request.path = probe.path;
    if (!probe.post_data.empty()) {
      request.method = "POST";
      request.body = probe.post_data;
      request.content_type = "application/json";
    }
    client.send({"", host, static_cast<int>(port)}, request,
                std::chrono::ceil<std::chrono::milliseconds>(timeout),
                [answered = std::move(answered)](std::optional<int> status) {
                  answered(status && *status >= 200 && *status < 300);
                });
  };
}

Result<void> define_fleet(Controller& controller, Fleet fleet) {
  std::promise<Result<void>> done;
  controller.submit(DefineFleet{std::move(fleet)}, [&](Result<Accepted> accepted) {
    done.set_value(accepted ? Result<void>() : fail(accepted.error()));
  });
  return done.get_future().get();
}

// What the state says of a pool, if it knows it, and whether work runs there.
struct KnownPool {
  std::optional<Pool> pool;
  bool busy = false;
};
KnownPool find_pool(Controller& controller, const std::string& name) {
  std::promise<KnownPool> known;
  controller.read([&](const State& state, Timestamp) {
    KnownPool out;
    if (const PoolRecord* record = state.find_pool(name)) out.pool = record->pool;
    out.busy = std::any_of(state.live().begin(), state.live().end(),
                           [&](const auto& live) { return live.second.attempt->pool == name; });
    known.set_value(std::move(out));
  });
  return known.get_future().get();
}

// What only where it runs can say of a pool: a local one belongs to this controller's machine, and
// a cluster tells what a partition of it is.
Result<void> complete_fleet(Plane& plane, const std::string& name, Fleet& fleet) {
  for (Pool& pool : fleet.pools) {
    const KnownPool known = find_pool(*plane.controller, pool.name);
    if (pool.engine == "slurm") {
      const auto ok = plane.slurm->complete(pool, known.pool ? &*known.pool : nullptr);
      if (!ok && ok.error().code != Code::unavailable) return ok;
      // The rest of the fleet works meanwhile.
      if (!ok) log_line(ok.error().message + "; it has no nodes until that is known");
      continue;
    }
    pool.controller = name;
    if (known.pool && known.busy && is_away(*known.pool, name)) {
      log_line(
          fmt::format("pool '{}' stays that of {}, where work of it may run; call the one "
                      "here otherwise",
                      pool.name, known.pool->controller));
      pool = *known.pool;
    }
  }
  return {};
}

// The highest number that has a directory among the files of jobs.
Result<JobId> last_job_in(const std::string& work) {
  JobId last;
  std::error_code error;
  std::filesystem::directory_iterator entry(work + "/jobs", error);
  if (error == std::errc::no_such_file_or_directory) return last;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    last = std::max(last, parse_job_id(entry->path().filename().string()));
  }
  if (!error) return last;
  return fail(Code::internal, fmt::format("cannot read {}/jobs: {}", work, error.message()));
}

void keep_secrets_in_use(Plane& plane) {
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
}

}  // namespace

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
    if (pool.engine == "local" || pool.engine == "slurm") continue;
    return fail(Code::invalid,
                fmt::format("{}: pool '{}' is on engine '{}'; this version runs 'local' and "
                            "'slurm'",
                            path, pool.name, pool.engine));
  }
  // The next start finds the fleet without being told.
  if (path != kept) {
    if (auto ok = write_file(kept_directory, directory, true); !ok) return fail(ok.error());
    if (auto ok = write_file(kept, *text, true); !ok) return fail(ok.error());
  }
  return fleet;
}

Plane::~Plane() {
  pricer.reset();
  if (controller) controller->stop();
  controller.reset();  // its queue may hold replies that go through the server
}

void log_line(const std::string& line) {
  fmt::print(stderr, "{} {}\n", format_timestamp(SystemClock().now()), line);
}

void refresh(Plane& plane, const std::string& name) {
  const auto is_slurm = [](const Pool& pool) { return pool.engine == "slurm"; };
  if (std::none_of(plane.written.pools.begin(), plane.written.pools.end(), is_slurm)) return;
  Fleet fleet = plane.written;
  if (auto ok = complete_fleet(plane, name, fleet); !ok) return log_line(ok.error().message);
  if (auto ok = define_fleet(*plane.controller, std::move(fleet)); !ok) {
    log_line(ok.error().message);
  }
}

Result<void> assemble(Plane& plane, const PlaneOptions& options, std::unique_ptr<Store> store,
                      Fleet fleet) {
  plane.store = std::move(store);
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string supervisor = self.parent_path() / "mohona-supervisor";
  auto engine = make_local_engine({options.home.path(), supervisor, options.work});
  if (!engine) return fail(engine.error());
  plane.local = std::move(*engine);
  auto slurm = make_slurm_engine({options.work, supervisor});
  if (!slurm) return fail(slurm.error());
  plane.slurm = std::move(*slurm);
  const std::map<std::string, Engine*> engines = {{"local", plane.local.get()},
                                                  {"slurm", plane.slurm.get()}};
  const auto last_job = last_job_in(options.work);
  if (!last_job) return fail(last_job.error());
  plane.probes = make_probe_client();
  plane.controller = std::make_unique<Controller>(ControllerParts{
      *plane.store, engines, plane.clock, plane.secrets, ask_replicas(*plane.probes), log_line,
      Rhythm{}, options.name, options.may_act, *last_job});
  if (auto ok = plane.controller->start(); !ok) return ok;
  keep_secrets_in_use(plane);
  plane.written = fleet;
  if (auto ok = complete_fleet(plane, options.name, fleet); !ok) return ok;
  if (auto ok = define_fleet(*plane.controller, std::move(fleet)); !ok) return ok;
  plane.pricer = std::make_unique<Pricer>(*plane.controller, price_packing, log_line);
  plane.api = std::make_unique<Api>(
      ApiParts{*plane.controller, engines, plane.secrets, options.shutdown, options.name});
  return {};
}

}  // namespace mohona

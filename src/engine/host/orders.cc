#include "engine/host/orders.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/host/progress_watch.h"
#include "engine/host/srun.h"
#include "model/json_text.h"
#include "model/output_name.h"

namespace mohona::host {
namespace {

namespace fs = std::filesystem;

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
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (::bind(fd, plain, size) != 0 || ::getsockname(fd, plain, &size) != 0) return false;
  bound = ntohs(address.sin_port);
  return true;
}

// Slurm's names for output files; see model/output_name.h. Within an array, %j is the task's own,
// as with Slurm, so that no task writes over another's file.
std::string expand_output(const std::string& name, const Launch& launch) {
  const std::string job = to_string(launch.attempt.id.job);
  std::string out;
  for (const OutputNamePiece& piece : parse_output_name(name)) {
    switch (piece.letter) {
      case 0:
        out += piece.text;
        break;
      case 'j':
        out += padded_number(job, piece.width);
        if (!launch.shard.empty()) out += "_" + launch.shard;
        break;
      case 'A':
        out += padded_number(job, piece.width);
        break;
      case 'a':
        if (!launch.shard.empty()) out += padded_number(launch.shard, piece.width);
        break;
      case 'b':
        if (!launch.shard.empty())
          out += padded_number(launch.shard.substr(launch.shard.size() - 1), piece.width);
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
      default:  // %n %t: the script is task 0, on node 0
        out += padded_number("0", piece.width);
    }
  }
  return fs::path(out).is_absolute() ? out : *launch.spec->submit_directory + "/" + out;
}

// What every rank inherits; a batch script also finds our srun, where there is no Slurm.
Result<Variables> base_environment(const Places& places, const JobSpec& spec, Where where,
                                   const std::string& supervisor) {
  Variables inherited = inherited_environment();
  if (spec.script != Script::first_node || where == Where::slurm) return inherited;
  const auto bin = install_slurm_tools(places.home() + "/bin", supervisor);
  if (!bin) return fail(bin.error());
  for (auto& [key, value] : inherited) {
    if (key == "PATH") value = *bin + ":" + value;
  }
  return inherited;
}

// Of the variables that we make up where there is no Slurm, those that it knows better.
bool is_slurms_own(const std::string& name) {
  return name == "CUDA_VISIBLE_DEVICES" ||
         (name.starts_with("SLURM_") && !name.starts_with("SLURM_ARRAY_"));
}

bool sets(const Variables& variables, const std::string& name) {
  return std::any_of(variables.begin(), variables.end(),
                     [&](const auto& variable) { return variable.first == name; });
}

// Under Slurm its own variables hold, unless the job file sets them.
Variables without_slurms(Variables variables, const JobSpec& spec) {
  std::erase_if(variables, [&](const auto& variable) {
    return is_slurms_own(variable.first) && !sets(spec.envs, variable.first);
  });
  return variables;
}

Variables make_environment(const Places& places, const Launch& launch, Where where,
                           const LaunchPlace& place, Variables inherited) {
  Variables own = shared_environment(launch, place);
  if (where == Where::slurm) own = without_slurms(std::move(own), *launch.spec);
  inherited.insert(inherited.end(), own.begin(), own.end());
  inherited.emplace_back(mark_variable, places.attempt(launch.attempt.id));
  return last_of_each(inherited);
}

RankOrder make_rank(const Places& places, const Launch& launch, Where where, std::int64_t index) {
  const JobSpec& spec = *launch.spec;
  RankOrder rank;
  rank.environment = rank_environment(launch, index);
  if (where == Where::slurm) {
    rank.environment = without_slurms(std::move(rank.environment), spec);
  }
  rank.log = fmt::format("{}/rank{}.log", places.attempt(launch.attempt.id), index);
  if (!spec.error_path.empty()) rank.error_log = expand_output(spec.error_path, launch);
  if (where == Where::slurm) return rank;  // Slurm holds it to what it asked for
  if (spec.resources.limit_cpus) rank.cpus_milli = launch.attempt.demand.cpus_milli;
  if (spec.resources.limit_memory) rank.memory_mib = launch.attempt.demand.memory_mib;
  return rank;
}

void add_files(const Places& places, const Launch& launch, Order& order, LaunchPlace& place) {
  const JobSpec& spec = *launch.spec;
  const std::string here = places.attempt(launch.attempt.id);
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
  place.output = order.job_directory + "/output";
  place.progress = here + "/" + progress_file;
  if (launch.shard_count > 0) {
    order.published_output = place.output;
    place.output = order.output = here + "/output";
  }
  if (spec.checkpoint) {
    const fs::path path(spec.checkpoint->path);
    place.checkpoint = path.is_absolute() ? path.string() : order.job_directory + "/checkpoint";
    order.checkpoint = place.checkpoint;
    if (!path.is_absolute()) order.checkpoint_link = path.lexically_normal().string();
  }
  for (const NeededJob& needed : launch.needs) {
    place.inputs.push_back(places.job(needed.job) + "/output");
  }
}

}  // namespace

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

Result<Order> make_order(const Places& places, const Launch& launch, Where where,
                         const std::vector<std::string>& addresses, std::int64_t port,
                         const std::string& supervisor) {
  const JobSpec& spec = *launch.spec;
  // A mistake of ours that must not reach the ranks: one of them would be told a wrong address.
  if (addresses.empty() || std::ssize(addresses) != node_count(launch)) {
    return fail(Code::internal,
                fmt::format("attempt {} holds {} nodes and has {} addresses",
                            to_string(launch.attempt.id), node_count(launch), addresses.size()));
  }
  Order order;
  order.attempt = launch.attempt.id;
  order.home = places.home();
  order.job_directory = places.job(launch.attempt.id.job);
  LaunchPlace place;
  place.addresses = addresses;
  add_files(places, launch, order, place);
  order.setup = spec.setup;
  order.run = spec.run;
  order.hooks = spec.hooks;
  order.progress_from_log = spec.progress && spec.progress->from_log;
  place.port = order.port = port;
  if (where == Where::slurm) {
    order.slurm = true;
    order.serves = spec.kind == Kind::serve;
  } else {
    place.master_port = free_port(0);
  }
  auto inherited = base_environment(places, spec, where, supervisor);
  if (!inherited) return fail(inherited.error());
  order.environment = make_environment(places, launch, where, place, std::move(*inherited));
  for (std::int64_t i = 0; i < rank_count(launch); ++i) {
    order.ranks.push_back(make_rank(places, launch, where, i));
  }
  return order;
}

Result<void> place_order(const Places& places, const Launch& launch, const Order& order) {
  const std::string here = places.attempt(launch.attempt.id);
  for (const std::string& path :
       {here, order.job_directory + "/output",
        order.workdir_source.empty() ? order.job_directory + "/workdir" : std::string(),
        order.output, order.checkpoint}) {
    if (path.empty() || exists(path)) continue;
    if (auto ok = make_directory(path); !ok) return ok;
  }
  if (!launch.spec->output_path.empty()) {
    // The file that the author named is the log; ours is a link to it.
    const std::string target = expand_output(launch.spec->output_path, launch);
    std::error_code error;
    // What cannot be made, the supervisor will say when it opens the log.
    fs::create_directories(fs::path(target).parent_path(), error);
    fs::remove(order.ranks.front().log, error);
    fs::create_symlink(target, order.ranks.front().log, error);
    if (error)
      return fail(Code::invalid, fmt::format("cannot write {}: {}", target, error.message()));
  }
  if (const std::string& errors = order.ranks.front().error_log; !errors.empty()) {
    std::error_code none;
    fs::create_directories(fs::path(errors).parent_path(), none);
  }
  return write_file(here + "/order.json", json_text::to_text(order), false);
}

}  // namespace mohona::host

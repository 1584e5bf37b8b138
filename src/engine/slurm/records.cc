#include "engine/slurm/records.h"

#include <unistd.h>

#include <filesystem>
#include <random>

#include "base/file.h"
#include "base/text.h"
#include "engine/host/places.h"
#include "engine/host/slot.h"
#include "model/json_text.h"

namespace mohona::slurm {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

using Names = std::vector<std::string>;

// Beside what the core itself ends, Slurm's limit is there for a controller that is gone for long.
constexpr auto limit_margin = 2min;

std::string plain_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    out += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' ? c : '_';
  }
  return out;
}

}  // namespace

Result<std::string> Records::name() const {
  if (auto ok = make_directory(top_); !ok) return fail(ok.error());
  const std::string path = top_ + "/name";
  if (const auto known = read_file(path); known && !known->empty()) return *known;
  const std::string made = fmt::format("{:08x}", std::random_device()());
  if (auto ok = write_file(path, made, true); !ok) return fail(ok.error());
  return made;
}

Result<void> Records::write(const Mark& m) {
  if (auto ok = make_directory(top_ + "/running"); !ok) return ok;
  const std::string path = mark(m.attempt), text = json_text::to_text(m);
  if (spare_.empty() || host::exists(path)) return write_file(path, text, false);
  const std::string spare = spare_.back();
  spare_.pop_back();
  if (auto ok = overwrite_file(spare, text); !ok) return ok;
  if (::rename(spare.c_str(), path.c_str()) != 0) return system_failure("write", path);
  return {};
}

Result<void> Records::write(const std::string& name, const JobBatch& b) const {
  if (auto ok = make_directory(batch(name)); !ok) return ok;
  return write_file(batch(name) + "/batch.json", json_text::to_text(b), false);
}

void Records::remove(const AttemptId& id) {
  constexpr std::size_t spare_max = 1'000;
  const std::string path = mark(id);
  std::string spare = fmt::format("{}/running/.spare-{}", top_, to_string(id));
  if (spare_.size() >= spare_max) {
    ::unlink(path.c_str());
  } else if (::rename(path.c_str(), spare.c_str()) == 0) {
    spare_.push_back(std::move(spare));
  }
}

void Records::remove_batch(const std::string& name) const {
  std::error_code error;
  fs::remove_all(batch(name), error);
}

Result<std::vector<Mark>> Records::marks() const {
  std::vector<Mark> out;
  for (const std::string& name : names_in(top_ + "/running").value_or(Names())) {
    if (parse_attempt_id(name).job.value == 0) {  // half a write, or a spare one of before
      ::unlink((top_ + "/running/" + name).c_str());
      continue;
    }
    auto read = json_text::from_file<Mark>(top_ + "/running/" + name);
    if (!read) {
      return fail(Code::internal, fmt::format("cannot read {}/running/{}", top_, name));
    }
    out.push_back(std::move(*read));
  }
  return out;
}

Result<std::map<std::string, JobBatch>> Records::batches() const {
  std::map<std::string, JobBatch> out;
  for (const std::string& name : names_in(top_ + "/batches").value_or(Names())) {
    const std::string file = batch(name) + "/batch.json";
    if (!host::exists(file)) continue;  // nothing was asked of Slurm yet
    auto read = json_text::from_file<JobBatch>(file);
    if (!read) return fail(Code::internal, fmt::format("cannot read {}", file));
    out[name] = std::move(*read);
  }
  return out;
}

std::string option(const Variables& options, std::string_view name) {
  for (const auto& [key, value] : options) {
    if (key == name) return value;
  }
  return "";
}

Site site_of(const Variables& options) {
  return {option(options, "conf"), option(options, "rest"), option(options, "token")};
}

Result<Mark> mark_of(const Launch& launch) {
  const JobSpec& spec = *launch.spec;
  const Demand& demand = launch.attempt.demand;
  if (!launch.pool) return fail(Code::internal, "a launch on Slurm without its pool");
  const Pool& pool = *launch.pool;
  if (demand.gpu_milli > 0) {
    return fail(Code::invalid, "Slurm gives whole GPUs; this job asks for a part of one");
  }
  Mark mark;
  mark.attempt = launch.attempt.id;
  mark.pool = launch.attempt.pool;
  mark.holdings = launch.attempt.holdings;
  mark.site = site_of(pool.engine_options);
  JobRequest& s = mark.alone;
  s.name = plain_name(spec.name);
  s.partition = option(pool.engine_options, "partition");
  s.account = option(pool.engine_options, "account");
  s.qos = option(pool.engine_options, "qos");
  s.reservation = option(pool.engine_options, "reservation");
  for (const Holding& holding : launch.attempt.holdings) {
    if (holding.node < 0 || holding.node >= std::ssize(pool.hosts)) {
      return fail(Code::internal, fmt::format("pool '{}' does not know the name of its node {}",
                                              pool.name, holding.node));
    }
    s.nodes.push_back(pool.hosts[static_cast<std::size_t>(holding.node)]);
  }
  s.cpus_per_node = std::max<std::int64_t>(1, (demand.cpus_milli + 999) / 1'000);
  s.tasks_per_node = std::clamp<std::int64_t>(spec.tasks_per_node, 1, s.cpus_per_node);
  // Asking for none would take the cluster's default, on many clusters the whole node's.
  const std::int64_t cpus = std::max<std::int64_t>(1, pool.shape.cpus_milli / 1'000);
  s.memory_mib_per_node =
      demand.memory_mib > 0 ? demand.memory_mib : pool.shape.memory_mib * s.cpus_per_node / cpus;
  s.gpus_per_node = demand.gpus;
  const bool follows = spec.kind == Kind::data && launch.attempt.holdings.size() == 1;
  if (spec.max_duration) {
    const Duration limit = *spec.max_duration + spec.stop->grace + limit_margin +
                           (follows ? host::slot_age_max : Duration{0});
    s.minutes_max = std::chrono::ceil<std::chrono::minutes>(limit).count();
  }
  if (follows) {
    mark.key = fmt::format("{} {} {} {} {} {}", mark.attempt.job.value, mark.pool, s.nodes.front(),
                           s.cpus_per_node, s.memory_mib_per_node, s.gpus_per_node);
  }
  return mark;
}

}  // namespace mohona::slurm

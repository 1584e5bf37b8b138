#include "engine/host/mounts.h"

#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"

namespace mohona::host {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t record_bytes_max = 65'536;

// What is written down of a link outside of working directories.
struct Record {
  std::string target, source, job;
};

std::string job_label(const Order& order) {
  std::string name;
  for (const auto& [key, value] : order.environment) {
    if (key == "MOHONA_JOB_NAME") name = value;
  }
  const std::string number = fmt::format("job {}", order.attempt.job.value);
  return name.empty() ? number : fmt::format("{} ({})", name, number);
}

// The record of a target, for this machine: homes may be on a file system that several share.
std::string record_path(const Order& order, const std::string& target) {
  std::string host(256, '\0');
  if (::gethostname(host.data(), host.size() - 1) != 0) host.clear();
  const std::string key = fmt::format("{}:{}", host.c_str(), target);
  std::uint64_t hash = 14'695'981'039'346'656'037U;  // FNV-1a
  for (const char c : key) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  }
  return fmt::format("{}/mounts/{:016x}", order.home, hash);
}

Record read_record(const std::string& path) {
  const auto text = read_regular_file(path, record_bytes_max);
  Record record;
  if (!text) return record;
  const auto lines = split(*text, '\n');
  if (lines.size() < 3) return record;
  return {std::string(lines[0]), std::string(lines[1]), std::string(lines[2])};
}

Failure in_the_way(const std::string& target, const std::string& what) {
  return fail(Code::invalid, fmt::format("{} {}; it is not replaced", target, what));
}

Result<void> place_link(const std::string& source, const std::string& target) {
  std::error_code error;
  fs::create_directories(fs::path(target).parent_path(), error);
  const std::string made = fmt::format("{}.mohona.{}", target, ::getpid());
  if (::symlink(source.c_str(), made.c_str()) != 0) return system_failure("link", target);
  if (::rename(made.c_str(), target.c_str()) == 0) return {};
  const Failure failure = system_failure("link", target);
  ::unlink(made.c_str());
  return failure;
}

bool is_inside(const FileMount& mount) { return !fs::path(mount.target).is_absolute(); }

// A link below the working directory, which is this job's alone.
Result<void> link_inside(const Order& order, const FileMount& mount) {
  const std::string target = order.directory + "/" + mount.target;
  if (!is_in_workdir(target, order)) return leads_out(mount.target);
  std::error_code error;
  const auto status = fs::symlink_status(target, error);
  if (fs::exists(status) && !fs::is_symlink(status)) {
    // What the workdir itself brought stands aside for the mount.
    fs::remove_all(target, error);
  } else if (fs::is_symlink(status) && fs::read_symlink(target, error) == mount.source) {
    return {};
  }
  return place_link(mount.source, target);
}

// A mount is a link into a directory of the user's: a mount below it would be made in there.
Result<void> find_nested(const Order& order) {
  for (const FileMount& mount : order.mounts) {
    for (const FileMount& upper : order.mounts) {
      const fs::path path = fs::path(mount.target)
                                .lexically_normal()
                                .lexically_relative(fs::path(upper.target).lexically_normal());
      if (path.empty() || *path.begin() == ".." || *path.begin() == ".") continue;
      if (is_inside(mount)) return leads_out(mount.target);
      return fail(Code::invalid, fmt::format("'{}' leads into the source of the mount '{}'",
                                             mount.target, upper.target));
    }
  }
  return {};
}

// A link outside. One that we made is replaced when no attempt uses it any more.
Result<Fd> link_outside(const Order& order, const FileMount& mount) {
  const std::string directory = order.home + "/mounts", path = record_path(order, mount.target);
  if (auto ok = make_directory(directory); !ok) return fail(ok.error());
  const auto turn = lock_file(directory + "/lock", true);  // for the moment of looking and linking
  if (!turn) return fail(turn.error());
  auto used = open_lock(path);
  if (!used) return used;
  std::error_code error;
  const auto status = fs::symlink_status(mount.target, error);
  if (fs::exists(status) && !fs::is_symlink(status)) {
    return in_the_way(mount.target, "exists already");
  }
  const std::string now =
      fs::is_symlink(status) ? fs::read_symlink(mount.target, error) : fs::path();
  const Record record = read_record(path);
  if (fs::is_symlink(status) && now != mount.source) {
    if (record.target != mount.target || record.source != now) {
      return in_the_way(mount.target, fmt::format("is a link to {} already", now));
    }
    if (::flock(used->get(), LOCK_EX | LOCK_NB) != 0) {
      return fail(Code::conflict,
                  fmt::format("{} is a mount of {}, which is running: {} has to wait for its end, "
                              "or to use another place",
                              mount.target, record.job, job_label(order)));
    }
  }
  const bool new_link = now != mount.source;
  // Written down first: a link that nobody owns up to would stay for ever. In place, because the
  // lock is on this very file.
  if (new_link || record.source == mount.source) {
    const std::string text =
        fmt::format("{}\n{}\n{}\n", mount.target, mount.source, job_label(order));
    if (auto ok = overwrite_file(path, text); !ok) return fail(ok.error());
  }
  if (new_link) {
    if (auto ok = place_link(mount.source, mount.target); !ok) return fail(ok.error());
  }
  if (::flock(used->get(), LOCK_SH | LOCK_NB) != 0) return system_failure("lock", path);
  return used;
}

}  // namespace

bool is_in_workdir(const std::string& target, const Order& order) {
  std::error_code error;
  const fs::path top = fs::weakly_canonical(order.directory, error);
  if (error) return false;
  const fs::path relative =
      fs::weakly_canonical(fs::path(target).parent_path(), error).lexically_relative(top);
  return !error && !relative.empty() && *relative.begin() != "..";
}

Failure leads_out(const std::string& target) {
  return fail(Code::invalid, fmt::format("'{}' leads out of the working directory", target));
}

bool has_mounts_inside(const Order& order) {
  return std::any_of(order.mounts.begin(), order.mounts.end(), is_inside);
}

Result<void> link_mounts_inside(const Order& order) {
  if (auto ok = find_nested(order); !ok) return ok;
  const auto lock = lock_file(order.job_directory + "/prepare.lock", true);
  if (!lock) return fail(lock.error());
  for (const FileMount& mount : order.mounts) {
    if (!is_inside(mount)) continue;
    if (auto ok = link_inside(order, mount); !ok) return ok;
  }
  return {};
}

Result<std::vector<Fd>> link_mounts_outside(const Order& order) {
  if (auto ok = find_nested(order); !ok) return fail(ok.error());
  std::vector<Fd> used;
  for (const FileMount& mount : order.mounts) {
    if (is_inside(mount)) continue;
    auto held = link_outside(order, mount);
    if (!held) return fail(held.error());
    used.push_back(std::move(*held));
  }
  return used;
}

}  // namespace mohona::host

#include "engine/host/prepare.h"

#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/text.h"

namespace mohona::host {
namespace {

namespace fs = std::filesystem;

Failure failed(std::string_view what, const std::error_code& error) {
  const bool full = error == std::errc::no_space_on_device;
  return fail(full ? Code::unavailable : Code::invalid,
              fmt::format("{}: {}", what, error.message()));
}

// Everything but `without`: a workdir may hold the home into which it is copied.
void copy_tree(const fs::path& from, const fs::path& to, const fs::path& without,
               std::error_code& error) {
  fs::create_directories(to, error);
  for (const auto& entry : fs::directory_iterator(from, error)) {
    if (error) return;
    if (!entry.is_symlink() && entry.is_directory(error)) {
      std::error_code unequal;
      if (fs::equivalent(entry.path(), without, unequal)) continue;
      copy_tree(entry.path(), to / entry.path().filename(), without, error);
    } else {
      fs::copy(entry.path(), to / entry.path().filename(), fs::copy_options::copy_symlinks, error);
    }
    if (error) return;
  }
}

// All or nothing: a copy that breaks off is never taken for the working directory.
Result<void> copy_workdir(const Order& order) {
  std::error_code error;
  if (fs::exists(order.directory, error)) return {};
  const fs::path half = order.directory + ".copying";
  fs::remove_all(half, error);
  copy_tree(order.workdir_source, half, order.home, error);
  if (error) return failed("cannot copy workdir " + order.workdir_source, error);
  fs::rename(half, order.directory, error);
  if (error) return failed("cannot place workdir " + order.directory, error);
  return {};
}

// A link at `target`. One that is ours already stays; anything else there is not ours to replace.
Result<void> link_to(const fs::path& source, const fs::path& target) {
  std::error_code error;
  if (fs::is_symlink(fs::symlink_status(target, error))) {
    if (fs::read_symlink(target, error) == source) return {};
  } else if (fs::exists(target, error)) {
    return fail(Code::invalid,
                fmt::format("{} exists already; it is not replaced", target.string()));
  }
  fs::create_directories(target.parent_path(), error);
  fs::create_symlink(source, target, error);
  if (error) return failed(fmt::format("cannot link {}", target.string()), error);
  return {};
}

// Whether what stands at `target` is the working directory's own: a link in it may lead to the
// user's files, and those are never ours to move or to remove.
bool is_in_workdir(const fs::path& target, const Order& order) {
  std::error_code error;
  const fs::path top = fs::weakly_canonical(order.directory, error);
  if (error) return false;
  const fs::path relative =
      fs::weakly_canonical(target.parent_path(), error).lexically_relative(top);
  return !error && !relative.empty() && *relative.begin() != "..";
}

// The directory `checkpoint_link` in the working directory is the one that survives attempts. What
// the workdir brought along under that name is its beginning.
Result<void> link_checkpoint(const Order& order) {
  if (order.checkpoint_link.empty()) return {};
  const fs::path target = fs::path(order.directory) / order.checkpoint_link;
  std::error_code error;
  if (fs::is_directory(fs::symlink_status(target, error)) && is_in_workdir(target, order)) {
    fs::copy(target, order.checkpoint,
             fs::copy_options::recursive | fs::copy_options::skip_existing, error);
    if (error) return failed("cannot take over " + target.string(), error);
    fs::remove_all(target, error);
  }
  return link_to(order.checkpoint, target);
}

std::string setup_mark(const Order& order) { return order.job_directory + "/setup.done"; }

}  // namespace

Result<void> prepare(const Order& order) {
  if (order.workdir_source.empty() && order.mounts.empty() && order.checkpoint_link.empty()) {
    return {};
  }
  const auto lock = lock_file(order.job_directory + "/prepare.lock", true);
  if (!lock) return fail(lock.error());
  if (!order.workdir_source.empty()) {
    if (auto ok = copy_workdir(order); !ok) return ok;
  }
  std::error_code error;
  for (const FileMount& mount : order.mounts) {
    const fs::path target =
        fs::path(mount.target).is_absolute() ? mount.target : order.directory + "/" + mount.target;
    // What the workdir itself brought stands aside for the mount.
    if (!fs::path(mount.target).is_absolute() && fs::exists(target, error) &&
        !fs::is_symlink(fs::symlink_status(target, error)) && is_in_workdir(target, order)) {
      fs::remove_all(target, error);
    }
    if (auto ok = link_to(mount.source, target); !ok) return ok;
  }
  return link_checkpoint(order);
}

bool needs_setup(const Order& order) {
  std::error_code error;
  return !order.setup.empty() && !fs::exists(setup_mark(order), error);
}

Result<void> mark_set_up(const Order& order) { return write_file(setup_mark(order), "", false); }

Result<void> publish(const Order& order) {
  if (order.published_output.empty()) return {};
  std::error_code none;
  if (fs::is_empty(order.output, none)) return {};
  const auto lock = lock_file(order.job_directory + "/publish.lock", true);
  if (!lock) return fail(lock.error());
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(order.output, error)) {
    const std::string entry_name = entry.path().lexically_relative(order.output).string();
    if (entry.is_symlink() || !entry.is_directory()) {
      names.push_back(entry_name);
    } else {
      fs::create_directories(fs::path(order.published_output) / entry_name, error);
    }
  }
  if (error) return failed("cannot list " + order.output, error);
  std::sort(names.begin(), names.end());

  // The names are written down before the first file moves, so that an attempt that takes over from
  // one that broke off here knows which files are its own shard's.
  const std::string record =
      fmt::format("{}/published.{}", order.job_directory, order.attempt.task);
  std::set<std::string> own;
  if (const auto before = read_file(record)) {
    for (const std::string_view name : split(*before, '\n')) own.emplace(name);
  }
  for (const std::string& name : names) {
    const fs::path target = fs::path(order.published_output) / name;
    if (!own.contains(name) && fs::exists(fs::symlink_status(target, error))) {
      return fail(
          Code::conflict,
          fmt::format("another shard has written {} already: put $MOHONA_SHARD_INDEX or the "
                      "shard's name into the file's name",
                      name));
    }
  }
  own.insert(names.begin(), names.end());
  if (auto ok = write_file(record, join({own.begin(), own.end()}, "\n"), true); !ok) return ok;
  for (const std::string& name : names) {
    const fs::path target = fs::path(order.published_output) / name;
    fs::create_directories(target.parent_path(), error);
    fs::rename(fs::path(order.output) / name, target, error);
    if (error) return failed("cannot publish " + name, error);
  }
  return {};
}

}  // namespace mohona::host

#include "engine/host/prepare.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "engine/host/copy_tree.h"
#include "engine/host/log_pump.h"
#include "engine/host/mounts.h"

namespace mohona::host {
namespace {

namespace fs = std::filesystem;

// The names of all files that a shard has published.
constexpr std::size_t published_bytes_max = 256 << 20;

Failure failed(std::string_view what, const std::error_code& error) {
  const bool full = error == std::errc::no_space_on_device;
  return fail(full ? Code::unavailable : Code::invalid,
              fmt::format("{}: {}", what, error.message()));
}

void say_left_out(const Order& order, const Copied& copied) {
  if (copied.left_out_count == 0 || order.ranks.empty()) return;
  std::string text = "mohona: not copied to the working directory: " + join(copied.left_out, ", ");
  if (copied.left_out_count > copied.left_out.size()) {
    text += fmt::format(" and {} more", copied.left_out_count - copied.left_out.size());
  }
  text += "\n";
  const auto log = open_log(order.ranks.front().log);
  if (!log) return;
  [[maybe_unused]] const ssize_t n = ::write(log->get(), text.data(), text.size());
}

}  // namespace

bool needs_workdir(const Order& order) {
  std::error_code error;
  return !order.workdir_source.empty() && !fs::exists(order.directory, error);
}

// All or nothing: a copy that breaks off is never taken for the working directory.
Result<void> copy_workdir(const Order& order) {
  const auto lock = lock_file(order.job_directory + "/prepare.lock", true);
  if (!lock) return fail(lock.error());
  if (!needs_workdir(order)) return {};
  const std::string half = order.directory + ".copying";
  if (auto ok = remove_tree(half); !ok) return ok;
  const auto copied = copy_tree(order.workdir_source, half, order.home);
  if (!copied) {
    return fail(copied.error().code, fmt::format("cannot copy workdir {}: {}", order.workdir_source,
                                                 copied.error().message));
  }
  say_left_out(order, *copied);
  std::error_code error;
  fs::rename(half, order.directory, error);
  if (error) return failed("cannot place workdir " + order.directory, error);
  return {};
}

// The directory `checkpoint_link` in the working directory is the one that survives attempts. What
// the workdir brought along under that name is its beginning.
Result<void> link_checkpoint(const Order& order) {
  const auto lock = lock_file(order.job_directory + "/prepare.lock", true);
  if (!lock) return fail(lock.error());
  const fs::path target = fs::path(order.directory) / order.checkpoint_link;
  if (!is_in_workdir(target, order)) return leads_out(order.checkpoint_link);
  std::error_code error;
  if (fs::is_directory(fs::symlink_status(target, error))) {
    fs::copy(target, order.checkpoint,
             fs::copy_options::recursive | fs::copy_options::skip_existing, error);
    if (error) return failed("cannot take over " + target.string(), error);
    if (auto ok = remove_tree(target); !ok) return ok;
  }
  const auto status = fs::symlink_status(target, error);
  if (fs::is_symlink(status) && fs::read_symlink(target, error) == order.checkpoint) return {};
  if (fs::exists(status)) {
    return fail(Code::invalid,
                fmt::format("{} exists already; it is not replaced", target.string()));
  }
  fs::create_directories(target.parent_path(), error);
  fs::create_symlink(order.checkpoint, target, error);
  if (error) return failed(fmt::format("cannot link {}", target.string()), error);
  return {};
}

namespace {

std::string setup_mark(const Order& order) { return order.job_directory + "/setup.done"; }

}  // namespace

bool needs_setup(const Order& order) {
  std::error_code error;
  return !order.setup.empty() && !fs::exists(setup_mark(order), error);
}

Result<void> mark_set_up(const Order& order) { return write_file(setup_mark(order), "", false); }

namespace {

// Below a shard's output, relative to it; directories before what they hold.
struct Outputs {
  std::vector<std::string> directories, files;
};

// The work may have put a link in the place of a directory of ours. What stands behind a link is
// not the job's: it is neither listed nor moved.
Result<Fd> open_output(int parent, const std::string& path) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  Fd fd(::openat(parent, path.c_str(), flags));
  if (fd) return fd;
  if (errno != ENOTDIR && errno != ELOOP) return system_failure("open", path);
  struct stat status {};
  const bool link =
      ::fstatat(parent, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
  return fail(Code::invalid, fmt::format("its output is {}not a directory; nothing was published",
                                         link ? "a link, " : ""));
}

Result<std::vector<std::string>> names_of(const Fd& directory, const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> opened(
      ::fdopendir(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0)), ::closedir);
  if (!opened) return system_failure("list", path);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return system_failure("list", path);
  return names;
}

Result<Outputs> list_outputs(int top) {
  Outputs out;
  std::vector<std::string> left = {""};
  while (!left.empty()) {
    const std::string directory = std::move(left.back());
    left.pop_back();
    const auto opened = open_output(top, directory.empty() ? "." : directory);
    if (!opened) return fail(opened.error());
    const auto names = names_of(*opened, directory);
    if (!names) return fail(names.error());
    for (const std::string& name : *names) {
      const std::string path = directory.empty() ? name : directory + "/" + name;
      struct stat status {};
      if (::fstatat(top, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (!S_ISDIR(status.st_mode)) {
        out.files.push_back(path);
      } else {
        out.directories.push_back(path);
        left.push_back(path);
      }
    }
  }
  std::sort(out.files.begin(), out.files.end());
  std::sort(out.directories.begin(), out.directories.end());
  return out;
}

// Another shard's: a file where this one has a file or a directory, or a directory where this one
// has a file.
Result<void> find_conflict(const Order& order, const Outputs& outputs,
                           const std::set<std::string>& own) {
  const auto conflict = [](const std::string& name) {
    return fail(Code::conflict,
                fmt::format("another shard has written {} already: put $MOHONA_SHARD_INDEX or the "
                            "shard's name into the file's name",
                            name));
  };
  for (const std::string& name : outputs.directories) {
    std::error_code error;
    const auto there = fs::symlink_status(order.published_output + "/" + name, error);
    if (fs::exists(there) && !fs::is_directory(there) && !own.contains(name)) return conflict(name);
  }
  for (const std::string& name : outputs.files) {
    std::error_code error;
    const auto there = fs::symlink_status(order.published_output + "/" + name, error);
    if (fs::exists(there) && (fs::is_directory(there) || !own.contains(name))) {
      return conflict(name);
    }
  }
  return {};
}

}  // namespace

Result<void> publish(const Order& order) {
  if (order.published_output.empty()) return {};
  const auto from = open_output(AT_FDCWD, order.output);
  if (!from) return fail(from.error());
  const auto to = open_output(AT_FDCWD, order.published_output);
  if (!to) return fail(to.error());
  const auto outputs = list_outputs(from->get());
  if (!outputs) return fail(outputs.error());
  if (outputs->files.empty() && outputs->directories.empty()) return {};
  const auto lock = lock_file(order.job_directory + "/publish.lock", true);
  if (!lock) return fail(lock.error());

  // The names are written down before the first file moves, so that an attempt that takes over from
  // one that broke off here knows which files are its own shard's.
  const std::string record =
      fmt::format("{}/published.{}", order.job_directory, order.attempt.task);
  std::set<std::string> own;
  if (const auto before = read_regular_file(record, published_bytes_max)) {
    for (const std::string_view name : split(*before, '\n')) own.emplace(name);
  }
  if (auto ok = find_conflict(order, *outputs, own); !ok) return ok;
  own.insert(outputs->files.begin(), outputs->files.end());
  if (auto ok = write_file(record, join({own.begin(), own.end()}, "\n"), true); !ok) return ok;
  std::error_code error;
  for (const std::string& name : outputs->directories) {
    const fs::path target = fs::path(order.published_output) / name;
    const auto there = fs::symlink_status(target, error);
    if (fs::exists(there) && !fs::is_directory(there)) {
      fs::remove(target, error);  // this shard's own, of an attempt before
    }
    fs::create_directories(target, error);
    if (error) return failed("cannot publish " + name, error);
  }
  for (const std::string& name : outputs->files) {
    if (::renameat(from->get(), name.c_str(), to->get(), name.c_str()) != 0) {
      return system_failure("publish", name);
    }
  }
  return {};
}

}  // namespace mohona::host

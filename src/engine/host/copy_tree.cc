#include "engine/host/copy_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "engine/host/ignore_file.h"

namespace mohona::host {
namespace {

// Deeper than paths may be long.
constexpr int depth_max = 2'048;
constexpr std::size_t ignore_bytes_max = 1'048'576;
constexpr std::size_t left_out_listed_max = 5;
constexpr std::size_t copy_bytes = 1 << 20;

struct Copy {
  std::string from, to;
  struct stat without {};  // never copied; its inode is 0 when it is not there
  IgnoreRules rules;
  bool git_rules = false;  // directories may bring rules of their own
  Copied result;
};

const char* kind_of(mode_t mode) {
  if (S_ISFIFO(mode)) return "a named pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

void read_rules(Copy& copy, const std::string& file, const std::string& base) {
  const auto text = read_regular_file(copy.from + "/" + file, ignore_bytes_max);
  if (text) copy.rules.add(*text, base);
}

std::string join_path(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

// The content, by the kernel where it can.
bool copy_content(int from, int to) {
  while (true) {
    const ssize_t n = ::copy_file_range(from, nullptr, to, nullptr, copy_bytes, 0);
    if (n == 0) break;
    if (n > 0 || errno == EINTR) continue;
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return false;
    break;
  }
  // What is left, which for files of /proc and of some file systems is all.
  static std::vector<char> buffer(copy_bytes);
  while (true) {
    const ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n == 0) return true;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    for (ssize_t done = 0; done < n;) {
      const ssize_t w = ::write(to, buffer.data() + done, static_cast<std::size_t>(n - done));
      if (w < 0 && errno != EINTR) return false;
      if (w > 0) done += w;
    }
  }
}

Result<void> copy_file(const std::string& from, const std::string& to) {
  const auto source = open_regular_file(from);
  if (!source) return fail(source.error());
  struct stat status {};
  ::fstat(source->get(), &status);
  const Fd target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target || !copy_content(source->get(), target.get())) return system_failure("copy", from);
  const timespec times[] = {status.st_atim, status.st_mtim};
  if (::fchmod(target.get(), status.st_mode & 07777) != 0 || ::futimens(target.get(), times) != 0) {
    return system_failure("copy", from);
  }
  return {};
}

Result<void> copy_link(const std::string& from, const std::string& to) {
  std::error_code error;
  const auto target = std::filesystem::read_symlink(from, error);
  if (error || ::symlink(target.c_str(), to.c_str()) != 0) return system_failure("copy", from);
  return {};
}

Result<void> copy_directory(Copy& copy, const std::string& path, const struct stat& status,
                            int depth);

Result<void> copy_entry(Copy& copy, const std::string& path, int depth) {
  const std::string from = copy.from + "/" + path, to = copy.to + "/" + path;
  struct stat status {};
  if (::lstat(from.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};  // it has gone since we listed it
    return system_failure("copy", from);
  }
  const bool directory = S_ISDIR(status.st_mode);
  if (copy.rules.ignores(path, directory)) return {};
  if (directory) {
    if (status.st_ino == copy.without.st_ino && status.st_dev == copy.without.st_dev) return {};
    return copy_directory(copy, path, status, depth + 1);
  }
  if (S_ISREG(status.st_mode)) return copy_file(from, to);
  if (S_ISLNK(status.st_mode)) return copy_link(from, to);
  if (copy.result.left_out_count++ < left_out_listed_max) {
    copy.result.left_out.push_back(fmt::format("{} ({})", path, kind_of(status.st_mode)));
  }
  return {};
}

Result<void> copy_directory(Copy& copy, const std::string& path, const struct stat& status,
                            int depth) {
  const std::string from = path.empty() ? copy.from : copy.from + "/" + path;
  const std::string to = path.empty() ? copy.to : copy.to + "/" + path;
  if (depth > depth_max) {
    return fail(Code::invalid, fmt::format("cannot copy {}: it is more than {} directories deep",
                                           from, depth_max));
  }
  // Its own mode comes last: it may forbid what we still have to do.
  if (::mkdir(to.c_str(), 0700) != 0) return system_failure("copy", from);
  if (copy.git_rules) read_rules(copy, join_path(path, ".gitignore"), path);
  const auto names = names_in(from);
  if (!names) return fail(names.error());
  for (const std::string& name : *names) {
    if (auto ok = copy_entry(copy, join_path(path, name), depth); !ok) return ok;
  }
  const timespec times[] = {status.st_atim, status.st_mtim};
  // The top one is ours to write into, whatever it was.
  const mode_t mode = (status.st_mode & 07777) | (path.empty() ? 0700 : 0);
  if (::chmod(to.c_str(), mode) != 0 || ::utimensat(AT_FDCWD, to.c_str(), times, 0) != 0) {
    return system_failure("copy", from);
  }
  return {};
}

}  // namespace

Result<Copied> copy_tree(const std::string& from, const std::string& to,
                         const std::string& without) {
  Copy copy{from, to, {}, {}, false, {}};
  struct stat status {};
  if (::stat(from.c_str(), &status) != 0) return system_failure("copy", from);
  if (::stat(without.c_str(), &copy.without) != 0) copy.without = {};
  if (::access((from + "/.skyignore").c_str(), F_OK) == 0) {
    read_rules(copy, ".skyignore", "");
  } else {
    copy.git_rules = true;
    read_rules(copy, ".git/info/exclude", "");
  }
  if (auto ok = copy_directory(copy, "", status, 0); !ok) return fail(ok.error());
  return std::move(copy.result);
}

Result<void> remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (!error) return {};
  // A directory that may not be written to keeps what it holds, unless one is root.
  std::vector<std::string> directories = {path};
  for (std::size_t i = 0; i < directories.size(); ++i) {
    ::chmod(directories[i].c_str(), 0700);
    const auto names = names_in(directories[i]);
    if (!names) continue;
    for (const std::string& name : *names) {
      struct stat status {};
      const std::string below = directories[i] + "/" + name;
      if (::lstat(below.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
        directories.push_back(below);
      }
    }
  }
  std::filesystem::remove_all(path, error);
  if (error)
    return fail(Code::internal, fmt::format("cannot remove {}: {}", path, error.message()));
  return {};
}

}  // namespace mohona::host

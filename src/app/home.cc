#include "app/home.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/text.h"

namespace mohona {
namespace {

constexpr std::size_t socket_bytes_max = 100;
constexpr std::size_t token_bytes = 24;

// A directory that others use must not become a home: it would be closed to them.
Result<void> check_is_ours(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & 0077) == 0) return {};
  std::error_code error;
  bool known = false;
  for (const char* ours : {"controller.pid", "journal.db", "token", "store", "fleet.yaml"}) {
    known = known || std::filesystem::exists(path + "/" + ours, error);
  }
  const bool shared = (info.st_mode & S_ISVTX) != 0;
  if (!shared && (known || std::filesystem::is_empty(path, error))) return {};
  return fail(Code::invalid,
              fmt::format("{} is open to other users and holds other files; a home is for Mohona "
                          "alone. Name a new directory, such as {}/mohona",
                          path, path == "/" ? "" : path));
}

}  // namespace

Home Home::find(const std::string& given) {
  std::string path = given;
  if (path.empty()) {
    if (const char* from_environment = ::getenv("MOHONA_HOME")) path = from_environment;
  }
  if (path.empty()) {
    const char* user = ::getenv("HOME");
    path = std::string(user ? user : "/root") + "/.mohona";
  }
  std::string absolute = std::filesystem::absolute(path).lexically_normal().string();
  while (absolute.size() > 1 && absolute.ends_with('/')) absolute.pop_back();
  return Home(std::move(absolute));
}

std::string Home::socket() const {
  const std::string direct = file("api.sock");
  if (direct.size() <= socket_bytes_max) return direct;
  // Open for the life of the process: the path below goes through it.
  static const int directory = ::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  return fmt::format("/proc/self/fd/{}/api.sock", directory);
}

Result<void> Home::check_owner() const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) {
    return errno == ENOENT ? Result<void>() : system_failure("look at", path_);
  }
  if (!S_ISDIR(info.st_mode)) {
    return fail(Code::invalid, fmt::format("{} is not a directory", path_));
  }
  if (info.st_uid == ::geteuid()) return {};
  return fail(Code::invalid,
              fmt::format("{} belongs to user {}, and this is user {}: the home must be your own. "
                          "Choose another with --home or MOHONA_HOME",
                          path_, info.st_uid, ::geteuid()));
}

Result<void> Home::make() const {
  if (auto ok = check_owner(); !ok) return ok;
  if (auto ok = check_is_ours(path_); !ok) return ok;
  if (auto ok = make_directory(path_); !ok) return ok;
  // Also a directory that was there before: what is written into it is nobody else's.
  if (::chmod(path_.c_str(), 0700) != 0) return system_failure("protect", path_);
  return {};
}

Result<Fd> Home::lock() const {
  const std::string path = file("controller.pid");
  auto fd = lock_file(path, false);
  if (!fd && fd.error().code == Code::conflict) {
    const auto pid = read_file(path);
    return fail(Code::conflict,
                fmt::format("a controller runs in {} already (pid {}); stop it with: mohona down",
                            path_, pid ? trim(*pid) : "unknown"));
  }
  if (!fd) return fd;
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd->get(), 0) != 0 ||
      ::pwrite(fd->get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return system_failure("write", path);
  }
  return fd;
}

Result<std::string> Home::token() const {
  const std::string path = file("token");
  if (const auto known = read_file(path)) return std::string(trim(*known));
  unsigned char bytes[token_bytes];
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return system_failure("draw", "a token");
  std::string token;
  for (const unsigned char b : bytes) token += fmt::format("{:02x}", b);
  if (auto ok = write_file(path, token + "\n", true); !ok) return fail(ok.error());
  return token;
}

}  // namespace mohona

#include "engine/host/log_pump.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <future>
#include <vector>

namespace mohona::host {
namespace {

// What a pipe holds by default; larger steps gain nothing.
constexpr std::size_t step_bytes = 65'536;
// How long the end of an attempt waits for a file system to take the last of its output.
constexpr int finish_within_ms = 5'000;
// How long a file system may take to open a log.
constexpr std::chrono::seconds open_within{10};
// What logs leave free of their file system: a journal grows by some megabytes in the time of a
// stop, and a small disk is not for logs that do not fit.
constexpr std::uint64_t reserve_bytes_max = 16 << 20, reserve_part = 16;
// How often the file system is asked, in parts of the reserve: at most each 1 MiB.
constexpr std::uint64_t ask_part = 16;

// The file that our link at `path` names, or `path` itself.
std::string target_of(const std::string& path) {
  std::error_code error;
  const auto target = std::filesystem::read_symlink(path, error);
  return error ? path : target.string();
}

bool ends_within_a_line(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  struct stat status {};
  char last = '\n';
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  return ::pread(fd.get(), &last, 1, status.st_size - 1) == 1 && last != '\n';
}

}  // namespace

Result<Fd> open_log(const std::string& path) {
  const std::string target = target_of(path);
  constexpr int flags =
      O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
  Fd fd(::open(target.c_str(), flags, 0600));
  struct stat status {};
  const bool plain =
      fd && ::fstat(fd.get(), &status) == 0 && (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode));
  if (plain) return fd;
  // Of a pipe that nobody reads Linux says that there is no such device.
  if (fd || errno == ENXIO) {
    return fail(Code::invalid,
                fmt::format("cannot write the log {}: it is not a regular file", target));
  }
  return fail(Code::invalid,
              fmt::format("cannot write the log {}: {}", target, std::strerror(errno)));
}

Result<Fd> open_to_read_log(const std::string& path) {
  const std::string target = target_of(path);
  struct stat status {};
  if (::lstat(target.c_str(), &status) != 0) return fail(Code::not_found, "no log " + target);
  if (S_ISCHR(status.st_mode)) return Fd();
  return open_regular_file(target);
}

bool is_same_log(const std::string& log, const std::string& error_log) {
  std::error_code error;
  return error_log.empty() || std::filesystem::equivalent(log, error_log, error);
}

LogPump::LogPump() : shared_(make_shared()) {}

std::shared_ptr<LogPump::Shared> LogPump::make_shared() {
  auto shared = std::make_shared<Shared>();
  shared->epoll = Fd(::epoll_create1(EPOLL_CLOEXEC));
  shared->wake = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  shared->done = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{EPOLLIN, {.fd = shared->wake.get()}};
  ::epoll_ctl(shared->epoll.get(), EPOLL_CTL_ADD, shared->wake.get(), &event);
  return shared;
}

LogPump::~LogPump() { finish(); }

// Where the log is elsewhere than the attempt's other files, on a thread of its own: nothing else
// can give up on a file system that hangs.
Result<Fd> LogPump::open_in_time(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(std::filesystem::symlink_status(path, error))) {
    auto log = open_log(path);
    if (log && ends_within_a_line(path)) {
      [[maybe_unused]] const ssize_t n = ::write(log->get(), "\n", 1);
    }
    return log;
  }
  auto opened = std::make_shared<std::promise<Result<Fd>>>();
  auto future = opened->get_future();
  std::thread([path, opened] {
    auto log = open_log(path);
    if (log && ends_within_a_line(target_of(path))) {
      [[maybe_unused]] const ssize_t n = ::write(log->get(), "\n", 1);
    }
    opened->set_value(std::move(log));
  }).detach();
  if (future.wait_for(open_within) == std::future_status::ready) return future.get();
  return fail(
      Code::unavailable,
      fmt::format("cannot write the log {}: its file system does not answer", target_of(path)));
}

Result<Fd> LogPump::open(const std::string& path) {
  auto log = open_in_time(path);
  if (!log) return fail(log.error());
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return log;  // too many open files: without a pipe
  auto copy = std::make_shared<Copy>();
  copy->pipe = Fd(ends[0]);
  Fd writer(ends[1]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  // Work that changes its user may still open /dev/stderr.
  ::fchmod(ends[1], 0622);
  copy->log = std::move(*log);
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->copies[ends[0]] = std::move(copy);
    epoll_event event{EPOLLIN, {.fd = ends[0]}};
    ::epoll_ctl(shared_->epoll.get(), EPOLL_CTL_ADD, ends[0], &event);
    shared_->stopping = false;
  }
  if (!thread_.joinable()) thread_ = std::thread([shared = shared_] { work(shared); });
  return writer;
}

// Devices, and file systems that do not tell, have room.
bool LogPump::has_room(Copy& copy) {
  struct stat status {};
  struct statvfs system {};
  if (::fstat(copy.log.get(), &status) != 0 || !S_ISREG(status.st_mode)) return true;
  if (::fstatvfs(copy.log.get(), &system) != 0 || system.f_blocks == 0) return true;
  const std::uint64_t unit = system.f_frsize;
  const std::uint64_t reserve = std::min(reserve_bytes_max, system.f_blocks * unit / reserve_part);
  copy.unasked = reserve / ask_part;
  return system.f_bavail * unit >= reserve;
}

void LogPump::append(Copy& copy, std::string_view text) {
  if (text.size() > copy.unasked && !has_room(copy)) {
    copy.unasked = 0;
    copy.lost += text.size();
    copy.why = std::strerror(ENOSPC);
    return;
  }
  copy.unasked -= std::min<std::uint64_t>(copy.unasked, text.size());
  if (copy.lost > 0) {
    const std::string note =
        fmt::format("\nmohona: {} bytes of this log are lost: {}\n", copy.lost, copy.why);
    if (::write(copy.log.get(), note.data(), note.size()) > 0) copy.lost = 0;
  }
  while (!text.empty()) {
    const ssize_t n = ::write(copy.log.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      // The work goes on: it is worth more than its log.
      copy.lost += text.size();
      copy.why = std::strerror(errno);
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

// False: the pipe has come to its end.
bool LogPump::copy_some(Copy& copy) {
  thread_local std::vector<char> buffer(step_bytes);
  const ssize_t n = ::read(copy.pipe.get(), buffer.data(), buffer.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n > 0) append(copy, {buffer.data(), static_cast<std::size_t>(n)});
  return n > 0;
}

void LogPump::work(const std::shared_ptr<Shared>& shared) {
  constexpr int events_max = 64;
  std::array<epoll_event, events_max> events{};
  while (true) {
    bool stopping = false;
    {
      const std::lock_guard lock(shared->mutex);
      stopping = shared->stopping;
    }
    // Once it is to stop: until nothing is left to be read at this moment.
    const int n = ::epoll_wait(shared->epoll.get(), events.data(), events_max, stopping ? 0 : -1);
    bool any = false;
    for (int i = 0; i < n; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == shared->wake.get()) {
        eventfd_t count = 0;
        ::eventfd_read(fd, &count);
        continue;
      }
      std::shared_ptr<Copy> copy;
      {
        const std::lock_guard lock(shared->mutex);
        const auto found = shared->copies.find(fd);
        if (found == shared->copies.end()) continue;
        copy = found->second;
      }
      any = true;
      if (copy_some(*copy)) continue;
      if (copy->lost > 0) append(*copy, {});
      const std::lock_guard lock(shared->mutex);
      shared->copies.erase(fd);
    }
    if (stopping && !any) break;
  }
  {
    const std::lock_guard lock(shared->mutex);
    for (auto& [fd, copy] : shared->copies) {
      if (copy->lost > 0) append(*copy, {});
    }
    shared->copies.clear();
  }
  ::eventfd_write(shared->done.get(), 1);
}

void LogPump::finish() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  ::eventfd_write(shared_->wake.get(), 1);
  pollfd poll{shared_->done.get(), POLLIN, 0};
  if (::poll(&poll, 1, finish_within_ms) == 1) {
    eventfd_t count = 0;
    ::eventfd_read(shared_->done.get(), &count);
    thread_.join();
    return;
  }
  // The file system hangs. The thread keeps what is its own; later output has a thread of its own.
  thread_.detach();
  shared_ = make_shared();
}

}  // namespace mohona::host

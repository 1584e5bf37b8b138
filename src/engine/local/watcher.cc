#include "engine/local/watcher.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mohona::host {
namespace {

constexpr int look_for_start_ms = 20;
constexpr int look_ms = 1'000;

}  // namespace

Watcher::Watcher(std::function<std::vector<AttemptId>()> look)
    : look_(std::move(look)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{EPOLLIN, {.fd = wake_.get()}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
  thread_ = std::thread([this] { loop(); });
}

Watcher::~Watcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void Watcher::on_change(std::function<void()> changed) {
  const std::lock_guard lock(mutex_);
  changed_ = std::move(changed);
}

void Watcher::watch(const AttemptId& attempt, Fd supervisor, bool child, std::string started_file) {
  const std::lock_guard lock(mutex_);
  const int fd = supervisor.get();
  by_fd_[fd] = attempt;
  not_started_.insert(attempt);
  watched_[attempt] = Watched{std::move(supervisor), child, std::move(started_file)};
  epoll_event event{EPOLLIN | EPOLLONESHOT, {.fd = fd}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  ::eventfd_write(wake_.get(), 1);
}

std::size_t Watcher::count() {
  const std::lock_guard lock(mutex_);
  return watched_.size();
}

bool Watcher::watches(const AttemptId& attempt) {
  const std::lock_guard lock(mutex_);
  return watched_.contains(attempt);
}

std::set<AttemptId> Watcher::take_changed() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

bool Watcher::signal(const AttemptId& attempt, int number) {
  const std::lock_guard lock(mutex_);
  const auto found = watched_.find(attempt);
  if (found == watched_.end()) return false;
  return ::syscall(SYS_pidfd_send_signal, found->second.process.get(), number, nullptr, 0) == 0;
}

void Watcher::ended(const AttemptId& attempt) {
  const auto found = watched_.find(attempt);
  if (found == watched_.end()) return;
  const int fd = found->second.process.get();
  if (found->second.child) {
    siginfo_t info{};
    ::waitid(P_PIDFD, static_cast<id_t>(fd), &info, WEXITED | WNOHANG);
  }
  by_fd_.erase(fd);
  not_started_.erase(attempt);
  watched_.erase(found);
}

bool Watcher::find_started() {
  bool any = false;
  for (auto it = not_started_.begin(); it != not_started_.end();) {
    if (::access(watched_.at(*it).started_file.c_str(), F_OK) == 0) {
      news_.insert(*it);
      it = not_started_.erase(it);
      any = true;
    } else {
      ++it;
    }
  }
  return any;
}

// How long nothing needs to be done, in milliseconds; -1: until something happens.
int Watcher::patience() {
  const std::lock_guard lock(mutex_);
  if (!not_started_.empty()) return look_for_start_ms;
  return watched_.empty() ? -1 : look_ms;
}

bool Watcher::look_is_due() {
  const auto now = std::chrono::steady_clock::now();
  if (now < look_at_) return false;
  look_at_ = now + std::chrono::milliseconds(look_ms);
  return true;
}

void Watcher::loop() {
  constexpr int events_max = 64;
  epoll_event events[events_max];
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return;
    }
    const int n = ::epoll_wait(epoll_.get(), events, events_max, patience());
    std::vector<AttemptId> seen;
    if (look_is_due()) seen = look_();  // reads files: without the lock
    std::function<void()> changed;
    {
      const std::lock_guard lock(mutex_);
      bool any = !seen.empty();
      news_.insert(seen.begin(), seen.end());
      for (int i = 0; i < n; ++i) {
        if (events[i].data.fd == wake_.get()) {
          eventfd_t count = 0;
          ::eventfd_read(wake_.get(), &count);
          continue;
        }
        const auto found = by_fd_.find(events[i].data.fd);
        if (found == by_fd_.end()) continue;
        news_.insert(found->second);
        ended(AttemptId(found->second));
        any = true;
      }
      if (find_started() || any) changed = changed_;
    }
    if (changed) changed();
  }
}

}  // namespace mohona::host

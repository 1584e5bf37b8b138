#include "engine/host/processes.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <map>

namespace mohona::host {
namespace {

// /proc/PID/stat after the command's name, which may itself hold blanks and brackets.
std::string stat_tail(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid));
  if (!text) return {};
  const std::size_t bracket = text->rfind(')');
  return bracket == std::string::npos ? std::string{} : text->substr(bracket + 1);
}

// The n-th field of the tail, from 0; field 0 is the state, 1 the parent, 19 the start time.
std::uint64_t field(std::string_view tail, int n) {
  for (; n >= 0; --n) {
    const std::size_t begin = tail.find_first_not_of(' ');
    if (begin == std::string_view::npos) return 0;
    tail.remove_prefix(begin);
    if (n == 0) break;
    tail.remove_prefix(std::min(tail.find(' '), tail.size()));
  }
  std::uint64_t value = 0;
  std::from_chars(tail.data(), tail.data() + tail.size(), value);
  return value;
}

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  DIR* directory = ::opendir("/proc");
  if (!directory) return pids;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view entry_name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] =
        std::from_chars(entry_name.data(), entry_name.data() + entry_name.size(), pid);
    if (error == std::errc() && *end == '\0') pids.push_back(pid);
  }
  ::closedir(directory);
  return pids;
}

std::vector<pid_t> descendants_of(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (const pid_t pid : all_pids()) {
    const std::string tail = stat_tail(pid);
    if (!tail.empty()) children.emplace(static_cast<pid_t>(field(tail, 1)), pid);
  }
  std::vector<pid_t> found = {root};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [begin, end] = children.equal_range(found[i]);
    for (auto it = begin; it != end; ++it) found.push_back(it->second);
  }
  found.erase(found.begin());
  return found;
}

}  // namespace

std::uint64_t start_ticks(pid_t pid) {
  const std::string tail = stat_tail(pid);
  return tail.empty() ? 0 : field(tail, 19);
}

std::string boot_id() {
  const auto text = read_file("/proc/sys/kernel/random/boot_id");
  return text ? text->substr(0, text->find('\n')) : std::string{};
}

Fd open_process(pid_t pid, std::uint64_t ticks) {
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // Opened first, compared second: what is compared is then what the handle holds.
  if (fd && start_ticks(pid) != ticks) return Fd{};
  return fd;
}

void kill_descendants() {
  while (true) {
    int status = 0;
    const pid_t reaped = ::waitpid(-1, &status, WNOHANG);
    if (reaped < 0 && errno == ECHILD) return;
    if (reaped > 0) continue;
    for (const pid_t pid : descendants_of(::getpid())) ::kill(pid, SIGKILL);
    ::usleep(1'000);
  }
}

bool kill_marked(const std::string& name, const std::string& value) {
  const std::string mark = name + "=" + value;
  bool any = false;
  // A process may fork while we look: look until a round finds none.
  for (bool found = true; found;) {
    found = false;
    for (const pid_t pid : all_pids()) {
      if (pid == ::getpid()) continue;
      const auto environment = read_file(fmt::format("/proc/{}/environ", pid));
      if (!environment) continue;
      const std::string text = '\0' + *environment;
      if (text.find('\0' + mark + '\0') == std::string::npos) continue;
      // A zombie keeps nothing running and leaves only when its parent looks.
      const std::string tail = stat_tail(pid);
      if (tail.find_first_of("ZX") == 1) continue;
      if (::kill(pid, SIGKILL) == 0) found = any = true;
    }
    if (found) ::usleep(2'000);
  }
  return any;
}

int signal_number(std::string_view name) {
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (int n = 1; n < NSIG; ++n) {
    const char* abbreviation = ::sigabbrev_np(n);
    if (abbreviation && name == abbreviation) return n;
  }
  return 0;
}

}  // namespace mohona::host

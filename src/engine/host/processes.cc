#include "engine/host/processes.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <map>
#include <set>

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

std::vector<Process> descendants_of(pid_t root) {
  std::multimap<pid_t, Process> children;
  std::set<pid_t> zombies;
  for (const pid_t pid : all_pids()) {
    const std::string tail = stat_tail(pid);
    if (tail.empty()) continue;
    const auto parent = static_cast<pid_t>(field(tail, 1));
    children.emplace(parent, Process{pid, parent, static_cast<pid_t>(field(tail, 2))});
    if (tail.find_first_of("ZX") == 1) zombies.insert(pid);
  }
  std::vector<Process> found = {{root, 0, 0}};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [begin, end] = children.equal_range(found[i].pid);
    for (auto it = begin; it != end; ++it) found.push_back(it->second);
  }
  found.erase(found.begin());
  std::erase_if(found, [&](const Process& p) { return zombies.contains(p.pid); });
  return found;
}

bool is_called(pid_t pid, const std::string& name) {
  const auto comm = read_file(fmt::format("/proc/{}/comm", pid));
  return comm && *comm == name + "\n";
}

bool has_variable(pid_t pid, const std::string& name) {
  const auto environment = read_file(fmt::format("/proc/{}/environ", pid));
  return environment && ('\0' + *environment).find('\0' + name + '=') != std::string::npos;
}

namespace {

// Whether the process does something of its own on this signal: it has a handler, or blocks the
// signal and waits for it.
bool takes(pid_t pid, int number) {
  const auto status = read_file(fmt::format("/proc/{}/status", pid));
  if (!status) return false;
  for (const std::string_view name : {"\nSigCgt:\t", "\nSigBlk:\t"}) {
    const std::size_t at = status->find(name);
    if (at == std::string::npos) continue;
    const char* begin = status->data() + at + name.size();
    std::uint64_t mask = 0;
    std::from_chars(begin, status->data() + status->size(), mask, 16);
    if ((mask >> (number - 1) & 1) != 0) return true;
  }
  return false;
}

// "pipe:[123]" when that is what the descriptor is, else empty.
std::string pipe_at(pid_t pid, int fd) {
  std::array<char, 64> name{};
  const std::string link = fmt::format("/proc/{}/fd/{}", pid, fd);
  const ssize_t n = ::readlink(link.c_str(), name.data(), name.size());
  if (n <= 0) return {};
  const std::string_view text(name.data(), static_cast<std::size_t>(n));
  return text.starts_with("pipe:") ? std::string(text) : std::string();
}

// In `train | tee log` the signal would end tee at once, and the trainer, which saves now, would
// write into a broken pipe. So what only reads the output of a process with a handler, directly or
// through others of its kind, is spared: it ends when its input does.
std::set<pid_t> readers_to_spare(const std::vector<Process>& processes, int number) {
  std::set<std::string> written;
  const auto writes = [&](pid_t pid) {
    for (const int fd : {1, 2}) written.insert(pipe_at(pid, fd));
    written.erase("");
  };
  std::vector<std::pair<pid_t, std::string>> readers;
  for (const Process& process : processes) {
    if (takes(process.pid, number)) {
      writes(process.pid);
    } else if (std::string input = pipe_at(process.pid, 0); !input.empty()) {
      readers.emplace_back(process.pid, std::move(input));
    }
  }
  std::set<pid_t> spared;
  for (bool more = true; more;) {  // each round but the last spares another one
    more = false;
    for (const auto& [pid, input] : readers) {
      if (!written.contains(input) || !spared.insert(pid).second) continue;
      writes(pid);
      more = true;
    }
  }
  return spared;
}

}  // namespace

void signal_all(const std::vector<Process>& processes, int number) {
  const std::set<pid_t> spared = readers_to_spare(processes, number);
  std::set<pid_t> groups;
  for (const Process& process : processes) {
    if (process.group > 1 && process.group != ::getpgrp()) groups.insert(process.group);
  }
  for (const Process& process : processes) {
    if (spared.contains(process.pid)) groups.erase(process.group);
  }
  for (const int n : {number, SIGCONT}) {
    for (const pid_t group : groups) ::kill(-group, n);
    for (const Process& process : processes) {
      if (groups.contains(process.group)) continue;
      if (n == SIGCONT || !spared.contains(process.pid)) ::kill(process.pid, n);
    }
  }
}

void signal_each(const std::vector<Process>& processes, int number) {
  const std::set<pid_t> spared = readers_to_spare(processes, number);
  for (const int n : {number, SIGCONT}) {
    for (const Process& process : processes) {
      if (n == SIGCONT || !spared.contains(process.pid)) ::kill(process.pid, n);
    }
  }
}

void kill_descendants() {
  // What has the kernel's ear at once is gone within the first; what waits for a disk takes longer.
  constexpr useconds_t pause_us = 1'000, pause_max_us = 200'000;
  for (useconds_t pause = pause_us;; pause = std::min(pause * 2, pause_max_us)) {
    int status = 0;
    pid_t reaped = 0;
    while ((reaped = ::waitpid(-1, &status, WNOHANG)) > 0) {
    }
    if (reaped < 0 && errno == ECHILD) return;
    for (const Process& process : descendants_of(::getpid())) ::kill(process.pid, SIGKILL);
    ::usleep(pause);
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

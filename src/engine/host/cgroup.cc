#include "engine/host/cgroup.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/file.h"

namespace mohona::host {
namespace {

constexpr std::int64_t period_us = 100'000;

bool put(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

constexpr const char* root = "/sys/fs/cgroup/";

bool version_2() { return exists("/sys/fs/cgroup/cgroup.controllers"); }

// Unique on this machine: the directory is.
std::string group_name(const std::string& attempt_directory, std::size_t rank) {
  std::string name = fmt::format("{}.{}", attempt_directory, rank);
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

// "" is version 2's one hierarchy; "pids/" only holds the processes, at no cost.
constexpr const char* hierarchies[] = {"", "pids/", "cpu/", "memory/"};

std::string group_path(const char* hierarchy, const std::string& name) {
  return fmt::format("{}{}mohona/{}", root, hierarchy, name);
}

// Removes a group with those that a container has made in it; `end_them`: kills what is in
// them. True: it is gone.
bool remove_group(const std::string& directory, bool end_them, int depth = 0) {
  constexpr int depth_max = 64;  // beyond what the kernel lets anybody nest in practice
  if (end_them) {
    std::ifstream processes(directory + "/cgroup.procs");
    for (pid_t pid = 0; processes >> pid;) ::kill(pid, SIGKILL);
  }
  if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return true;
  if (const auto names = names_in(directory); names && depth < depth_max) {
    for (const std::string& name : *names) {
      struct stat status {};
      const std::string below = directory + "/" + name;
      if (::lstat(below.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) continue;
      (void)remove_group(below, end_them, depth + 1);
    }
  }
  return ::rmdir(directory.c_str()) == 0;
}

// The group's directory, or "" where we may not.
std::string make_group(const char* hierarchy, const std::string& name) {
  ::mkdir(fmt::format("{}{}mohona", root, hierarchy).c_str(), 0755);
  const std::string directory = group_path(hierarchy, name);
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) return {};
  return directory;
}

}  // namespace

Cgroup Cgroup::make(const std::string& attempt_directory, std::size_t rank, std::int64_t cpus_milli,
                    std::int64_t memory_mib) {
  Cgroup group;
  const std::string name = group_name(attempt_directory, rank);
  const std::string quota = std::to_string(cpus_milli * period_us / 1'000);
  const std::string bytes = std::to_string(memory_mib * 1'048'576);
  const auto make = [&](const char* hierarchy) {
    const std::string directory = make_group(hierarchy, name);
    if (!directory.empty()) {
      group.directories_.push_back(directory);
      group.entrances_.push_back(directory + "/cgroup.procs");
    }
    return directory;
  };
  if (version_2()) {
    put("/sys/fs/cgroup/cgroup.subtree_control", "+cpu +memory");
    ::mkdir("/sys/fs/cgroup/mohona", 0755);
    put("/sys/fs/cgroup/mohona/cgroup.subtree_control", "+cpu +memory");
    const std::string directory = make("");
    if (directory.empty()) return group;
    if (cpus_milli > 0) put(directory + "/cpu.max", quota + " " + std::to_string(period_us));
    if (memory_mib > 0) put(directory + "/memory.max", bytes);
    return group;
  }
  make("pids/");
  if (cpus_milli > 0) {
    if (const std::string directory = make("cpu/"); !directory.empty()) {
      put(directory + "/cpu.cfs_period_us", std::to_string(period_us));
      put(directory + "/cpu.cfs_quota_us", quota);
    }
  }
  if (memory_mib > 0) {
    if (const std::string directory = make("memory/"); !directory.empty()) {
      put(directory + "/memory.limit_in_bytes", bytes);
    }
  }
  return group;
}

void kill_groups(const std::string& attempt_directory) {
  constexpr int rounds_max = 1'000;  // of a millisecond: a process may fork while it is killed
  for (std::size_t rank = 0;; ++rank) {
    bool any = false;
    for (const char* hierarchy : hierarchies) {
      const std::string directory = group_path(hierarchy, group_name(attempt_directory, rank));
      if (!exists(directory)) continue;
      any = true;
      for (int round = 0; round < rounds_max && !remove_group(directory, true); ++round) {
        ::usleep(1'000);
      }
    }
    if (!any) return;
  }
}

bool Cgroup::out_of_memory() const {
  for (const std::string& directory : directories_) {
    for (const char* file : {"/memory.oom_control", "/memory.events"}) {
      const auto text = read_file(directory + file);
      if (!text) continue;
      const std::size_t at = text->find("oom_kill ");
      if (at != std::string::npos && text->substr(at + 9, 1) != "0") return true;
    }
  }
  return false;
}

void Cgroup::remove() {
  for (const std::string& directory : directories_) (void)remove_group(directory, false);
}

}  // namespace mohona::host

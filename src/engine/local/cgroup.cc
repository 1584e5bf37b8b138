#include "engine/local/cgroup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"

namespace mohona::local {
namespace {

constexpr std::int64_t period_us = 100'000;

bool put(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

// ROOT/mohona/NAME, or "" where we may not.
std::string make_group(const std::string& root, const std::string& name) {
  const std::string parent = root + "/mohona";
  ::mkdir(parent.c_str(), 0755);
  const std::string directory = parent + "/" + name;
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) return {};
  return directory;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace

Cgroup Cgroup::make(const std::string& name, std::int64_t cpus_milli, std::int64_t memory_mib) {
  Cgroup group;
  const std::string quota = std::to_string(cpus_milli * period_us / 1'000);
  const std::string bytes = std::to_string(memory_mib * 1'048'576);
  const auto keep = [&](const std::string& directory) {
    group.directories_.push_back(directory);
    group.entrances_.push_back(directory + "/cgroup.procs");
  };
  const std::string v1 = "/sys/fs/cgroup/";
  if (exists("/sys/fs/cgroup/cgroup.controllers")) {
    put("/sys/fs/cgroup/cgroup.subtree_control", "+cpu +memory");
    ::mkdir("/sys/fs/cgroup/mohona", 0755);
    put("/sys/fs/cgroup/mohona/cgroup.subtree_control", "+cpu +memory");
    const std::string directory = make_group("/sys/fs/cgroup", name);
    if (directory.empty()) return group;
    keep(directory);
    if (cpus_milli > 0) put(directory + "/cpu.max", quota + " " + std::to_string(period_us));
    if (memory_mib > 0) put(directory + "/memory.max", bytes);
    return group;
  }
  if (cpus_milli > 0) {
    const std::string directory = make_group(v1 + "cpu", name);
    if (!directory.empty()) {
      keep(directory);
      put(directory + "/cpu.cfs_period_us", std::to_string(period_us));
      put(directory + "/cpu.cfs_quota_us", quota);
    }
  }
  if (memory_mib > 0) {
    const std::string directory = make_group(v1 + "memory", name);
    if (!directory.empty()) {
      keep(directory);
      put(directory + "/memory.limit_in_bytes", bytes);
    }
  }
  return group;
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
  for (const std::string& directory : directories_) ::rmdir(directory.c_str());
}

}  // namespace mohona::local

// Control groups, of version 1 or 2, where we may make them: limits on a rank's cores and memory,
// and a hold on its processes that none of them can shake off.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mohona::host {

// One rank's groups; none where the machine does not let us. Removed by `remove`, when empty.
class Cgroup {
 public:
  // The group of one rank of the attempt in this directory. 0 means no limit.
  static Cgroup make(const std::string& attempt_directory, std::size_t rank,
                     std::int64_t cpus_milli, std::int64_t memory_mib);

  // Files to which a process writes "0" to enter.
  const std::vector<std::string>& entrances() const { return entrances_; }

  // Whether the kernel killed a process of it for want of memory.
  bool out_of_memory() const;

  void remove();

 private:
  std::vector<std::string> directories_, entrances_;
};

// Kills what is left in the groups of an attempt whose supervisor is gone, and removes them.
void kill_groups(const std::string& attempt_directory);

}  // namespace mohona::host

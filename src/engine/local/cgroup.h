// Limits on a rank's cores and memory, by control groups of version 1 or 2, where we may make them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mohona::local {

// One rank's groups; none where the machine does not let us. Removed by `remove`, when empty.
class Cgroup {
 public:
  // `name` is unique on this machine. 0 means no limit.
  static Cgroup make(const std::string& name, std::int64_t cpus_milli, std::int64_t memory_mib);

  // Files to which a process writes "0" to enter.
  const std::vector<std::string>& entrances() const { return entrances_; }

  // Whether the kernel killed a process of it for want of memory.
  bool out_of_memory() const;

  void remove();

 private:
  std::vector<std::string> directories_, entrances_;
};

}  // namespace mohona::local

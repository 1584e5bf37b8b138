// A set of tasks as the runs that it consists of: a million tasks that wait are one run.
#pragma once

#include <cstdint>
#include <map>

namespace mohona {

class TaskSet {
 public:
  bool empty() const { return runs_.empty(); }
  std::uint32_t front() const { return runs_.begin()->first; }  // the lowest
  bool contains(std::uint32_t task) const;
  std::size_t runs() const { return runs_.size(); }

  void insert(std::uint32_t task) { insert_run(task, task); }
  void insert_run(std::uint32_t first, std::uint32_t last);  // both are in it
  void erase(std::uint32_t task);
  void clear() { runs_.clear(); }

  friend bool operator==(const TaskSet&, const TaskSet&) = default;

 private:
  // First and last of each run. Runs do not touch, so that equal sets have equal runs.
  std::map<std::uint32_t, std::uint32_t> runs_;
};

}  // namespace mohona

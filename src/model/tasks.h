// The tasks of a job: sixteen bytes each, and notes beside them for the few that have one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/job.h"

namespace mohona {

struct Task {
  std::uint32_t attempts = 0;     // made so far: the newest one's number
  std::uint32_t failures = 0;     // that count against the job's retries
  std::uint32_t never_ready = 0;  // replicas in a row that ended before they were ready
  std::uint16_t losses = 0;       // of machines; not the work's fault; counted up to `losses_most`
  JobState state = JobState::pending;

  // Far beyond where the core gives up on a task; a service may lose replicas for years.
  static constexpr std::uint16_t losses_most = 65'535;
  void count_loss() { losses = static_cast<std::uint16_t>(losses + (losses < losses_most)); }
  friend bool operator==(const Task&, const Task&) = default;
};
static_assert(sizeof(Task) == 16);

struct TaskNote {
  Timestamp not_before;  // of one that waits again; the epoch: at once
  std::string reason;    // why it waits again, or how it ended
  friend bool operator==(const TaskNote&, const TaskNote&) = default;
};

// Neighbours with equal notes share one: of an array whose tasks all fail, they often are.
struct NoteRun {
  std::uint32_t last = 0;
  TaskNote note;
  friend bool operator==(const NoteRun&, const NoteRun&) = default;
};

// Equal neighbours as one record: how tasks are written. The fields are those of Task and TaskNote,
// because older snapshots have one record a task, without a count.
struct TaskRun {
  JobState state = JobState::pending;
  std::uint32_t attempts = 0;
  std::uint32_t failures = 0;
  std::uint32_t losses = 0;
  std::uint32_t never_ready = 0;
  Timestamp not_before;
  std::string reason;
  std::uint32_t count = 1;
  friend bool operator==(const TaskRun&, const TaskRun&) = default;
};

class Tasks {
 public:
  std::size_t size() const { return tasks_.size(); }
  bool empty() const { return tasks_.empty(); }
  void resize(std::size_t count) { tasks_.resize(count); }

  const Task& operator[](std::size_t task) const { return tasks_[task]; }
  const Task& at(std::size_t task) const { return tasks_.at(task); }
  Task& at(std::size_t task) { return tasks_.at(task); }
  auto begin() const { return tasks_.begin(); }
  auto end() const { return tasks_.end(); }

  // Of a task without a note: an empty one.
  const TaskNote& note(std::uint32_t task) const;
  // An empty note takes no room.
  void set_note(std::uint32_t task, TaskNote note) { set_notes(task, task, std::move(note)); }
  // By the first task of each run. Runs that touch differ, so that equal notes are equal runs.
  const std::map<std::uint32_t, NoteRun>& notes() const { return *notes_; }

  std::vector<TaskRun> records() const;
  void add(TaskRun run);

  friend bool operator==(const Tasks&, const Tasks&) = default;

 private:
  void set_notes(std::uint32_t first, std::uint32_t last, TaskNote note);
  // Makes a run begin at `task`, if there is a note there.
  void split_before(std::uint32_t task);

  std::vector<Task> tasks_;
  Seldom<std::map<std::uint32_t, NoteRun>> notes_;
};

}  // namespace mohona

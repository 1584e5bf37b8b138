#include "model/tasks.h"

#include <algorithm>

namespace mohona {

const TaskNote& Tasks::note(std::uint32_t task) const {
  static const TaskNote none;
  const auto found = notes_.find(task);
  return found == notes_.end() ? none : found->second;
}

void Tasks::set_note(std::uint32_t task, TaskNote note) {
  if (note == TaskNote{}) {
    notes_.erase(task);
  } else {
    notes_.insert_or_assign(task, std::move(note));
  }
}

std::vector<TaskRun> Tasks::records() const {
  std::vector<TaskRun> runs;
  auto note = notes_.begin();
  bool same_may_follow = false;  // a task with a note is a record of its own
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    const Task& task = tasks_[i];
    const bool noted = note != notes_.end() && note->first == i;
    if (!noted && same_may_follow && task == tasks_[i - 1]) {
      ++runs.back().count;
      continue;
    }
    runs.push_back({task.state, task.attempts, task.failures, task.losses, task.never_ready});
    same_may_follow = !noted;
    if (!noted) continue;
    runs.back().not_before = note->second.not_before;
    runs.back().reason = note->second.reason;
    ++note;
  }
  return runs;
}

void Tasks::add(TaskRun run) {
  Task task;
  task.state = run.state;
  task.attempts = run.attempts;
  task.failures = run.failures;
  task.never_ready = run.never_ready;
  task.losses = static_cast<std::uint16_t>(std::min<std::uint32_t>(run.losses, Task::losses_most));
  const auto first = static_cast<std::uint32_t>(tasks_.size());
  tasks_.insert(tasks_.end(), run.count, task);
  for (std::uint32_t i = 0; i < run.count; ++i) {
    if (run.not_before == Timestamp{} && run.reason.empty()) break;
    set_note(first + i, {run.not_before, run.reason});
  }
}

}  // namespace mohona

#include "model/tasks.h"

#include <algorithm>
#include <iterator>

namespace mohona {

const TaskNote& Tasks::note(std::uint32_t task) const {
  static const TaskNote none;
  const auto after = notes_->upper_bound(task);
  if (after == notes_->begin()) return none;
  const NoteRun& run = std::prev(after)->second;
  return run.last < task ? none : run.note;
}

void Tasks::split_before(std::uint32_t task) {
  auto& notes = notes_.edit();
  const auto after = notes.lower_bound(task);
  if (after == notes.begin()) return;
  NoteRun& run = std::prev(after)->second;
  if (run.last < task) return;
  notes.emplace_hint(after, task, run);
  run.last = task - 1;
}

void Tasks::set_notes(std::uint32_t first, std::uint32_t last, TaskNote note) {
  if (notes_->empty() && note == TaskNote{}) return;
  split_before(first);
  split_before(last + 1);
  auto& notes = notes_.edit();
  notes.erase(notes.lower_bound(first), notes.upper_bound(last));
  if (note == TaskNote{}) return;
  auto run = notes.emplace(first, NoteRun{last, std::move(note)}).first;
  if (const auto next = std::next(run);
      next != notes.end() && next->first == last + 1 && next->second.note == run->second.note) {
    run->second.last = next->second.last;
    notes.erase(next);
  }
  if (run == notes.begin()) return;
  const auto before = std::prev(run);
  if (before->second.last + 1 == first && before->second.note == run->second.note) {
    before->second.last = run->second.last;
    notes.erase(run);
  }
}

std::vector<TaskRun> Tasks::records() const {
  std::vector<TaskRun> runs;
  auto note = notes_->begin();
  std::uint32_t changes = 0;  // the first task after this one whose note may be another
  for (std::uint32_t i = 0; i < tasks_.size(); ++i) {
    const Task& task = tasks_[i];
    if (i > 0 && i < changes && task == tasks_[i - 1]) {
      ++runs.back().count;
      continue;
    }
    runs.push_back({task.state, task.attempts, task.failures, task.losses, task.never_ready});
    while (note != notes_->end() && note->second.last < i) ++note;
    const bool noted = note != notes_->end() && note->first <= i;
    changes = noted ? note->second.last + 1 : note == notes_->end() ? UINT32_MAX : note->first;
    if (!noted) continue;
    runs.back().not_before = note->second.note.not_before;
    runs.back().reason = note->second.note.reason;
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
  if (run.count == 0) return;
  const auto first = static_cast<std::uint32_t>(tasks_.size());
  tasks_.insert(tasks_.end(), run.count, task);
  set_notes(first, first + run.count - 1, {run.not_before, std::move(run.reason)});
}

}  // namespace mohona

#include "engine/slurm/batches.h"

#include "base/time.h"
#include "engine/host/slot.h"

namespace mohona::slurm {
namespace {

constexpr std::size_t array_max = 1'000;  // MaxArraySize is 1001 where nobody changes it
// How long a shard's slot waits for the next shard.
constexpr Duration linger = std::chrono::seconds(2);

}  // namespace

std::vector<std::vector<Mark*>> gather(const std::vector<Mark*>& marks) {
  std::vector<std::vector<Mark*>> groups;
  std::map<std::string, std::size_t> open;  // by key: the group that takes more
  for (Mark* mark : marks) {
    const auto found = mark->key.empty() ? open.end() : open.find(mark->key);
    if (found != open.end() && groups[found->second].size() < array_max) {
      groups[found->second].push_back(mark);
      continue;
    }
    if (!mark->key.empty()) open[mark->key] = groups.size();
    groups.push_back({mark});
  }
  return groups;
}

Result<void> Batches::open() {
  auto batches = records_.batches();
  if (!batches) return fail(batches.error());
  batches_ = std::move(*batches);
  return {};
}

bool Batches::has_begun(const std::string& batch) const {
  for (std::int64_t i = 0; i < batches_.at(batch).request.tasks; ++i) {
    if (host::exists(records_.slot(batch, i) + "/began")) return true;
  }
  return false;
}

// Never one that was used: by it Slurm's jobs are found again.
std::string Batches::new_name() {
  const auto now = SystemClock().now().time_since_epoch();
  std::string name =
      fmt::format("{:x}", std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  while (name <= last_name_ || batches_.contains(name)) {
    name = fmt::format("{:x}", std::stoull(std::max(name, last_name_), nullptr, 16) + 1);
  }
  return last_name_ = name;
}

Result<std::string> Batches::make(const std::vector<Mark*>& members) {
  const std::string name = new_name();
  const Mark& first = *members.front();
  JobBatch batch{first.site, first.alone};
  batch.request.tasks = std::ssize(members);
  batch.request.comment = comment(name);
  batch.request.output = records_.batch(name) + "/slurm.out";
  batch.request.script =
      fmt::format("#!/bin/sh\nexec '{}' --slot '{}'/${{SLURM_ARRAY_TASK_ID:-0}}\n", supervisor_,
                  records_.batch(name));
  const auto give_up = [&](const Error& error) {
    records_.remove_batch(name);
    return fail(error);
  };
  const Duration wait = first.key.empty() ? Duration{0} : linger;
  for (std::size_t i = 0; i < members.size(); ++i) {
    Mark& mark = *members[i];
    mark.batch = name;
    mark.slot = static_cast<std::int64_t>(i);
    const std::string slot = records_.slot(name, mark.slot);
    if (auto ok = host::make_slot(slot, places_.attempt(mark.attempt), wait); !ok) {
      return give_up(ok.error());
    }
    if (auto ok = records_.write(mark); !ok) return give_up(ok.error());
  }
  // The last: without it a later start knows that nothing was asked of Slurm.
  if (auto ok = records_.write(name, batch); !ok) return give_up(ok.error());
  batches_[name] = std::move(batch);
  return name;
}

bool Batches::take_over(Mark& mark) {
  if (mark.key.empty()) return false;
  const std::string directory = places_.attempt(mark.attempt);
  for (auto it = free_slots_.find(mark.key); it != free_slots_.end() && it->first == mark.key;) {
    const auto [batch, slot] = it->second;
    it = free_slots_.erase(it);
    const auto given = host::give(records_.slot(batch, slot), directory);
    if (!given || !*given) continue;
    mark.batch = batch;
    mark.slot = slot;
    return true;
  }
  return false;
}

void Batches::free(const Mark& mark) {
  if (mark.key.empty()) return;
  free_slots_.emplace(mark.key, std::pair(mark.batch, mark.slot));
}

void Batches::remove(const std::string& batch) {
  std::erase_if(free_slots_, [&](const auto& slot) { return slot.second.first == batch; });
  records_.remove_batch(batch);
  batches_.erase(batch);
}

}  // namespace mohona::slurm

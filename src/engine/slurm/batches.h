// What is asked of Slurm at once, and the slots (host/slot.h) in it. Not safe for threads.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/host/places.h"
#include "engine/slurm/records.h"

namespace mohona::slurm {

// Those that go together: of one key, at most as many as an array takes; a gang stands alone.
std::vector<std::vector<Mark*>> gather(const std::vector<Mark*>& marks);

class Batches {
 public:
  // `prefix`: of the comments of our jobs. `supervisor`: the program, on the nodes.
  Batches(Records& records, const host::Places& places, std::string prefix, std::string supervisor)
      : records_(records),
        places_(places),
        prefix_(std::move(prefix)),
        supervisor_(std::move(supervisor)) {}

  Result<void> open();  // those that were written down

  const std::map<std::string, JobBatch>& all() const { return batches_; }
  std::string comment(const std::string& batch) const { return prefix_ + batch; }
  // A slot that has begun tells that Slurm has had the job.
  bool has_begun(const std::string& batch) const;

  // Writes down a batch in which each of `members` (one group of `gather`) has a slot. Nothing is
  // asked of Slurm: that is the caller's to do, with what `all()` then holds under the name.
  // Errors: what cannot be written; the same members may be given again.
  Result<std::string> make(const std::vector<Mark*>& members);

  // Gives the attempt a slot in which one of the same key has ended, if one still waits. To write
  // the mark down is the caller's.
  bool take_over(Mark& mark);
  void free(const Mark& mark);  // its attempt has ended by itself: another may take its slot over
  void remove(const std::string& batch);

 private:
  std::string new_name();

  Records& records_;
  const host::Places& places_;
  std::string prefix_, supervisor_;
  std::map<std::string, JobBatch> batches_;
  std::multimap<std::string, std::pair<std::string, std::int64_t>> free_slots_;  // by key
  std::string last_name_;
};

}  // namespace mohona::slurm

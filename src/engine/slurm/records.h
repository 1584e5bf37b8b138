// What the engine writes down of attempts and of what it asked Slurm for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/slurm/cluster.h"
#include "model/describe.h"

namespace mohona::slurm {

// An attempt that was launched.
struct Mark {
  AttemptId attempt;
  std::string pool;
  std::vector<Holding> holdings;
  Site site;
  JobRequest alone;   // what it needs of Slurm by itself
  std::string key;    // attempts of the same key may follow one another in a slot; empty: in none
  std::string batch;  // empty until it has a slot
  std::int64_t slot = 0;
  friend bool operator==(const Mark&, const Mark&) = default;
};

// What was asked of Slurm at once: a job, or an array of them.
struct JobBatch {
  Site site;
  JobRequest request;
  friend bool operator==(const JobBatch&, const JobBatch&) = default;
};

// Where they stand in the directory of the files of jobs.
class Records {
 public:
  explicit Records(std::string work) : top_(std::move(work) + "/slurm") {}

  // By which our jobs are told from those of others; made when there is none.
  Result<std::string> name() const;

  std::string batch(const std::string& name) const { return top_ + "/batches/" + name; }
  std::string slot(const std::string& batch_name, std::int64_t slot) const {
    return fmt::format("{}/{}", batch(batch_name), slot);
  }
  Result<void> write(const Mark& mark);
  Result<void> write(const std::string& batch_name, const JobBatch& batch) const;
  // The file is kept for the next mark: a file system that makes and removes hundreds of files a
  // second is busy with nothing else.
  void remove(const AttemptId& id);
  void remove_batch(const std::string& batch_name) const;

  Result<std::vector<Mark>> marks() const;
  Result<std::map<std::string, JobBatch>> batches() const;

 private:
  std::string mark(const AttemptId& id) const {
    return fmt::format("{}/running/{}", top_, to_string(id));
  }
  std::string top_;
  std::vector<std::string> spare_;  // files that were marks
};

// What a launch asks of Slurm. Errors: Code::invalid for what a Slurm pool cannot give.
Result<Mark> mark_of(const Launch& launch);

// What the pool's options say of its cluster.
Site site_of(const Variables& options);
std::string option(const Variables& options, std::string_view name);

}  // namespace mohona::slurm

namespace mohona {

template <class V>
void describe(V&& v, Tag<slurm::Site>) {
  v("conf", &slurm::Site::conf);
  v("rest", &slurm::Site::rest);
  v("token", &slurm::Site::token);
}
template <class V>
void describe(V&& v, Tag<slurm::JobRequest>) {
  v("name", &slurm::JobRequest::name);
  v("comment", &slurm::JobRequest::comment);
  v("script", &slurm::JobRequest::script);
  v("output", &slurm::JobRequest::output);
  v("partition", &slurm::JobRequest::partition);
  v("account", &slurm::JobRequest::account);
  v("qos", &slurm::JobRequest::qos);
  v("reservation", &slurm::JobRequest::reservation);
  v("nodes", &slurm::JobRequest::nodes);
  v("tasks", &slurm::JobRequest::tasks);
  v("tasks_per_node", &slurm::JobRequest::tasks_per_node);
  v("cpus_per_node", &slurm::JobRequest::cpus_per_node);
  v("memory_mib_per_node", &slurm::JobRequest::memory_mib_per_node);
  v("gpu", &slurm::JobRequest::gpu);
  v("gpus_per_node", &slurm::JobRequest::gpus_per_node);
  v("minutes_max", &slurm::JobRequest::minutes_max);
}
template <class V>
void describe(V&& v, Tag<slurm::Mark>) {
  v("attempt", &slurm::Mark::attempt);
  v("pool", &slurm::Mark::pool);
  v("holdings", &slurm::Mark::holdings);
  v("site", &slurm::Mark::site);
  v("alone", &slurm::Mark::alone);
  v("key", &slurm::Mark::key);
  v("batch", &slurm::Mark::batch);
  v("slot", &slurm::Mark::slot);
}
template <class V>
void describe(V&& v, Tag<slurm::JobBatch>) {
  v("site", &slurm::JobBatch::site);
  v("request", &slurm::JobBatch::request);
}

}  // namespace mohona

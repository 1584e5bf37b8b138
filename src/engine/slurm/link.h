// The conversation with one cluster, on a thread of its own: commands take their time, and a
// cluster that does not answer must hold up nothing else.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "engine/slurm/cluster.h"

namespace mohona::slurm {

using Steady = std::chrono::steady_clock;

// What is known of a cluster. Jobs are those whose comment begins with our prefix.
struct View {
  std::map<std::string, std::vector<JobInfo>> jobs;  // by comment
  std::optional<Steady::time_point> jobs_at;         // the question; the answer is at least so new
  std::vector<NodeInfo> nodes;
  std::optional<Steady::time_point> nodes_at;
  std::map<std::string, std::string> refused;  // by comment: why the cluster took it not
  std::map<std::string, std::string> past;     // by job: how it ended, as accounting has it
  std::string silence;                         // why there is no answer; empty: there is one
  std::optional<Steady::time_point> silent_since;

  const JobInfo* find(const std::string& comment, std::int64_t index) const;
};

class Link {
 public:
  // `changed` is called on the link's thread when there is a new view.
  Link(std::unique_ptr<Cluster> cluster, std::string prefix, std::function<void()> changed);
  ~Link();

  // Is repeated until the cluster has the job or refuses it; the request's comment tells whether
  // it has. `doubtful`: it may have it already.
  void submit(JobRequest request, bool doubtful);
  // What is no longer wanted is not submitted. False: it may be there already.
  bool withdraw(const std::string& comment);
  bool wants(const std::string& comment) const;  // is still to be submitted, or looked for

  void cancel(const std::string& job);
  void signal(const std::string& job, const std::string& name);
  void ask_past(const std::string& job);
  // The next look at the jobs, or also at the nodes, is now.
  void look_now(bool at_nodes);
  void forget(const std::string& comment);

  std::shared_ptr<const View> view() const;

 private:
  struct Wanted {
    JobRequest request;
    bool sending = false;
    std::optional<Steady::time_point> tried;  // with an outcome that nobody knows
  };

  void loop();
  bool due(Steady::time_point now) const;
  void look_at_jobs();
  void look_at_nodes();
  void submit_wanted();
  void send_commands();
  void heard(const Error* error);
  void heard_nothing(Error error);
  template <class Change>
  void publish(Change change);

  std::unique_ptr<Cluster> cluster_;
  std::string prefix_;
  std::function<void()> changed_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<const View> view_ = std::make_shared<View>();
  std::map<std::string, Wanted> wanted_;                    // by comment
  std::set<std::pair<std::string, std::string>> commands_;  // job, signal; "" cancels
  std::set<std::string> past_;                              // jobs to ask accounting about
  bool jobs_now_ = true, nodes_now_ = true, stop_ = false;
  Steady::time_point jobs_next_, nodes_next_, retry_at_;
  std::thread thread_;
};

}  // namespace mohona::slurm

// The commands that talk to a running controller. Each returns the process's exit status.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/home.h"
#include "model/job.h"

namespace mohona {

struct SubmitOptions {
  std::string file;
  std::vector<std::string> envs, secrets;  // KEY=VALUE, or KEY alone: from our own environment
  std::string key;
  bool json = false;
};
int submit(const Home& home, const SubmitOptions& options);
int run(const Home& home,
        const SubmitOptions& options);  // and follows; starts a controller if need be

struct ListOptions {
  std::string state, name, queue;
  std::size_t limit = 100;
  std::uint64_t after = 0;
  bool json = false;
};
int list(const Home& home, const ListOptions& options);

int show(const Home& home, const std::string& job, bool json);
int explain(const Home& home, const std::string& job, bool json);
int explain_price(const Home& home, const std::string& job, bool json);
int cancel(const Home& home, const std::vector<std::string>& jobs, bool json);

struct WaitOptions {
  std::vector<std::string> jobs;
  std::string timeout;
  bool json = false;
};
int wait(const Home& home, const WaitOptions& options);

struct LogOptions {
  std::string job;
  std::size_t task = 0, rank = 0;
  std::optional<std::size_t> attempt = {};
  bool follow = false;
  bool json = false;
};
int logs(const Home& home, const LogOptions& options);

int pools(const Home& home, bool json);
int declare_lost(const Home& home, const std::string& pool, bool json);
int reclaim(const Home& home, const std::string& pool, const std::string& notice, bool json);
int restore(const Home& home, const std::string& pool, bool json);
// `verb`: cordon, uncordon, drain, down or up.
struct NodeOptions {
  std::string verb, pool, nodes, reason;
  bool json = false;
};
int change_nodes(const Home& home, const NodeOptions& options);
int cost(const Home& home, const std::string& by, const std::string& job, bool json);
int down(const Home& home, bool cancel_jobs, bool json);
int replay(const Home& home, bool json);
// Every rule, over a running controller's state; without one, over the home's journal and state.
int audit_home(const Home& home, bool json);

}  // namespace mohona

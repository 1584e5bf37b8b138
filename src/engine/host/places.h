// Where an engine keeps what belongs to jobs and attempts, and what it reads there.
//
//   HOME/jobs/17/{workdir,output,checkpoint}        what a job's attempts share
//   HOME/jobs/17/attempts/0.2/{started,exit}.json   one attempt, with its logs rank0.log, …
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/host/order.h"

namespace mohona::host {

class Places {
 public:
  explicit Places(std::string home) : home_(std::move(home)) {}

  const std::string& home() const { return home_; }
  std::string job(JobId id) const { return fmt::format("{}/jobs/{}", home_, id.value); }
  std::string attempt(const AttemptId& id) const {
    return fmt::format("{}/attempts/{}.{}", job(id.job), id.task, id.number);
  }
  std::string supervisors_log() const { return home_ + "/supervisors.log"; }

 private:
  std::string home_;
};

bool exists(const std::string& path);

// What the supervisor has written into the attempt's directory; nothing, or half a file: nullopt.
std::optional<StartedFile> read_started(const std::string& attempt_directory);
std::optional<ExitFile> read_exit(const std::string& attempt_directory);
std::optional<Order> read_order(const std::string& path);
std::optional<StopFile> read_stop(const std::string& attempt_directory);

// Tells the supervisor to stop, once: a second call changes nothing.
Result<void> write_stop(const std::string& attempt_directory, const Stop& stop);

// `Engine::list_shards` and `Engine::read_log`, from files.
Result<std::vector<std::string>> list_shards(const Places& places, const Job& job,
                                             const std::vector<NeededJob>& needs);
Result<LogPart> read_log(const Places& places, const AttemptId& id, std::int64_t rank,
                         std::uint64_t offset, std::size_t bytes_max);

}  // namespace mohona::host

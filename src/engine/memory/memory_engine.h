// An engine without processes, for tests and simulation: what runs, and how it ends, is said by its
// owner.
#pragma once

#include <map>
#include <mutex>

#include "engine/engine.h"

namespace mohona {

class MemoryEngine : public Engine {
 public:
  Result<void> launch(const Launch& launch) override;
  Result<void> stop(const AttemptId& attempt, const Stop& stop) override;
  Result<std::vector<Report>> observe() override;
  Result<void> forget(const AttemptId& attempt) override;
  Result<std::vector<std::string>> list_shards(const Job& job,
                                               const std::vector<NeededJob>& needs) override;
  Result<LogPart> read_log(const AttemptId& attempt, std::int64_t rank, std::uint64_t offset,
                           std::size_t bytes_max) override;
  void on_change(std::function<void()> changed) override;

  // The work of an attempt ends by itself, or its machine is lost.
  void end(const AttemptId& attempt, std::int64_t exit_code);
  void lose(const AttemptId& attempt);

  // The work of an attempt says how far it is.
  void progress(const AttemptId& attempt, const StepsReport& steps);

  // What the work does when it is told to stop; by default it leaves at once with 143.
  void ignore_stops(bool ignore);

  // Launches fail from now on, as on a machine without room.
  void refuse_launches(bool refuse);

  std::vector<AttemptId> running() const;
  std::size_t launches() const;  // that started something

 private:
  void changed();

  mutable std::mutex mutex_;
  std::map<AttemptId, Report> attempts_;
  std::function<void()> changed_;
  std::size_t launches_ = 0;
  bool ignore_stops_ = false, refuse_ = false;
};

}  // namespace mohona

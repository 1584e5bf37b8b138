// The words of a scenario as pools, queues, policies, reservations and work.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/job.h"
#include "model/scheduling.h"

namespace mohona {

extern const Timestamp midnight;  // when scenarios begin

struct Submission {
  JobSpec spec;
  std::optional<Duration> runs;                // it ends by itself so long after its start
  Duration leaves = std::chrono::seconds(10);  // and so long after it is told to stop
};

[[noreturn]] void refuse(const std::string& what);
std::vector<std::string> words_of(std::string_view text);
std::int64_t number(const std::string& text);
Duration time_of(const std::string& text);
NodeRanges ranges(const std::string& text);

Pool pool_of(const std::string& name, std::string_view text);
Queue queue_of(const std::string& name, std::string_view text);
void read_policy(std::string_view text, SchedulingPolicy& policy);
AdvanceReservation reservation_of(const std::string& name, std::string_view text);
// `whole`: the demand if nothing is said of it.
Submission submission_of(const std::string& name, std::string_view text, const Demand& whole);

}  // namespace mohona

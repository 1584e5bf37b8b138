// Slurm's words, read and written: what its commands print, names of nodes, states.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/slurm/cluster.h"

namespace mohona::slurm {

// "RUNNING", "NODE_FAIL", "CANCELLED by 1000".
JobPhase phase_of(std::string_view state);

// What a state of the end means, for people: "a job with higher priority took its nodes".
// Empty for COMPLETED and FAILED, which are ends of the work itself.
std::string describe_end(std::string_view state);

// A line of `squeue --format='%i|%K|%T|%r|%C|%k'`.
constexpr const char* queue_format = "%i|%K|%T|%r|%C|%k";
std::optional<JobInfo> parse_queue_line(std::string_view line);

// A line of `scontrol --oneliner --detail show node`.
std::optional<NodeInfo> parse_node_line(std::string_view line);

// "gpu:h100:8(S:0-1)", "gpu:4": the type ("gpu" without one) and the number, of all gpu entries.
void parse_gres(std::string_view text, std::string& type, std::int64_t& count);

// "IDLE+DRAIN*" as {"IDLE", "DRAIN"}; a state with '*' does not respond: "NO_RESPOND" is added.
std::vector<std::string> parse_node_states(std::string_view text);

// Whether the words of a refusal concern whatever is sent to a partition, and not one job alone.
bool concerns_all(std::string_view words);

// What a command complains about, without its own name and prefixes.
std::string complaint(std::string_view printed);

}  // namespace mohona::slurm

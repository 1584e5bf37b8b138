#include "engine/slurm/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace mohona::slurm {
namespace {

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0) {
    return std::nullopt;
  }
  return value;
}

// The value of KEY=VALUE in a line of scontrol; values of the keys that we ask for have no blanks.
std::string_view value_of(std::string_view line, std::string_view key) {
  for (std::size_t at = 0; (at = line.find(key, at)) != std::string_view::npos; at += key.size()) {
    const bool whole_word = at == 0 || line[at - 1] == ' ';
    if (!whole_word || at + key.size() >= line.size() || line[at + key.size()] != '=') continue;
    line.remove_prefix(at + key.size() + 1);
    return line.substr(0, line.find(' '));
  }
  return {};
}

std::int64_t number_of(std::string_view line, std::string_view key) {
  return whole(value_of(line, key)).value_or(0);
}

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view item : split(text, ',')) {
    if (!item.empty() && item != "(null)") out.emplace_back(item);
  }
  return out;
}

}  // namespace

JobPhase phase_of(std::string_view state) {
  const std::string_view word = state.substr(0, state.find_first_of(" +"));
  for (const std::string_view waiting : {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED",
                                         "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}) {
    if (word == waiting) return JobPhase::pending;
  }
  for (const std::string_view there :
       {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "STAGE_OUT"}) {
    if (word == there) return JobPhase::running;
  }
  return JobPhase::ended;
}

std::string describe_end(std::string_view state) {
  const std::string_view word = state.substr(0, state.find_first_of(" +"));
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> meanings = {{
      {"CANCELLED", "somebody cancelled its Slurm job"},
      {"PREEMPTED", "a Slurm job of higher priority took its nodes"},
      {"NODE_FAIL", "a node of it failed"},
      {"TIMEOUT", "it ran into the cluster's time limit"},
      {"OUT_OF_MEMORY", "it used more than the memory that it asked for"},
      {"BOOT_FAIL", "its node did not boot"},
      {"DEADLINE", "Slurm ended it at a deadline"},
      {"REVOKED", "another cluster has taken its Slurm job"},
  }};
  if (word == "COMPLETED" || word == "FAILED" || word.empty()) return "";
  for (const auto& [name, meaning] : meanings) {
    if (word == name) return std::string(meaning);
  }
  return fmt::format("Slurm says {}", word);
}

std::optional<JobInfo> parse_queue_line(std::string_view line) {
  const auto parts = split(line, '|');
  if (parts.size() < 6) return std::nullopt;
  JobInfo job;
  job.id = trim(parts[0]);
  job.index = whole(trim(parts[1])).value_or(0);
  job.state = trim(parts[2]);
  job.phase = phase_of(job.state);
  job.reason = trim(parts[3]);
  if (job.reason == "None") job.reason.clear();
  job.cpus = whole(trim(parts[4])).value_or(0);
  job.comment = trim(parts[5]);
  return job.id.empty() ? std::nullopt : std::optional(job);
}

void parse_gres(std::string_view text, std::string& type, std::int64_t& count) {
  // Commas stand also in "(IDX:0-1,4)": what is in brackets says nothing here.
  std::string plain;
  int depth = 0;
  for (const char c : text) {
    depth += c == '(' ? 1 : 0;
    if (depth == 0) plain += c;
    depth -= c == ')' ? 1 : 0;
  }
  for (const std::string_view item : split(plain, ',')) {
    const auto parts = split(item, ':');
    if (parts.empty() || parts[0] != "gpu") continue;
    count += parts.size() > 1 ? whole(parts.back()).value_or(0) : 1;
    type = parts.size() > 2 ? lower(parts[1]) : "gpu";
  }
}

std::vector<std::string> parse_node_states(std::string_view text) {
  std::vector<std::string> out;
  bool silent = false;
  for (std::string_view word : split(text, '+')) {
    while (!word.empty() && !(word.back() >= 'A' && word.back() <= 'Z')) {
      silent |= word.back() == '*';
      word.remove_suffix(1);
    }
    if (!word.empty()) out.emplace_back(word);
  }
  if (silent) out.emplace_back("NO_RESPOND");
  return out;
}

std::optional<NodeInfo> parse_node_line(std::string_view line) {
  NodeInfo node;
  node.name = value_of(line, "NodeName");
  if (node.name.empty()) return std::nullopt;
  node.address = value_of(line, "NodeAddr");
  node.partitions = list_of(value_of(line, "Partitions"));
  node.features = list_of(value_of(line, "ActiveFeatures"));
  // Where some cores are kept for the system, work gets only the others.
  const std::int64_t effective = number_of(line, "CPUEfctv");
  node.cpus = effective > 0 ? effective : number_of(line, "CPUTot");
  node.cpus_used = number_of(line, "CPUAlloc");
  node.memory_mib =
      std::max<std::int64_t>(0, number_of(line, "RealMemory") - number_of(line, "MemSpecLimit"));
  node.memory_mib_used = number_of(line, "AllocMem");
  parse_gres(value_of(line, "Gres"), node.gpu, node.gpus);
  std::string type;
  parse_gres(value_of(line, "GresUsed"), type, node.gpus_used);
  node.states = parse_node_states(value_of(line, "State"));
  // The last of a line, since it is free text: "fans [root@2026-11-27T10:00:00]".
  if (const std::size_t at = line.find(" Reason="); at != std::string_view::npos) {
    const std::string_view said = line.substr(at + 8);
    node.reason = trim(said.substr(0, said.find(" [")));
  }
  return node;
}

bool concerns_all(std::string_view words) {
  constexpr std::array<std::string_view, 11>
      general = {"account",     "partition name", "Invalid partition", "qos",         "QOS",
                 "reservation", "policy",         "permission",        "association", "Access",
                 "Zero Bytes"};  // what slurmrestd says of a token that is not valid
  return std::any_of(general.begin(), general.end(), [&](std::string_view word) {
    return words.find(word) != std::string_view::npos;
  });
}

std::string complaint(std::string_view printed) {
  std::string last;
  for (std::string_view line : split(printed, '\n')) {
    line = trim(line);
    if (line.empty()) continue;
    for (const std::string_view prefix :
         {"error: ", "JobBatch job request failed: ", "Batch job submission failed: "}) {
      const std::size_t at = line.find(prefix);
      if (at != std::string_view::npos) line.remove_prefix(at + prefix.size());
    }
    last = line;
  }
  return last;
}

}  // namespace mohona::slurm

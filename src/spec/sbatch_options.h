// What #SBATCH options there are, and what each does.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "spec/draft.h"

namespace mohona {

constexpr std::int64_t batch_nodes_max = 10'000;
constexpr std::int64_t cpus_max = 10'000;  // of one node

// What the options say, before they are put together.
struct Batch {
  Draft& job;
  std::optional<std::int64_t> nodes_min = {}, nodes = {}, tasks = {}, tasks_per_node = {},
                              cpus_per_task = {};
  std::optional<std::int64_t> memory_mib = {}, memory_mib_per_cpu = {};
  std::optional<Gpus> gpus = {}, gpus_per_node = {};
  SpecNode segment_at = {}, tasks_at = {}, gpus_at = {}, array_at = {};  // what said so last
  SpecNode memory_at = {}, output_at = {}, error_at = {};

  Problems& problems() { return job.problems; }
  JobSpec& spec() { return job.spec(); }
};

// `read` gets the value as a node whose key is the option's name.
enum class TakesValue { no, yes, if_joined };  // if_joined: --NAME or --NAME=VALUE
struct Option {
  std::string_view name;
  char letter;  // 0: none
  TakesValue value;
  void (*read)(const SpecNode&, Batch&);  // nullptr: known, and not honoured yet
};

std::span<const Option> sbatch_options();

}  // namespace mohona

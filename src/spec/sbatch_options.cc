#include "spec/sbatch_options.h"

#include <fmt/format.h>

#include "base/text.h"
#include "spec/slurm_values.h"

namespace mohona {
namespace {

constexpr std::int64_t tasks_max = 1'000'000;

void read_count(const SpecNode& node, std::int64_t max, std::optional<std::int64_t>& out,
                Batch& b) {
  std::int64_t value = 0;
  if (read_whole(node, {1, max}, value, b.problems())) out = value;
}

void read_tasks(const SpecNode& node, std::int64_t max, std::optional<std::int64_t>& out,
                Batch& b) {
  read_count(node, max, out, b);
  b.tasks_at = node;
}

// "4", or "4-8": at least and at most.
void read_nodes(const SpecNode& node, Batch& b) {
  const std::size_t dash = std::min(node.text.find('-'), node.text.size());
  SpecNode bound = node;
  bound.text = node.text.substr(0, dash);
  b.nodes_min.reset(), b.nodes.reset();
  read_count(bound, batch_nodes_max, b.nodes, b);
  if (dash == node.text.size() || !b.nodes) return;
  b.nodes_min = std::exchange(b.nodes, std::nullopt);
  bound.text = node.text.substr(dash + 1);
  read_count(bound, batch_nodes_max, b.nodes, b);
  if (!b.nodes) return;
  if (*b.nodes < *b.nodes_min) wrong(node, "expected MIN-MAX, such as 4-8", b.problems());
  if (*b.nodes == *b.nodes_min) b.nodes_min.reset();
}

// "ib&nvme". Slurm's other forms choose between features or count nodes of each.
void read_constraint(const SpecNode& node, Batch& b) {
  if (node.text.find_first_of("|*[](),!") != node.text.npos) {
    b.problems().not_yet(node.place, fmt::format("{} is a constraint", in_quotes(node.text)));
    return;
  }
  for (const std::string_view item : split(node.text, '&')) {
    const std::string name(trim(item));
    if (!is_name(name)) {
      wrong(node, "expected names of features, joined by &, such as ib&nvme", b.problems());
      return;
    }
    add_feature(name, b.spec());
  }
}

// A leaf is what hangs on one switch; how many more switches would do, nobody can say here.
void read_switches(const SpecNode& node, Batch& b) {
  if (node.text == "1") {
    b.spec().nearness.within = Level::leaf;
  } else {
    wrong(node,
          "expected 1, for nodes that share a leaf switch: other numbers, and a longest wait after "
          "@, cannot be honoured yet",
          b.problems());
  }
}

void read_batch_memory(const SpecNode& node, std::optional<std::int64_t>& out, Batch& b) {
  std::string_view text = node.text;
  const bool kilobytes = text.ends_with('K') || text.ends_with('k');
  if (kilobytes) text.remove_suffix(1);
  const auto amount = parse_memory(text, 1);
  if (text == "0") {
    b.problems().not_yet(node.place, "all the memory of a node is something");
  } else if (!amount || amount->or_more ||
             (kilobytes && text.find_first_not_of("0123456789") != text.npos)) {
    wrong(node, "expected an amount of memory, such as 4000 (in MB), 512M or 16G", b.problems());
  } else {
    if (b.memory_mib || b.memory_mib_per_cpu) {
      b.problems().add(node.place, "memory is said twice", "expected one of --mem, --mem-per-cpu");
    }
    out = kilobytes ? (amount->value + 1'023) / 1'024 : amount->value;
  }
}

void read_batch_gpus(const SpecNode& node, std::string_view text, std::optional<Gpus>& out,
                     Batch& b) {
  const auto gpus = parse_slurm_gpus(text);
  if (!gpus || gpus->count > gpus_max * batch_nodes_max) {
    wrong(node, "expected a number of GPUs, with or without their type, such as 4 or a100:4",
          b.problems());
    return;
  }
  if (b.gpus || b.gpus_per_node) {
    b.problems().add(node.place, "GPUs are said twice",
                     "expected one of --gres, --gpus-per-node, --gpus");
  }
  out = *gpus;
  b.gpus_at = node;
}

void read_gres(const SpecNode& node, Batch& b) {
  std::string_view text = node.text;
  if (text != "gpu" && !text.starts_with("gpu:")) {
    wrong(node, "expected gpu:COUNT or gpu:TYPE:COUNT: other resources cannot be honoured yet",
          b.problems());
    return;
  }
  text.remove_prefix(std::min<std::size_t>(4, text.size()));
  // gpu, gpu:a100 and gpu:2 are all short for something.
  std::string full(text.empty() ? "1" : text);
  if (!full.ends_with(':') && full.find_first_not_of("0123456789:") != full.npos &&
      full.find(':') == full.npos) {
    full += ":1";
  }
  read_batch_gpus(node, full, b.gpus_per_node, b);
}

void read_time(const SpecNode& node, Batch& b) {
  const auto most = parse_slurm_time(node.text);
  if (!most) {
    wrong(node, "expected M, M:S, H:M:S, D-H, D-H:M or D-H:M:S", b.problems());
  } else if (*most != Duration::max()) {
    b.spec().max_duration = *most;
  }
}

void read_array(const SpecNode& node, Batch& b) {
  const auto array = parse_slurm_array(node.text);
  if (!array) {
    wrong(node,
          fmt::format("expected indices such as 0-15, 1,3,5, 0-15:4 or 0-15%4, at most {} in one "
                      "range and {} otherwise",
                      range_max, shards_max),
          b.problems());
    return;
  }
  Shards shards;
  shards.array = true;
  shards.at_once_max = array->at_once_max;
  shards.range = array->range;
  for (const std::int64_t index : array->indices) shards.items.push_back(std::to_string(index));
  b.spec().shards = std::move(shards);
  b.spec().kind = Kind::data;
  b.array_at = node;
}

void read_dependency(const SpecNode& node, Batch& b) {
  const auto needs = parse_slurm_afterok(node.text);
  const std::string_view how = split(node.text, ':')[0];
  constexpr std::array<std::string_view, 6> others = {
      "after", "afterany", "afternotok", "afterburstbuffer", "aftercorr", "singleton"};
  if (needs) {
    auto& all = b.spec().needs.edit();
    all.insert(all.end(), needs->begin(), needs->end());
  } else if (std::find(others.begin(), others.end(), how) != others.end()) {
    b.problems().not_yet(node.place, fmt::format("'{}' is a dependency", how));
  } else {
    wrong(node, "expected afterok:NUMBER, with more after further colons", b.problems());
  }
}

void read_signal(const SpecNode& node, Batch& b) {
  const auto signal = parse_slurm_signal(node.text);
  if (!signal) {
    wrong(node, "expected a signal and seconds, such as USR1@90 or B:TERM@60", b.problems());
    return;
  }
  b.spec().stop = StopPolicy{signal->name, signal->before, signal->before, signal->target};
}

void read_chdir(const SpecNode& node, Batch& b) {
  read_local_path(node, b.spec().submit_directory.edit(), b.job, true);
}

constexpr std::array<Option, 72> all_options = {{
    {"job-name", 'J', true,
     [](const SpecNode& n, Batch& b) { read_name(n, b.spec().name, b.problems()); }},
    {"nodes", 'N', true, read_nodes},
    {"ntasks", 'n', true,
     [](const SpecNode& n, Batch& b) { read_tasks(n, tasks_max, b.tasks, b); }},
    {"ntasks-per-node", 0, true,
     [](const SpecNode& n, Batch& b) { read_tasks(n, tasks_max, b.tasks_per_node, b); }},
    {"tasks-per-node", 0, true,
     [](const SpecNode& n, Batch& b) { read_tasks(n, tasks_max, b.tasks_per_node, b); }},
    {"cpus-per-task", 'c', true,
     [](const SpecNode& n, Batch& b) { read_tasks(n, cpus_max, b.cpus_per_task, b); }},
    {"mem", 0, true, [](const SpecNode& n, Batch& b) { read_batch_memory(n, b.memory_mib, b); }},
    {"mem-per-cpu", 0, true,
     [](const SpecNode& n, Batch& b) { read_batch_memory(n, b.memory_mib_per_cpu, b); }},
    {"gres", 0, true, read_gres},
    {"gpus-per-node", 0, true,
     [](const SpecNode& n, Batch& b) { read_batch_gpus(n, n.text, b.gpus_per_node, b); }},
    {"gpus", 'G', true, [](const SpecNode& n, Batch& b) { read_batch_gpus(n, n.text, b.gpus, b); }},
    {"time", 't', true, read_time},
    {"array", 'a', true, read_array},
    {"dependency", 'd', true, read_dependency},
    {"signal", 0, true, read_signal},
    {"requeue", 0, false, [](const SpecNode&, Batch& b) { b.spec().restart_after_loss = true; }},
    {"no-requeue", 0, false,
     [](const SpecNode&, Batch& b) { b.spec().restart_after_loss = false; }},
    {"chdir", 'D', true, read_chdir},
    {"partition", 'p', true,
     [](const SpecNode& n, Batch& b) { read_name(n, b.spec().queue, b.problems()); }},
    {"priority", 0, true,
     [](const SpecNode& n, Batch& b) {
       read_whole(n, {-1'000'000, 1'000'000}, b.spec().priority, b.problems());
     }},
    {"output", 'o', true,
     [](const SpecNode& n, Batch& b) { read_text(n, b.spec().output_path.edit(), b.problems()); }},
    {"error", 'e', true,
     [](const SpecNode& n, Batch& b) { read_text(n, b.spec().error_path.edit(), b.problems()); }},
    {"account", 'A', true, nullptr},
    {"begin", 'b', true, nullptr},
    {"comment", 0, true, nullptr},
    {"constraint", 'C', true, read_constraint},
    {"container", 0, true, nullptr},
    {"core-spec", 'S', true, nullptr},
    {"cores-per-socket", 0, true, nullptr},
    {"cpu-freq", 0, true, nullptr},
    {"cpus-per-gpu", 0, true, nullptr},
    {"deadline", 0, true, nullptr},
    {"delay-boot", 0, true, nullptr},
    {"distribution", 'm', true, nullptr},
    {"exclude", 'x', true, nullptr},
    {"exclusive", 0, false, nullptr},
    {"export", 0, true, nullptr},
    {"export-file", 0, true, nullptr},
    {"extra-node-info", 'B', true, nullptr},
    {"get-user-env", 0, false, nullptr},
    {"gpu-bind", 0, true, nullptr},
    {"gpu-freq", 0, true, nullptr},
    {"gpus-per-socket", 0, true, nullptr},
    {"gpus-per-task", 0, true, nullptr},
    {"hint", 0, true, nullptr},
    {"hold", 'H', false, nullptr},
    {"input", 'i', true, nullptr},
    {"kill-on-invalid-dep", 0, true, nullptr},
    {"licenses", 'L', true, nullptr},
    {"mail-type", 0, true, nullptr},
    {"mail-user", 0, true, nullptr},
    {"mem-bind", 0, true, nullptr},
    {"mem-per-gpu", 0, true, nullptr},
    {"mincpus", 0, true, nullptr},
    {"nice", 0, false, nullptr},
    {"no-kill", 'k', false, nullptr},
    {"nodefile", 'F', true, nullptr},
    {"nodelist", 'w', true, nullptr},
    {"ntasks-per-core", 0, true, nullptr},
    {"ntasks-per-gpu", 0, true, nullptr},
    {"ntasks-per-socket", 0, true, nullptr},
    {"open-mode", 0, true, nullptr},
    {"oversubscribe", 's', false, nullptr},
    {"propagate", 0, false, nullptr},
    {"qos", 'q', true, nullptr},
    {"reservation", 0, true,
     [](const SpecNode& n, Batch& b) { read_name(n, b.spec().reservation.edit(), b.problems()); }},
    {"segment", 0, true,
     [](const SpecNode& n, Batch& b) {
       read_whole(n, {1, segment_max}, b.spec().nearness.segment, b.problems());
       b.segment_at = n;
     }},
    {"sockets-per-node", 0, true, nullptr},
    {"switches", 0, true, read_switches},
    {"threads-per-core", 0, true, nullptr},
    {"tmp", 0, true, nullptr},
    {"wckey", 0, true, nullptr},
}};

}  // namespace

std::span<const Option> sbatch_options() { return all_options; }

}  // namespace mohona

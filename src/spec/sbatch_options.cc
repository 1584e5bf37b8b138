#include "spec/sbatch_options.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/output_name.h"
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
  const auto amount = parse_memory(text, Round::up, 1);
  if (text == "0") {
    b.problems().not_yet(node.place, "all the memory of a node is something");
  } else if (!amount || amount->or_more ||
             (kilobytes && text.find_first_not_of("0123456789") != text.npos)) {
    wrong(node, "expected an amount of memory, such as 4000 (in MB), 512M or 16G", b.problems());
  } else {
    // Of the same option the last one counts, as with Slurm.
    if (b.memory_at.is_scalar() && b.memory_at.key != node.key) {
      b.problems().add(node.place, "memory is said twice", "expected one of --mem, --mem-per-cpu");
    }
    b.memory_at = node;
    out = kilobytes ? (amount->value + 1'023) / 1'024 : amount->value;
  }
}

// `text`: a part of `node`, or all of it.
void read_batch_gpus(const SpecNode& node, std::string_view text, std::optional<Gpus>& out,
                     Batch& b) {
  const auto gpus = parse_slurm_gpus(text);
  if (!gpus || gpus->count > gpus_max * batch_nodes_max) {
    wrong(node, "expected a number of GPUs, with or without their type, such as 4 or a100:4",
          b.problems());
    return;
  }
  if (b.gpus_at.is_scalar() &&
      (b.gpus_at.key != node.key || b.gpus_at.place.begin == node.place.begin)) {
    b.problems().add(node.place, "GPUs are said twice",
                     "expected one of --gres, --gpus-per-node, --gpus");
  }
  out = gpus->count > 0 ? gpus : std::nullopt;
  b.gpus_at = node;
}

// A part of `node`, from `at` in its text. Quotes and backslashes hide where that is; then all of
// it.
Place place_of_part(const SpecNode& node, std::size_t at, std::size_t length) {
  if (node.text.size() != node.place.length) return node.place;
  return {node.place.begin + at, std::max<std::size_t>(length, 1)};
}

// "gpu:2", "gpu:a100:2", and beside it what cannot be honoured: "gpu:1,lscratch:10".
void read_gres(const SpecNode& node, Batch& b) {
  if (lower(node.text) == "none") return;
  std::size_t at = 0;
  for (const std::string_view item : split(node.text, ',')) {
    const Place place = place_of_part(node, at, item.size());
    at += item.size() + 1;
    if (item != "gpu" && !item.starts_with("gpu:")) {
      b.problems().add(
          place, fmt::format("{} is a resource that Mohona cannot honour yet", in_quotes(item)),
          "expected gpu:COUNT or gpu:TYPE:COUNT");
      continue;
    }
    const std::string_view text = item.substr(std::min<std::size_t>(4, item.size()));
    // gpu, gpu:a100 and gpu:2 are all short for something.
    std::string full(text.empty() ? "1" : text);
    if (!full.ends_with(':') && full.find_first_not_of("0123456789:") != full.npos &&
        full.find(':') == full.npos) {
      full += ":1";
    }
    read_batch_gpus(node, full, b.gpus_per_node, b);
  }
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

// Slurm takes any text for a name.
void read_job_name(const SpecNode& node, Batch& b) {
  const std::string name = name_from(node.text);
  if (name != node.text) {
    b.problems().note(node.place, fmt::format("the job is called '{}': {}", name, name_rule));
  }
  b.spec().name = name;
}

void read_output(const SpecNode& node, Seldom<std::string>& out, Batch& b) {
  std::optional<OutputNameMistake> mistake;
  parse_output_name(node.text, &mistake);
  if (mistake) {
    b.problems().add(
        place_of_part(node, mistake->at, mistake->length),
        fmt::format("{} means nothing in the name of a file",
                    in_quotes(node.text.substr(mistake->at, mistake->length))),
        "expected %j %A %a %b %x %u %N %n %t or %%, perhaps with a number of digits up "
        "to 10, such as %4a");
  }
  out = node.text;
}

// What changes nothing about what the job does.
void ignore(const SpecNode& node, Batch& b) { b.problems().no_effect(node.place, node.key, ""); }
void ignore_account(const SpecNode& node, Batch& b) {
  b.problems().no_effect(node.place, node.key, "Mohona bills by queue and job");
}
void ignore_mail(const SpecNode& node, Batch& b) {
  if (lower(node.text) != "none")
    b.problems().no_effect(node.place, node.key, "Mohona sends no mail");
}

void read_chdir(const SpecNode& node, Batch& b) {
  read_local_path(node, b.spec().submit_directory.edit(), b.job, true);
}

// Every option of sbatch, by name: what a shortened name stands for depends on all of them.
constexpr std::array<Option, 108> all_options = {{
    {"account", 'A', TakesValue::yes, ignore_account},
    {"acctg-freq", 0, TakesValue::yes, ignore},
    {"array", 'a', TakesValue::yes, read_array},
    {"batch", 0, TakesValue::yes, nullptr},
    {"bb", 0, TakesValue::yes, nullptr},
    {"bbf", 0, TakesValue::yes, nullptr},
    {"begin", 'b', TakesValue::yes, nullptr},
    {"chdir", 'D', TakesValue::yes, read_chdir},
    {"cluster-constraint", 0, TakesValue::yes, nullptr},
    {"clusters", 'M', TakesValue::yes, nullptr},
    {"comment", 0, TakesValue::yes, ignore},
    {"constraint", 'C', TakesValue::yes, read_constraint},
    {"container", 0, TakesValue::yes, nullptr},
    {"container-id", 0, TakesValue::yes, nullptr},
    {"contiguous", 0, TakesValue::no, nullptr},
    {"core-spec", 'S', TakesValue::yes, nullptr},
    {"cores-per-socket", 0, TakesValue::yes, nullptr},
    {"cpu-freq", 0, TakesValue::yes, ignore},
    {"cpus-per-gpu", 0, TakesValue::yes, nullptr},
    {"cpus-per-task", 'c', TakesValue::yes, [](const SpecNode& n, Batch& b) { read_tasks(n, cpus_max, b.cpus_per_task, b); }},
    {"deadline", 0, TakesValue::yes, nullptr},
    {"delay-boot", 0, TakesValue::yes, ignore},
    {"dependency", 'd', TakesValue::yes, read_dependency},
    {"distribution", 'm', TakesValue::yes, nullptr},
    {"error", 'e', TakesValue::yes, [](const SpecNode& n, Batch& b) { b.error_at = n, read_output(n, b.spec().error_path, b); }},
    {"exclude", 'x', TakesValue::yes, nullptr},
    {"exclusive", 0, TakesValue::if_joined, nullptr},
    {"export", 0, TakesValue::yes, nullptr},
    {"export-file", 0, TakesValue::yes, nullptr},
    {"extra", 0, TakesValue::yes, ignore},
    {"extra-node-info", 'B', TakesValue::yes, nullptr},
    {"get-user-env", 0, TakesValue::if_joined, nullptr},
    {"gid", 0, TakesValue::yes, nullptr},
    {"gpu-bind", 0, TakesValue::yes, nullptr},
    {"gpu-freq", 0, TakesValue::yes, ignore},
    {"gpus", 'G', TakesValue::yes, [](const SpecNode& n, Batch& b) { read_batch_gpus(n, n.text, b.gpus, b); }},
    {"gpus-per-node", 0, TakesValue::yes, [](const SpecNode& n, Batch& b) { read_batch_gpus(n, n.text, b.gpus_per_node, b); }},
    {"gpus-per-socket", 0, TakesValue::yes, nullptr},
    {"gpus-per-task", 0, TakesValue::yes, nullptr},
    {"gres", 0, TakesValue::yes, read_gres},
    {"gres-flags", 0, TakesValue::yes, ignore},
    {"hint", 0, TakesValue::yes, ignore},
    {"hold", 'H', TakesValue::no, nullptr},
    {"ignore-pbs", 0, TakesValue::no, ignore},
    {"input", 'i', TakesValue::yes, nullptr},
    {"job-name", 'J', TakesValue::yes, read_job_name},
    {"kill-on-invalid-dep", 0, TakesValue::yes, nullptr},
    {"licenses", 'L', TakesValue::yes, nullptr},
    {"mail-type", 0, TakesValue::yes, ignore_mail},
    {"mail-user", 0, TakesValue::yes, ignore_mail},
    {"mcs-label", 0, TakesValue::yes, ignore},
    {"mem", 0, TakesValue::yes, [](const SpecNode& n, Batch& b) { read_batch_memory(n, b.memory_mib, b); }},
    {"mem-bind", 0, TakesValue::yes, ignore},
    {"mem-per-cpu", 0, TakesValue::yes, [](const SpecNode& n, Batch& b) { read_batch_memory(n, b.memory_mib_per_cpu, b); }},
    {"mem-per-gpu", 0, TakesValue::yes, nullptr},
    {"mincpus", 0, TakesValue::yes, nullptr},
    {"network", 0, TakesValue::yes, nullptr},
    {"nice", 0, TakesValue::if_joined, nullptr},
    {"no-kill", 'k', TakesValue::if_joined, nullptr},
    {"no-requeue", 0, TakesValue::no, [](const SpecNode&, Batch& b) { b.spec().restart_after_loss = false; }},
    {"nodefile", 'F', TakesValue::yes, nullptr},
    {"nodelist", 'w', TakesValue::yes, nullptr},
    {"nodes", 'N', TakesValue::yes, read_nodes},
    {"ntasks", 'n', TakesValue::yes, [](const SpecNode& n, Batch& b) { read_tasks(n, tasks_max, b.tasks, b); }},
    {"ntasks-per-core", 0, TakesValue::yes, nullptr},
    {"ntasks-per-gpu", 0, TakesValue::yes, nullptr},
    {"ntasks-per-node", 0, TakesValue::yes, [](const SpecNode& n, Batch& b) { read_tasks(n, tasks_max, b.tasks_per_node, b); }},
    {"ntasks-per-socket", 0, TakesValue::yes, nullptr},
    {"oom-kill-step", 0, TakesValue::if_joined, nullptr},
    {"open-mode", 0, TakesValue::yes, ignore},
    {"output", 'o', TakesValue::yes, [](const SpecNode& n, Batch& b) { b.output_at = n, read_output(n, b.spec().output_path, b); }},
    {"overcommit", 'O', TakesValue::no, nullptr},
    {"oversubscribe", 's', TakesValue::no, nullptr},
    {"parsable", 0, TakesValue::no, ignore},
    {"partition", 'p', TakesValue::yes, [](const SpecNode& n, Batch& b) { read_name(n, b.spec().queue, b.problems()); }},
    {"power", 0, TakesValue::yes, ignore},
    {"prefer", 0, TakesValue::yes, nullptr},
    {"priority", 0, TakesValue::yes, [](const SpecNode& n, Batch& b) {
       read_whole(n, {-1'000'000, 1'000'000}, b.spec().priority, b.problems());
     }},
    {"profile", 0, TakesValue::yes, ignore},
    {"propagate", 0, TakesValue::if_joined, nullptr},
    {"qos", 'q', TakesValue::yes, ignore_account},
    {"quiet", 'Q', TakesValue::no, ignore},
    {"reboot", 0, TakesValue::no, nullptr},
    {"requeue", 0, TakesValue::no, [](const SpecNode&, Batch& b) { b.spec().restart_after_loss = true; }},
    {"reservation", 0, TakesValue::yes, [](const SpecNode& n, Batch& b) { read_name(n, b.spec().reservation.edit(), b.problems()); }},
    {"resv-ports", 0, TakesValue::if_joined, nullptr},
    {"segment", 0, TakesValue::yes, [](const SpecNode& n, Batch& b) {
       read_whole(n, {1, segment_max}, b.spec().nearness.segment, b.problems());
       b.segment_at = n;
     }},
    {"signal", 0, TakesValue::yes, read_signal},
    {"sockets-per-node", 0, TakesValue::yes, nullptr},
    {"spread-job", 0, TakesValue::no, nullptr},
    {"stepmgr", 0, TakesValue::no, nullptr},
    {"switches", 0, TakesValue::yes, read_switches},
    {"tasks-per-node", 0, TakesValue::yes, [](const SpecNode& n, Batch& b) { read_tasks(n, tasks_max, b.tasks_per_node, b); }},
    {"test-only", 0, TakesValue::no, nullptr},
    {"thread-spec", 0, TakesValue::yes, nullptr},
    {"threads-per-core", 0, TakesValue::yes, nullptr},
    {"time", 't', TakesValue::yes, read_time},
    {"time-min", 0, TakesValue::yes, nullptr},
    {"tmp", 0, TakesValue::yes, nullptr},
    {"tres-bind", 0, TakesValue::yes, nullptr},
    {"tres-per-task", 0, TakesValue::yes, nullptr},
    {"uid", 0, TakesValue::yes, nullptr},
    {"use-min-nodes", 0, TakesValue::no, nullptr},
    {"verbose", 'v', TakesValue::no, ignore},
    {"wait", 'W', TakesValue::no, nullptr},
    {"wait-all-nodes", 0, TakesValue::yes, ignore},
    {"wckey", 0, TakesValue::yes, ignore_account},
    {"wrap", 0, TakesValue::yes, nullptr},
}};

}  // namespace

std::span<const Option> sbatch_options() { return all_options; }

}  // namespace mohona

// Slurm batch scripts: the #SBATCH options at their head, and the script itself as the work.
#include <fmt/format.h>

#include <filesystem>

#include "base/text.h"
#include "spec/draft.h"
#include "spec/slurm_values.h"

namespace mohona {
namespace {

constexpr std::int64_t batch_nodes_max = 10'000;
constexpr std::int64_t tasks_max = 1'000'000;
constexpr std::string_view marker = "#SBATCH";

// What the options say, before they are put together.
struct Batch {
  Draft& job;
  std::optional<std::int64_t> nodes = {}, tasks = {}, tasks_per_node = {}, cpus_per_task = {};
  std::optional<std::int64_t> memory_mib = {}, memory_mib_per_cpu = {};
  std::optional<Gpus> gpus = {}, gpus_per_node = {};
  Node tasks_at = {}, memory_at = {}, gpus_at = {}, array_at = {};

  Problems& problems() { return job.problems; }
  JobSpec& spec() { return job.spec(); }
};

void read_count(const Node& node, std::int64_t max, std::optional<std::int64_t>& out, Batch& b) {
  std::int64_t value = 0;
  if (read_whole(node, {1, max}, value, b.problems())) out = value;
}

void read_nodes(const Node& node, Batch& b) {
  const std::size_t dash = std::min(node.text.find('-'), node.text.size());
  if (dash < node.text.size() && node.text.substr(0, dash) != node.text.substr(dash + 1)) {
    b.problems().not_yet(node.place, "a range of nodes is something");
    return;
  }
  Node least = node;
  least.text = node.text.substr(0, dash);
  read_count(least, batch_nodes_max, b.nodes, b);
}

void read_batch_memory(const Node& node, std::optional<std::int64_t>& out, Batch& b) {
  std::string_view text = node.text;
  const bool kilobytes = text.ends_with('K') || text.ends_with('k');
  if (kilobytes) text.remove_suffix(1);
  const auto amount = parse_memory(text, 1);
  if (text == "0") {
    b.problems().not_yet(node.place, "all the memory of a node is something");
  } else if (!amount || amount->or_more) {
    wrong(node, "expected an amount of memory, such as 4000 (in MB), 512M or 16G", b.problems());
  } else {
    if (b.memory_mib || b.memory_mib_per_cpu) {
      b.problems().add(node.place, "memory is said twice", "expected one of --mem, --mem-per-cpu");
    }
    out = kilobytes ? (amount->value + 1'023) / 1'024 : amount->value;
    b.memory_at = node;
  }
}

void read_batch_gpus(const Node& node, std::string_view text, std::optional<Gpus>& out, Batch& b) {
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

void read_gres(const Node& node, Batch& b) {
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

void read_time(const Node& node, Batch& b) {
  const auto most = parse_slurm_time(node.text);
  if (!most) {
    wrong(node, "expected M, M:S, H:M:S, D-H, D-H:M or D-H:M:S", b.problems());
  } else if (*most != Duration::max()) {
    b.spec().max_duration = *most;
  }
}

void read_array(const Node& node, Batch& b) {
  const auto array = parse_slurm_array(node.text, shards_max);
  if (!array) {
    wrong(node,
          fmt::format("expected indices such as 0-15, 1,3,5, 0-15:4 or 0-15%4, at most {}",
                      shards_max),
          b.problems());
    return;
  }
  Shards shards;
  shards.array = true;
  shards.at_once_max = array->at_once_max;
  for (const std::int64_t index : array->indices) shards.items.push_back(std::to_string(index));
  b.spec().shards = std::move(shards);
  b.spec().kind = Kind::data;
  b.array_at = node;
}

void read_dependency(const Node& node, Batch& b) {
  const auto needs = parse_slurm_afterok(node.text);
  const std::string_view how = split(node.text, ':')[0];
  constexpr std::array<std::string_view, 6> others = {
      "after", "afterany", "afternotok", "afterburstbuffer", "aftercorr", "singleton"};
  if (needs) {
    b.spec().needs.insert(b.spec().needs.end(), needs->begin(), needs->end());
  } else if (std::find(others.begin(), others.end(), how) != others.end()) {
    b.problems().not_yet(node.place, fmt::format("'{}' is a dependency", how));
  } else {
    wrong(node, "expected afterok:NUMBER, with more after further colons", b.problems());
  }
}

void read_signal(const Node& node, Batch& b) {
  const auto signal = parse_slurm_signal(node.text);
  if (!signal) {
    wrong(node, "expected a signal and seconds, such as USR1@90 or B:TERM@60", b.problems());
    return;
  }
  b.spec().stop.signal = signal->name;
  b.spec().stop.grace = signal->before;
}

void read_chdir(const Node& node, Batch& b) {
  read_local_path(node, b.spec().submit_directory, b.job, true);
}

struct Option {
  std::string_view name;
  char letter;  // 0: none
  bool takes_value;
  void (*read)(const Node&, Batch&);  // nullptr: known, and not honoured yet
};

constexpr std::array<Option, 71> options = {{
    {"job-name", 'J', true,
     [](const Node& n, Batch& b) { read_name(n, b.spec().name, b.problems()); }},
    {"nodes", 'N', true, read_nodes},
    {"ntasks", 'n', true,
     [](const Node& n, Batch& b) { read_count(n, tasks_max, b.tasks, b), b.tasks_at = n; }},
    {"ntasks-per-node", 0, true,
     [](const Node& n, Batch& b) { read_count(n, tasks_max, b.tasks_per_node, b); }},
    {"tasks-per-node", 0, true,
     [](const Node& n, Batch& b) { read_count(n, tasks_max, b.tasks_per_node, b); }},
    {"cpus-per-task", 'c', true,
     [](const Node& n, Batch& b) { read_count(n, 10'000, b.cpus_per_task, b); }},
    {"mem", 0, true, [](const Node& n, Batch& b) { read_batch_memory(n, b.memory_mib, b); }},
    {"mem-per-cpu", 0, true,
     [](const Node& n, Batch& b) { read_batch_memory(n, b.memory_mib_per_cpu, b); }},
    {"gres", 0, true, read_gres},
    {"gpus-per-node", 0, true,
     [](const Node& n, Batch& b) { read_batch_gpus(n, n.text, b.gpus_per_node, b); }},
    {"gpus", 'G', true, [](const Node& n, Batch& b) { read_batch_gpus(n, n.text, b.gpus, b); }},
    {"time", 't', true, read_time},
    {"array", 'a', true, read_array},
    {"dependency", 'd', true, read_dependency},
    {"signal", 0, true, read_signal},
    {"requeue", 0, false, [](const Node&, Batch& b) { b.spec().restart_after_loss = true; }},
    {"no-requeue", 0, false, [](const Node&, Batch& b) { b.spec().restart_after_loss = false; }},
    {"chdir", 'D', true, read_chdir},
    {"partition", 'p', true,
     [](const Node& n, Batch& b) { read_name(n, b.spec().queue, b.problems()); }},
    {"priority", 0, true,
     [](const Node& n, Batch& b) {
       read_whole(n, {-1'000'000, 1'000'000}, b.spec().priority, b.problems());
     }},
    {"output", 'o', true,
     [](const Node& n, Batch& b) { read_text(n, b.spec().output_path, b.problems()); }},
    {"error", 'e', true,
     [](const Node& n, Batch& b) { read_text(n, b.spec().error_path, b.problems()); }},
    {"account", 'A', true, nullptr},
    {"begin", 'b', true, nullptr},
    {"comment", 0, true, nullptr},
    {"constraint", 'C', true, nullptr},
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
    {"reservation", 0, true, nullptr},
    {"sockets-per-node", 0, true, nullptr},
    {"switches", 0, true, nullptr},
    {"threads-per-core", 0, true, nullptr},
    {"tmp", 0, true, nullptr},
    {"wckey", 0, true, nullptr},
}};

// --- the lines ----------------------------------------------------------------------------------

// A word with its quotes taken off, and where it stood with them on.
struct Word {
  std::string text;
  Place place;
};

// As Slurm does: blanks part words, quotes and backslashes keep them together, # ends the line.
std::vector<Word> words(std::string_view line, std::size_t begin, Problems& problems) {
  std::vector<Word> out;
  std::size_t i = 0;
  while (true) {
    while (i < line.size() && (line[i] == ' ' || line[i] == '\t')) ++i;
    if (i == line.size() || line[i] == '#') return out;
    Word word{"", {begin + i, 0}};
    char quote = 0;
    for (; i < line.size(); ++i) {
      const char c = line[i];
      if (quote == 0 && (c == ' ' || c == '\t' || c == '#')) break;
      if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (quote != 0 && c == quote) {
        quote = 0;
      } else if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
        word.text += line[++i];
      } else {
        word.text += c;
      }
    }
    word.place.length = begin + i - word.place.begin;
    if (quote != 0)
      problems.add(word.place, "this quote has no end", "expected another on the line");
    out.push_back(std::move(word));
  }
}

const Option* find_option(const Word& word, Problems& problems) {
  const bool is_long = word.text.starts_with("--");
  const std::string name = is_long ? word.text.substr(2, word.text.find('=') - 2) : "";
  for (const Option& option : options) {
    if (is_long ? option.name == name : option.letter == word.text[1]) return &option;
  }
  std::vector<std::string_view> known;
  for (const Option& option : options) {
    if (option.read) known.push_back(option.name);
  }
  const Place place{word.place.begin, is_long ? name.size() + 2 : 2};
  const std::string shown = is_long ? "--" + name : word.text.substr(0, 2);
  std::string near = is_long ? nearest(name, known) : "";
  if (!near.empty()) near = fmt::format("did you mean '--{}'?", near);
  problems.add(place, fmt::format("there is no option {}", in_quotes(shown)), std::move(near));
  return nullptr;
}

// Reads one option, and the word after it when that is its value. Returns how many words it took.
std::size_t read_option(const std::vector<Word>& all, std::size_t i, Batch& b) {
  const Word& word = all[i];
  if (word.text.size() < 2 || word.text[0] != '-' || word.text == "--") {
    b.problems().add(word.place, fmt::format("{} is not an option", in_quotes(word.text)),
                     "expected --NAME=VALUE");
    return 1;
  }
  const Option* option = find_option(word, b.problems());
  if (!option) return all.size() - i;  // what follows may be its value
  Node node;
  node.type = Node::Type::scalar;
  node.key = fmt::format("--{}", option->name);
  node.place = word.place;
  std::size_t taken = 1;
  const bool is_long = word.text.starts_with("--");
  const std::size_t value = is_long                ? word.text.find('=')
                            : word.text.size() > 2 ? 1
                                                   : word.text.npos;
  if (value != word.text.npos) {
    node.text = word.text.substr(value + 1);
    node.place.begin += value + 1;
    node.place.length -= std::min(node.place.length, value + 1);
  } else if (option->takes_value && i + 1 < all.size()) {
    node.text = all[i + 1].text;
    node.place = all[i + 1].place;
    taken = 2;
  } else if (option->takes_value) {
    node.type = Node::Type::null;
  }
  if (!option->read) {
    b.problems().not_yet(word.place, fmt::format("'{}' is an option", node.key));
  } else if (option->takes_value && node.text.empty()) {
    b.problems().add(word.place, fmt::format("'{}' has no value", node.key),
                     fmt::format("expected {}=VALUE", node.key));
  } else if (!option->takes_value && value != word.text.npos) {
    b.problems().add(word.place, fmt::format("'{}' takes no value", node.key),
                     fmt::format("expected {}", node.key));
  } else {
    option->read(node, b);
  }
  return taken;
}

// Slurm stops looking at the first command.
void read_lines(std::string_view text, Batch& b) {
  std::size_t begin = 0;
  for (const std::string_view line : split(text, '\n')) {
    if (!trim(line).empty() && !line.starts_with('#')) return;
    const std::string_view rest = line.substr(std::min(marker.size(), line.size()));
    if (line.starts_with(marker) && (rest.empty() || rest[0] == ' ' || rest[0] == '\t')) {
      const auto all = words(rest, begin + marker.size(), b.problems());
      for (std::size_t i = 0; i < all.size();) i += read_option(all, i, b);
    }
    begin += line.size() + 1;
  }
}

// --- putting it together ------------------------------------------------------------------------

void place_tasks(Batch& b) {
  JobSpec& spec = b.spec();
  const std::int64_t tasks = b.tasks.value_or(0);
  if (!b.nodes && b.tasks && b.tasks_per_node && tasks % *b.tasks_per_node == 0) {
    b.nodes = tasks / *b.tasks_per_node;
  }
  spec.num_nodes = b.nodes.value_or(1);
  spec.tasks_per_node = b.tasks_per_node.value_or(b.tasks ? tasks / spec.num_nodes : 1);
  if (b.tasks && spec.tasks_per_node * spec.num_nodes != tasks) {
    b.problems().add(b.tasks_at.place,
                     fmt::format("{} tasks do not fill {} nodes evenly", tasks, spec.num_nodes),
                     "expected --ntasks to be --nodes times --ntasks-per-node");
    spec.tasks_per_node = std::max<std::int64_t>(spec.tasks_per_node, 1);
  }
  if (spec.num_nodes > batch_nodes_max) {
    b.problems().add(b.tasks_at.place, fmt::format("this asks for {} nodes", spec.num_nodes),
                     fmt::format("expected at most {}", batch_nodes_max));
  }
}

void place_resources(Batch& b) {
  JobSpec& spec = b.spec();
  Demand& demand = spec.resources.choices[0].demand;
  const std::int64_t cpus = b.cpus_per_task.value_or(1) * spec.tasks_per_node;
  demand.cpus_milli = cpus * 1'000;
  spec.resources.limit_cpus = b.cpus_per_task || b.tasks || b.tasks_per_node;
  if (b.memory_mib_per_cpu) b.memory_mib = *b.memory_mib_per_cpu * cpus;
  demand.memory_mib = b.memory_mib.value_or(0);
  spec.resources.limit_memory = b.memory_mib.has_value();
  if (b.gpus) {
    if (b.gpus->count % spec.num_nodes != 0) {
      b.problems().add(
          b.gpus_at.place,
          fmt::format("{} GPUs do not fill {} nodes evenly", b.gpus->count, spec.num_nodes),
          "expected a multiple of --nodes");
    }
    b.gpus_per_node = Gpus{b.gpus->name, b.gpus->count / spec.num_nodes};
  }
  if (b.gpus_per_node) {
    demand.gpu = b.gpus_per_node->name;
    demand.gpus = b.gpus_per_node->count;
    if (demand.gpus > gpus_max) {
      b.problems().add(b.gpus_at.place, fmt::format("this asks for {} GPUs a node", demand.gpus),
                       fmt::format("expected at most {}", gpus_max));
    }
  }
}

}  // namespace

bool is_sbatch(std::string_view text) {
  return text.starts_with("#!") || text.starts_with(marker) ||
         text.find(fmt::format("\n{}", marker)) != text.npos;
}

Submission read_sbatch(const Source& source, const Overrides& overrides, Problems& problems) {
  const Node no_document;
  Draft draft{source, overrides, problems, no_document};
  JobSpec& spec = draft.spec();
  spec.name = default_name(source, 1);
  spec.submit_directory = source.directory;
  spec.script = Script::first_node;
  spec.run = source.text;
  if (!source.text.starts_with("#!")) {
    problems.add({0, std::min(source.text.find('\n'), source.text.size())},
                 "a batch script begins with its interpreter", "expected #!/bin/bash");
  }
  Batch batch{draft};
  read_lines(source.text, batch);
  if (problems.none()) {
    place_tasks(batch);
    place_resources(batch);
    if (spec.shards && spec.num_nodes > 1) {
      problems.not_yet(batch.array_at.place, "an array of more than one node a task is something");
    }
  }
  finish_variables(draft);
  return draft.out;
}

}  // namespace mohona

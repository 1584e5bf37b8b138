// Slurm batch scripts: the #SBATCH options at their head, and the script itself as the work.
#include <fmt/format.h>

#include "base/text.h"
#include "spec/sbatch_options.h"

namespace mohona {
namespace {

constexpr std::string_view marker = "#SBATCH";

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
  for (const Option& option : sbatch_options()) {
    if (is_long ? option.name == name : option.letter == word.text[1]) return &option;
  }
  std::vector<std::string_view> known;
  for (const Option& option : sbatch_options()) {
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
  SpecNode node;
  node.type = SpecNode::Type::scalar;
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
    node.type = SpecNode::Type::null;
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
  spec.min_nodes = b.nodes_min.value_or(0);
  if (b.nodes_min && b.tasks) {
    b.problems().add(b.tasks_at.place, "a number of tasks stands beside a range of nodes",
                     "expected --ntasks-per-node: then every number of nodes is filled evenly");
  }
  spec.tasks_per_node = b.tasks_per_node.value_or(b.tasks ? tasks / spec.num_nodes : 1);
  if (b.tasks && !b.nodes_min && spec.tasks_per_node * spec.num_nodes != tasks) {
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
  if (cpus > cpus_max) {
    b.problems().add(b.tasks_at.place, fmt::format("this asks for {} cores a node", cpus),
                     fmt::format("expected at most {}", cpus_max));
    return;
  }
  demand.cpus_milli = cpus * 1'000;
  spec.resources.limit_cpus = b.cpus_per_task || b.tasks || b.tasks_per_node;
  if (b.memory_mib_per_cpu) b.memory_mib = *b.memory_mib_per_cpu * cpus;
  demand.memory_mib = b.memory_mib.value_or(0);
  spec.resources.limit_memory = b.memory_mib.has_value();
  if (b.gpus && b.nodes_min) {
    b.problems().add(b.gpus_at.place, "GPUs of all nodes stand beside a range of nodes",
                     "expected --gpus-per-node");
  } else if (b.gpus) {
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
  const SpecNode no_document;
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
    if (batch.segment_at.is_scalar()) check_segment(batch.segment_at, draft);
    if (spec.shards && spec.num_nodes > 1) {
      problems.not_yet(batch.array_at.place, "an array of more than one node a task is something");
    }
  }
  finish_variables(draft);
  return draft.out;
}

}  // namespace mohona

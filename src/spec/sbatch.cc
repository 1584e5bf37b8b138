// Slurm batch scripts: the #SBATCH options at their head, and the script itself as the work.
#include <fmt/format.h>

#include "base/text.h"
#include "model/output_name.h"
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

// The options that a name may mean: the one of that name, or all that begin with it. Slurm reads
// long options with getopt_long, which takes every beginning that is of one option alone.
std::vector<const Option*> options_of(std::string_view name) {
  std::vector<const Option*> out;
  for (const Option& option : sbatch_options()) {
    if (option.name == name) return {&option};
    if (!name.empty() && option.name.starts_with(name)) out.push_back(&option);
  }
  return out;
}

const Option* find_option(const Word& word, Problems& problems) {
  if (!word.text.starts_with("--")) {
    for (const Option& option : sbatch_options()) {
      if (option.letter == word.text[1]) return &option;
    }
    problems.add({word.place.begin, 2},
                 fmt::format("there is no option {}", in_quotes(word.text.substr(0, 2))));
    return nullptr;
  }
  const std::string name = word.text.substr(2, word.text.find('=') - 2);
  const auto found = options_of(name);
  if (found.size() == 1) return found[0];
  const Place place{word.place.begin, name.size() + 2};
  if (found.size() > 1) {
    std::vector<std::string> candidates;
    for (const Option* option : found) candidates.push_back(fmt::format("--{}", option->name));
    problems.add(place, fmt::format("{} may be several options", in_quotes("--" + name)),
                 fmt::format("expected one of {}", join(candidates, ", ")));
    return nullptr;
  }
  std::vector<std::string_view> known;
  for (const Option& option : sbatch_options()) {
    if (option.read) known.push_back(option.name);
  }
  std::string near = nearest(name, known);
  if (!near.empty()) near = fmt::format("did you mean '--{}'?", near);
  problems.add(place, fmt::format("there is no option {}", in_quotes("--" + name)),
               std::move(near));
  return nullptr;
}

// The value of the option at `i`, and how many words that takes.
SpecNode value_of(const std::vector<Word>& all, std::size_t i, const Option& option,
                  std::size_t& taken) {
  const Word& word = all[i];
  SpecNode node;
  node.type = SpecNode::Type::scalar;
  node.key = fmt::format("--{}", option.name);
  node.place = word.place;
  const bool is_long = word.text.starts_with("--");
  const std::size_t value = is_long                ? word.text.find('=')
                            : word.text.size() > 2 ? 1
                                                   : word.text.npos;
  taken = 1;
  if (value != word.text.npos) {
    node.text = word.text.substr(value + 1);
    node.place.begin += value + 1;
    node.place.length -= std::min(node.place.length, value + 1);
  } else if (option.value == TakesValue::yes && i + 1 < all.size()) {
    node.text = all[i + 1].text;
    node.place = all[i + 1].place;
    taken = 2;
  } else {
    node.type = SpecNode::Type::null;
  }
  return node;
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
  std::size_t taken = 1;
  const SpecNode node = value_of(all, i, *option, taken);
  if (!option->read) {
    b.problems().not_yet(word.place, fmt::format("'{}' is an option", node.key));
  } else if (option->value == TakesValue::yes && node.is_null()) {
    b.problems().add(word.place, fmt::format("'{}' has no value", node.key),
                     fmt::format("expected {}=VALUE", node.key));
  } else if (option->value == TakesValue::no && node.is_scalar()) {
    b.problems().add(word.place, fmt::format("'{}' takes no value", node.key),
                     fmt::format("expected {}", node.key));
  } else if (option->value != TakesValue::yes || !node.is_empty()) {  // empty: as if not said
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
      for (std::size_t i = 0; i < all.size();) {
        if (all[i].text == "hetjob" || all[i].text == "packjob") {
          // Each part has options of its own: those that follow are not about the part before.
          b.problems().add(
              all[i].place,
              fmt::format("'{}' begins another part of a heterogeneous job, which "
                          "Mohona cannot honour yet",
                          all[i].text),
              "expected two scripts, one of which needs the other, or one kind of node");
          return;
        }
        i += read_option(all, i, b);
      }
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

// Tasks of an array that write to one file write over each other.
void check_outputs(Batch& b) {
  if (!b.spec().shards) return;
  for (const SpecNode* node : {&b.output_at, &b.error_at}) {
    if (!node->is_scalar() || node->text == "/dev/null") continue;
    const auto pieces = parse_output_name(node->text);
    const bool apart = std::any_of(pieces.begin(), pieces.end(), [](const OutputNamePiece& piece) {
      return piece.letter == 'j' || piece.letter == 'a';
    });
    if (apart) continue;
    b.problems().note(node->place,
                      fmt::format("all tasks of the array write to {}; %a in its name tells them "
                                  "apart",
                                  in_quotes(node->text)));
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
  check_outputs(batch);
  finish_variables(draft);
  return draft.out;
}

}  // namespace mohona

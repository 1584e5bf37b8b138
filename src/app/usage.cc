#include "app/usage.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"

namespace mohona {
namespace {

// What other tools call it.
struct Synonym {
  std::string_view said, ours;
};
constexpr std::array<Synonym, 36> synonyms = {
    {{"status", "ls"},     {"ps", "ls"},         {"queue", "ls"},      {"list", "ls"},
     {"jobs", "ls"},       {"squeue", "ls"},     {"top", "ls"},        {"qstat", "ls"},
     {"get", "show"},      {"describe", "show"}, {"info", "show"},     {"inspect", "show"},
     {"sacct", "show"},    {"why", "explain"},   {"log", "logs"},      {"tail", "logs"},
     {"follow", "logs"},   {"attach", "logs"},   {"kill", "cancel"},   {"stop", "cancel"},
     {"rm", "cancel"},     {"delete", "cancel"}, {"remove", "cancel"}, {"scancel", "cancel"},
     {"start", "up"},      {"serve", "up"},      {"server", "up"},     {"shutdown", "down"},
     {"quit", "down"},     {"exec", "run"},      {"launch", "run"},    {"apply", "run"},
     {"create", "submit"}, {"sbatch", "submit"}, {"nodes", "pools"},   {"sinfo", "pools"}}};

// What a word of the command line is to the command that it stands in.
enum class Part { command, option, value, positional, no_command, no_option, too_many };

struct Word {
  Part part;
  const CLI::App* at;         // the command so far
  const CLI::Option* option;  // of an option that there is, and of its value
};

const CLI::App* find_command(const CLI::App& at, const std::string& name) {
  for (const CLI::App* sub : at.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_name() == name) return sub;
  }
  return nullptr;
}

bool has_commands(const CLI::App& at) {
  return !at.get_subcommands([](const CLI::App*) { return true; }).empty();
}

std::size_t positionals_max(const CLI::App& at) {
  std::size_t count = 0;
  for (const CLI::Option* option : at.get_options()) {
    if (option->get_positional())
      count += static_cast<std::size_t>(option->get_items_expected_max());
  }
  return count;
}

// "--state" of "--state=x", "-d" of "-dx".
std::string name_of(const std::string& word) {
  if (word.starts_with("--")) return word.substr(0, word.find('='));
  return word.substr(0, 2);
}

class Walk {
 public:
  explicit Walk(const CLI::App& app) : at_(&app) {}

  Word next(const std::string& word) {
    if (awaits_) {
      const CLI::Option* option = std::exchange(awaits_, nullptr);
      return {Part::value, at_, option};
    }
    if (!rest_is_plain_ && word == "--") {
      rest_is_plain_ = true;
      return {Part::positional, at_, nullptr};
    }
    if (!rest_is_plain_ && word.size() > 1 && word[0] == '-') return option(word);
    if (has_commands(*at_) && positionals_ == 0) {
      if (const CLI::App* sub = find_command(*at_, word)) {
        at_ = sub;
        return {Part::command, at_, nullptr};
      }
      return {Part::no_command, at_, nullptr};
    }
    const bool fits = ++positionals_ <= positionals_max(*at_);
    return {fits ? Part::positional : Part::too_many, at_, nullptr};
  }

 private:
  Word option(const std::string& word) {
    const std::string name = name_of(word);
    const CLI::Option* found = at_->get_option_no_throw(name);
    if (!found) return {Part::no_option, at_, nullptr};
    const bool joined = word.size() > name.size();
    if (found->get_items_expected_max() > 0 && !joined) awaits_ = found;
    return {Part::option, at_, found};
  }

  const CLI::App* at_;
  const CLI::Option* awaits_ = nullptr;
  std::size_t positionals_ = 0;
  bool rest_is_plain_ = false;
};

// "mohona pools reclaim".
std::string path_of(const CLI::App& at) {
  const CLI::App* parent = at.get_parent();
  return parent ? fmt::format("{} {}", path_of(*parent), at.get_name()) : at.get_name();
}

std::string no_command(const CLI::App& at, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* sub : at.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
  }
  std::string near = nearest(lower(word), {names.begin(), names.end()});
  for (const Synonym& synonym : synonyms) {
    if (!at.get_parent() && lower(word) == synonym.said) near = synonym.ours;
  }
  return fmt::format("there is no command '{}'; {}", printable(word),
                     near.empty() ? fmt::format("see: {} --help", path_of(at))
                                  : fmt::format("did you mean '{}'?", near));
}

std::string no_option(const CLI::App& at, const std::string& word) {
  const std::string name = name_of(word);
  std::vector<std::string> names;
  for (const CLI::Option* option : at.get_options()) {
    for (const std::string& known : option->get_lnames()) names.push_back(known);
  }
  const std::string stem = name.substr(std::min(name.find_first_not_of('-'), name.size()));
  std::string near = nearest(lower(stem), {names.begin(), names.end()});
  return fmt::format("there is no option '{}'; {}", printable(name),
                     near.empty() ? fmt::format("see: {} --help", path_of(at))
                                  : fmt::format("did you mean '--{}'?", near));
}

std::string too_many(const CLI::App& at, const std::string& word) {
  std::string takes;
  for (const CLI::Option* option : at.get_options()) {
    if (option->get_positional()) takes += " " + option->get_name();
  }
  return fmt::format("'{}' is one word too many; expected: {}{}", printable(word), path_of(at),
                     takes);
}

}  // namespace

std::vector<std::string> without_empty_values(const CLI::App& app,
                                              const std::vector<std::string>& words) {
  std::vector<std::string> out;
  Walk walk(app);
  for (const std::string& word : words) {
    const Word seen = walk.next(word);
    if (seen.part == Part::value && word.empty()) {
      out.pop_back();
    } else if (seen.part != Part::option || !word.starts_with("--") || !word.ends_with('=') ||
               word.find('=') + 1 != word.size()) {
      out.push_back(word);
    }
  }
  return out;
}

std::string explain_usage(const CLI::App& app, const std::vector<std::string>& words,
                          const CLI::ParseError& error) {
  Walk walk(app);
  const CLI::App* at = &app;
  for (const std::string& word : words) {
    const Word seen = walk.next(word);
    at = seen.at;
    if (seen.part == Part::no_command) return no_command(*at, word);
    if (seen.part == Part::no_option) return no_option(*at, word);
    if (seen.part == Part::too_many) return too_many(*at, word);
  }
  if (has_commands(*at) && at->get_require_subcommand_min() > 0) {
    return fmt::format("a command is missing; see: {} --help", path_of(*at));
  }
  return fmt::format("{}; see: {} --help", printable(error.what()), path_of(*at));
}

}  // namespace mohona

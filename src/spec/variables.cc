#include <fmt/format.h>

#include <map>
#include <set>

#include "spec/draft.h"
#include "spec/yaml.h"

namespace mohona {
namespace {

const std::string* find(const Variables& variables, std::string_view name) {
  for (const auto& [known, value] : variables) {
    if (known == name) return &value;
  }
  return nullptr;
}

void set(Variables& variables, const std::string& name, const std::string& value) {
  for (auto& [known, old] : variables) {
    if (known == name) {
      old = value;
      return;
    }
  }
  variables.emplace_back(name, value);
}

void read_variables(const SpecNode& node, std::string_view option, const Variables& overrides,
                    Variables& out, Problems& problems) {
  if (!is_map(node, "a map of NAME: VALUE", problems)) return;
  for (const SpecNode& variable : node.children) {
    if (lacks_blank(variable, problems)) continue;
    if (!is_variable_name(variable.key)) {
      problems.add(variable.key_place,
                   fmt::format("{} cannot be the name of a variable", in_quotes(variable.key)),
                   "expected letters, digits and '_', not beginning with a digit");
    } else if (const std::string* value = find(overrides, variable.key)) {
      out.emplace_back(variable.key, *value);
    } else if (variable.is_scalar()) {
      out.emplace_back(variable.key, variable.text);
    } else {
      wrong(variable, fmt::format("expected a value here, or {} {}=VALUE", option, variable.key),
            problems);
    }
  }
}

// What the values of variables may make of one job's keys: paths and a probe are short.
constexpr std::size_t expanded_bytes_max = 64 << 10;

class Expansion {
 public:
  explicit Expansion(Draft& draft) : draft_(draft) {
    if (const SpecNode* envs = draft.document.find("envs")) {
      for (const SpecNode& env : envs->children) values_[env.key] = env.text;
    }
    for (const auto& [name, value] : draft.overrides.envs) values_[name] = value;
    if (const SpecNode* secrets = draft.document.find("secrets")) {
      for (const SpecNode& secret : secrets->children) secrets_.insert(secret.key);
    }
    for (const auto& [name, value] : draft.overrides.secrets) secrets_.insert(name);
  }

  // Recursion is bounded by depth_max.
  void expand(SpecNode& node) {
    if (node.key == "post_data" && node.is_scalar() && expand_json(node)) return;
    expand(node.key, node.key_place);
    if (expand(node.text, node.place)) node.quoted = true;  // a text, whatever it looks like
    for (SpecNode& child : node.children) expand(child);
  }

 private:
  // JSON as a text: in its strings, so that a value with quotes in it stays one value.
  bool expand_json(SpecNode& node) {
    if (node.text.find('$') == node.text.npos) return true;
    Problems inside;
    SpecNode tree = parse_json(node.text, inside);
    if (!inside.none() || (!tree.is_map() && !tree.is_list())) return false;
    place_at(tree, node.place);
    tree.key = node.key;
    tree.key_place = node.key_place;
    for (SpecNode& child : tree.children) expand(child);
    node = std::move(tree);
    return true;
  }

  static void place_at(SpecNode& node, Place place) {
    node.place = node.key_place = place;
    for (SpecNode& child : node.children) place_at(child, place);
  }

  // "$NAME" or "${NAME}" at `at`; empty when there is none. `end`: behind it.
  static std::string_view name_at(std::string_view text, std::size_t at, std::size_t& end) {
    const bool braces = text.substr(at + 1).starts_with('{');
    const std::size_t begin = at + (braces ? 2 : 1);
    end = begin;
    while (end < text.size() && is_variable_name(text.substr(begin, end + 1 - begin))) ++end;
    const std::string_view name = text.substr(begin, end - begin);
    if (!braces) return name;
    return text.substr(end).starts_with('}') ? (++end, name) : std::string_view();
  }

  bool expand(std::string& text, Place place) {
    std::size_t at = text.find('$');
    if (at == text.npos) return false;
    std::string out = text.substr(0, at);
    while (at < text.size()) {
      std::size_t end = at;
      const std::string_view name = text[at] == '$' ? name_at(text, at, end) : "";
      const auto value = values_.find(name);
      if (secrets_.contains(name)) {
        draft_.problems.add(place,
                            fmt::format("'{}' is a secret, and what stands here is stored", name),
                            "expected a variable of 'envs'");
        return false;
      }
      if (name.empty() || value == values_.end()) {
        out += text[at++];
        continue;
      }
      out += value->second;
      spent_ += value->second.size();
      if (spent_ > expanded_bytes_max) {
        draft_.problems.add(place, "the values of variables make this too long",
                            fmt::format("expected at most {} bytes of them", expanded_bytes_max));
        return false;
      }
      at = end;
    }
    const bool changed = out != text;
    text = std::move(out);
    return changed;
  }

  Draft& draft_;
  std::map<std::string, std::string, std::less<>> values_;
  std::set<std::string, std::less<>> secrets_;
  std::size_t spent_ = 0;
};

}  // namespace

SpecNode with_variables(const SpecNode& node, Draft& draft) {
  SpecNode out = node;
  Expansion(draft).expand(out);
  return out;
}

void read_envs(const SpecNode& node, Draft& draft) {
  read_variables(node, "--env", draft.overrides.envs, draft.spec().envs, draft.problems);
}

void read_secrets(const SpecNode& node, Draft& draft) {
  read_variables(node, "--secret", draft.overrides.secrets, draft.out.secrets, draft.problems);
}

void finish_variables(Draft& draft) {
  for (const auto& [name, value] : draft.overrides.envs) set(draft.spec().envs, name, value);
  for (const auto& [name, value] : draft.overrides.secrets) set(draft.out.secrets, name, value);
  // As in SkyPilot, a secret hides the variable of its name.
  for (const auto& [name, value] : draft.out.secrets) {
    draft.spec().secrets.edit().push_back(name);
    std::erase_if(draft.spec().envs,
                  [&hidden = name](const auto& env) { return env.first == hidden; });
  }
}

}  // namespace mohona

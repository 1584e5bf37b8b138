#include <fmt/format.h>

#include "spec/draft.h"

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
  if (node.is_null() || !is_map(node, "a map of NAME: VALUE", problems)) return;
  for (const SpecNode& variable : node.children) {
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

}  // namespace

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

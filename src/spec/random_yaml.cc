#include "spec/random_yaml.h"

#include <fmt/format.h>

#include <algorithm>

namespace mohona {
namespace {

constexpr std::string_view plain_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+";

// A text that YAML reads as that text without quotes, wherever it stands.
bool is_plain(std::string_view text) {
  if (text.empty() || text.find_first_not_of(plain_characters) != text.npos) return false;
  if (text[0] == '-' || text[0] == '.' || text[0] == '+') return false;
  for (const std::string_view word : {"null", "Null", "NULL"}) {
    if (text == word) return false;
  }
  return true;
}

std::string double_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

class Writer {
 public:
  explicit Writer(FileDice& dice) : dice_(dice), step_(dice.one_in(3) ? 4 : 2) {}

  std::string document(const RandomValue& value) {
    if (value.type != RandomValue::Type::map || value.entries.empty() || dice_.one_in(12)) {
      return flow(value) + "\n";
    }
    return block(value, 0);
  }

 private:
  std::string scalar(const RandomValue& value) {
    if (value.type == RandomValue::Type::null) return dice_.one_in(2) ? "null" : "~";
    if (value.plain) return value.text;
    if (value.text.find_first_of("\n\t") == value.text.npos && dice_.one_in(2)) {
      return single_quoted(value.text);
    }
    return double_quoted(value.text);
  }

  std::string key(const std::string& text) {
    return is_plain(text) && !dice_.one_in(20) ? text : double_quoted(text);
  }

  std::string flow(const RandomValue& value) {
    const bool is_map = value.type == RandomValue::Type::map;
    if (!is_map && value.type != RandomValue::Type::list) return scalar(value);
    std::string out = is_map ? "{" : "[";
    for (const auto& [name, child] : value.entries) {
      if (out.size() > 1) out += dice_.one_in(4) ? "," : ", ";
      if (out.back() == ',' && !is_map) out += ' ';
      if (is_map) out += key(name) + ": ";
      out += flow(child);
    }
    return out + (is_map ? "}" : "]");
  }

  // What stands after "KEY:" or "-", with the end of its last line.
  std::string after(const RandomValue& value, std::size_t indent) {
    const std::string comment = dice_.one_in(15) ? "  # as before" : "";
    if (value.type == RandomValue::Type::null && dice_.one_in(2)) return comment + "\n";
    const bool is_text = value.type == RandomValue::Type::scalar && !value.plain;
    if (is_text && value.text.find('\n') != value.text.npos && value.text.back() == '\n' &&
        value.text[0] != ' ' && value.text[0] != '\n' && dice_.one_in(2)) {
      return literal(value.text, indent + step_);
    }
    const bool nests = !value.entries.empty();
    if (!nests || dice_.one_in(3)) return " " + flow(value) + comment + "\n";
    return comment + "\n" + block(value, indent + step_);
  }

  std::string literal(const std::string& text, std::size_t indent) {
    const bool keeps_more = text.ends_with("\n\n");
    std::string out = keeps_more ? " |+\n" : " |\n";
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = text.find('\n', begin);
      if (end != begin) out += std::string(indent, ' ') + text.substr(begin, end - begin);
      out += '\n';
      begin = end + 1;
    }
    return out;
  }

  std::string block(const RandomValue& value, std::size_t indent) {
    const std::string margin(indent, ' ');
    std::string out;
    for (const auto& [name, child] : value.entries) {
      if (dice_.one_in(40)) out += margin + "# a remark: with a colon\n";
      if (value.type == RandomValue::Type::map) {
        out += margin + key(name) + ":" + after(child, indent);
      } else {
        out += margin + "-" + after(child, indent);
      }
    }
    return out;
  }

  FileDice& dice_;
  std::size_t step_;
};

// The values of a tree, itself first.
void collect(RandomValue& value, std::vector<RandomValue*>& out) {
  out.push_back(&value);
  for (auto& [name, child] : value.entries) collect(child, out);
}

RandomValue nested(std::int64_t levels, bool lists) {
  RandomValue out = RandomValue::of("deep");
  for (std::int64_t i = 0; i < levels; ++i) {
    out = lists ? RandomValue::list({out}) : RandomValue::map({{"a", out}});
  }
  return out;
}

}  // namespace

RandomValue RandomValue::of(std::string text) {
  const bool plain = is_plain(text);
  return {Type::scalar, std::move(text), plain, {}};
}

RandomValue RandomValue::number(std::int64_t value) {
  return {Type::scalar, std::to_string(value), true, {}};
}

RandomValue RandomValue::flag(bool value) {
  return {Type::scalar, value ? "true" : "false", true, {}};
}

RandomValue RandomValue::list(std::vector<RandomValue> items) {
  RandomValue out{Type::list, "", true, {}};
  for (RandomValue& item : items) out.add(std::move(item));
  return out;
}

RandomValue RandomValue::map(std::vector<std::pair<std::string, RandomValue>> entries) {
  return {Type::map, "", true, std::move(entries)};
}

void RandomValue::add(std::string key, RandomValue value) {
  entries.emplace_back(std::move(key), std::move(value));
}

void RandomValue::add(RandomValue item) { entries.emplace_back("", std::move(item)); }

std::string write_yaml(const std::vector<RandomValue>& documents, FileDice& dice) {
  std::string out;
  for (const RandomValue& document : documents) {
    if (!out.empty() || dice.one_in(5)) out += "---\n";
    out += Writer(dice).document(document);
  }
  return out;
}

void damage_value(RandomValue& root, FileDice& dice) {
  std::vector<RandomValue*> all;
  collect(root, all);
  RandomValue& value = *dice.pick(all);
  switch (dice.between(0, 8)) {
    case 0:
      value = RandomValue::null();
      break;
    case 1:
      value = RandomValue::list();
      break;
    case 2:
      value = RandomValue::map();
      break;
    case 3:
      value = RandomValue::of(
          dice.pick({"", " ", "-1", "0", "1e400", "nan", "99999999999999999999", "0.0000000001",
                     "\xc3\xa9\xe2\x80\xae", "$(reboot)", "../../etc", "*", "%n", "true"}));
      break;
    case 4:
      value = nested(dice.between(1, 60), dice.one_in(2));
      break;
    case 5:
      value = RandomValue::list({value, value});
      break;
    case 6:
      value = RandomValue::map({{dice.pick({"name", "run", "cpus", "path", "<<", ""}), value}});
      break;
    case 7:
      if (!value.entries.empty()) {
        const std::int64_t which = dice.between(0, std::ssize(value.entries) - 1);
        std::string& key = value.entries[static_cast<std::size_t>(which)].first;
        const auto at = static_cast<std::size_t>(dice.between(0, std::ssize(key)));
        key.erase(at, 1);
      }
      break;
    default:
      if (!value.entries.empty()) value.entries.push_back(value.entries[0]);
  }
}

void damage_text(std::string& text, FileDice& dice) {
  constexpr std::string_view punctuation = "{}[]:,-&*!|>'\"#?~<\\ \t\n\x00\xff";
  const std::int64_t changes = dice.between(1, 6);
  for (std::int64_t i = 0; i < changes; ++i) {
    const auto at = static_cast<std::size_t>(dice.between(0, std::ssize(text)));
    const auto length = static_cast<std::size_t>(dice.between(0, 12));
    switch (dice.between(0, 3)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(text.size() / 2, length));
        break;
      case 2:
        text.insert(at, 1, static_cast<char>(dice.between(0, 255)));
        break;
      default:
        text.insert(
            at, 1,
            punctuation[static_cast<std::size_t>(dice.between(0, std::ssize(punctuation) - 1))]);
    }
  }
}

}  // namespace mohona

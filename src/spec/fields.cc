#include "spec/fields.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"

namespace mohona {
namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view alphanumeric =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::optional<std::int64_t> parse_whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void wrong(const SpecNode& node, std::string expected, Problems& problems) {
  std::string message = fmt::format("'{}' ", node.key);
  switch (node.type) {
    case SpecNode::Type::null:
      message += "has no value";
      break;
    case SpecNode::Type::scalar:
      message += "cannot be " + in_quotes(node.text);
      break;
    case SpecNode::Type::list:
      message += "cannot be a list";
      break;
    case SpecNode::Type::map:
      message += "cannot be a map";
      break;
  }
  problems.add(node.place, std::move(message), std::move(expected));
}

bool read_text(const SpecNode& node, std::string& out, Problems& problems) {
  if (node.is_scalar()) return out = node.text, true;
  wrong(node, "expected a text", problems);
  return false;
}

bool read_whole(const SpecNode& node, Range range, std::int64_t& out, Problems& problems) {
  const auto value = node.is_scalar() ? parse_whole(node.text) : std::nullopt;
  if (value && *value >= range.min && *value <= range.max) return out = *value, true;
  wrong(node, fmt::format("expected a whole number from {} to {}", range.min, range.max), problems);
  return false;
}

bool read_flag(const SpecNode& node, bool& out, Problems& problems) {
  const std::string word = node.is_scalar() ? lower(node.text) : "";
  if (word == "true" || word == "yes" || word == "on") return out = true, true;
  if (word == "false" || word == "no" || word == "off") return out = false, true;
  wrong(node, "expected true or false", problems);
  return false;
}

bool read_duration(const SpecNode& node, Duration& out, Problems& problems) {
  const auto value = parse_duration(node.text);
  if (node.is_scalar() && value && *value > Duration(0)) return out = *value, true;
  wrong(node, "expected a length of time, such as 90s, 10m, 1h30m or 2d", problems);
  return false;
}

bool read_name(const SpecNode& node, std::string& out, Problems& problems) {
  if (node.is_scalar() && is_name(node.text)) return out = node.text, true;
  wrong(node, std::string(name_rule), problems);
  return false;
}

bool read_texts(const SpecNode& node, std::vector<std::string>& out, Problems& problems) {
  std::vector<std::string> texts;
  const auto take = [&](const SpecNode& item) {
    if (item.is_scalar() && !item.text.empty()) return texts.push_back(item.text), true;
    wrong(item, "expected a text or a list of texts", problems);
    return false;
  };
  if (!node.is_list()) {
    if (!take(node)) return false;
  }
  bool fine = true;
  if (node.is_list()) {
    for (const SpecNode& item : node.children) fine = take(item) && fine;
  }
  if (fine) out = std::move(texts);
  return fine;
}

bool read_price(const SpecNode& node, Price& out, Problems& problems) {
  const auto price = parse_price(node.text);
  if (node.is_scalar() && price) return out = *price, true;
  wrong(node, "expected dollars an hour, such as 0.35", problems);
  return false;
}

bool read_money(const SpecNode& node, Money& out, Problems& problems) {
  const auto money = parse_money(node.text);
  if (node.is_scalar() && money) return out = *money, true;
  wrong(node, "expected dollars, such as 1250.50", problems);
  return false;
}

bool read_instant(const SpecNode& node, Timestamp& out, Problems& problems) {
  const auto at = parse_timestamp(node.text);
  if (node.is_scalar() && at) return out = *at, true;
  wrong(node, "expected an instant, such as 2026-12-01T00:00:00Z", problems);
  return false;
}

bool read_percent(const SpecNode& node, std::int64_t& out_ppm, Problems& problems) {
  const auto ppm = node.is_scalar() ? parse_percent(node.text) : std::nullopt;
  if (ppm) return out_ppm = *ppm, true;
  wrong(node, "expected a part of the whole, such as 30% or 12.5%", problems);
  return false;
}

bool is_map(const SpecNode& node, std::string_view expected, Problems& problems) {
  if (node.is_map()) return true;
  wrong(node, fmt::format("expected {}", expected), problems);
  return false;
}

bool is_list(const SpecNode& node, std::string_view expected, Problems& problems) {
  if (node.is_list()) return true;
  wrong(node, fmt::format("expected {}", expected), problems);
  return false;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 63 || text[0] == '.' || text[0] == '_' || text[0] == '-') {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return alphanumeric.find(c) != alphanumeric.npos || c == '.' || c == '_' || c == '-';
  });
}

bool is_variable_name(std::string_view text) {
  if (text.empty() || digits.find(text[0]) != digits.npos) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return alphanumeric.find(c) != alphanumeric.npos || c == '_'; });
}

void lacks(const SpecNode& map, std::string_view key, Place place, std::string message,
           std::string expected, Problems& problems) {
  // A key that was mistyped is one mistake.
  const bool mistyped =
      std::any_of(map.children.begin(), map.children.end(),
                  [&](const SpecNode& child) { return problems.suggested(child.key_place, key); });
  if (mistyped) return;
  if (const SpecNode* written = map.find_written(key)) {
    problems.add(written->key_place, fmt::format("'{}' has no value", key), std::move(expected));
  } else {
    problems.add(place, std::move(message), std::move(expected));
  }
}

bool lacks_blank(const SpecNode& value, Problems& problems) {
  const std::size_t colon = value.key.find(':');
  if (!value.is_null() || colon == value.key.npos || colon + 1 == value.key.size()) return false;
  problems.add(
      value.key_place, fmt::format("there is no blank after the colon of {}", in_quotes(value.key)),
      fmt::format("expected {}: {}", value.key.substr(0, colon), value.key.substr(colon + 1)));
  return true;
}

void unknown_key(const SpecNode& value, const std::vector<std::string_view>& known, NotYet not_yet,
                 Problems& problems) {
  if (problems.full()) return;
  if (std::find(not_yet.begin(), not_yet.end(), value.key) != not_yet.end()) {
    if (value.is_empty()) return;  // asks for nothing
    problems.not_yet(value.key_place, fmt::format("'{}' is a SkyPilot key", value.key));
    return;
  }
  if (lacks_blank(value, problems)) return;
  problems.add(value.key_place, fmt::format("there is no key {}", in_quotes(value.key)),
               suggestion(value.key, known));
}

std::optional<std::int64_t> parse_scaled(std::string_view text, std::int64_t scale, Round round) {
  constexpr std::size_t digits_max = 9;
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  std::string_view part = text.substr(std::min(point + 1, text.size()));
  if (whole.size() > digits_max || part.size() > digits_max || (whole.empty() && part.empty()) ||
      whole.find_first_not_of(digits) != whole.npos ||
      part.find_first_not_of(digits) != part.npos) {
    return std::nullopt;
  }
  std::int64_t value = whole.empty() ? 0 : *parse_whole(whole) * scale;
  std::int64_t fraction = 0, divisor = 1;
  for (const char c : part) fraction = fraction * 10 + (c - '0'), divisor *= 10;
  // scale is at most 2^20 and fraction below 10^9: no overflow.
  const bool rest = fraction * scale % divisor != 0;
  if (rest && round == Round::whole) return std::nullopt;
  return value + fraction * scale / divisor + (rest && round == Round::up ? 1 : 0);
}

std::optional<std::int64_t> parse_percent(std::string_view text) {
  constexpr std::int64_t whole_ppm = 1'000'000;
  constexpr std::int64_t ppm_per_percent = 10'000;
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  const auto ppm = parse_scaled(trim(text), ppm_per_percent);
  return ppm && *ppm <= whole_ppm ? ppm : std::nullopt;
}

std::optional<Amount> parse_cpus(std::string_view text, Round round) {
  constexpr std::int64_t cpus_milli_max = 10'000'000;
  Amount amount;
  amount.or_more = text.ends_with('+');
  if (amount.or_more) text.remove_suffix(1);
  const auto value = parse_scaled(text, 1'000, round);
  if (!value || *value < 1 || *value > cpus_milli_max) return std::nullopt;
  amount.value = *value;
  return amount;
}

std::optional<Amount> parse_memory(std::string_view text, Round round, std::int64_t unit_mib) {
  constexpr std::int64_t memory_mib_max = std::int64_t{1} << 30;  // a PiB
  Amount amount;
  amount.or_more = text.ends_with('+');
  if (amount.or_more) text.remove_suffix(1);
  const std::size_t number = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string unit = lower(trim(text.substr(number)));
  std::int64_t scale = unit_mib;
  if (unit == "m" || unit == "mb" || unit == "mib") {
    scale = 1;
  } else if (unit == "g" || unit == "gb" || unit == "gib") {
    scale = 1'024;
  } else if (unit == "t" || unit == "tb" || unit == "tib") {
    scale = 1'024 * 1'024;
  } else if (!unit.empty()) {
    return std::nullopt;
  }
  const auto value = parse_scaled(text.substr(0, number), scale, round);
  if (!value || *value < 1 || *value > memory_mib_max) return std::nullopt;
  amount.value = *value;
  return amount;
}

std::string canonical_cloud(std::string_view text) {
  std::string name = lower(text);
  return name == "k8s" ? "kubernetes" : name;
}

bool read_cloud(const SpecNode& node, std::string& out, Problems& problems) {
  if (!read_name(node, out, problems)) return false;
  return out = canonical_cloud(out), true;
}

namespace {

constexpr std::string_view accelerators_rule =
    "expected NAME or NAME:COUNT, such as H100:8, a map {H100: 8}, or a list of those";

// `text` is a part of `node`, or all of it.
bool read_count(const SpecNode& node, std::string_view text, Parts parts, Gpus& out,
                Problems& problems) {
  const auto milli = parse_scaled(text, 1'000);
  if (milli && *milli % 1'000 == 0 && *milli >= 1'000 && *milli <= gpus_max * 1'000) {
    return out.count = *milli / 1'000, true;
  }
  if (parts == Parts::allowed && milli && *milli > 0 && *milli < 1'000) {
    return out.count = 0, out.milli = *milli, true;
  }
  std::string expected =
      fmt::format("expected a whole number of accelerators from 1 to {}", gpus_max);
  if (parts == Parts::allowed) {
    expected += ", or a part of one with at most 3 decimals, such as 0.5";
  }
  wrong(node, std::move(expected), problems);
  return false;
}

void read_accelerator(const SpecNode& node, Parts parts, std::vector<Gpus>& out,
                      Problems& problems) {
  const std::size_t colon = std::min(node.text.find(':'), node.text.size());
  const std::string_view name = std::string_view(node.text).substr(0, colon);
  if (!node.is_scalar() || !is_name(name)) {
    wrong(node, std::string(accelerators_rule), problems);
    return;
  }
  Gpus gpus{lower(name), 1};
  if (colon < node.text.size() &&
      !read_count(node, std::string_view(node.text).substr(colon + 1), parts, gpus, problems)) {
    return;
  }
  out.push_back(std::move(gpus));
}

}  // namespace

std::vector<Gpus> read_accelerators(const SpecNode& node, Parts parts, Problems& problems) {
  std::vector<Gpus> out;
  if (node.is_null()) return out;
  if (node.is_scalar()) read_accelerator(node, parts, out, problems);
  for (const SpecNode& child : node.children) {
    if (node.is_list()) {
      read_accelerator(child, parts, out, problems);
      continue;
    }
    if (child.is_null() && child.key.find(':') != child.key.npos) {  // {A100:8, H100:8}: a set
      SpecNode item = child;
      item.type = SpecNode::Type::scalar;
      item.text = child.key;
      item.key = node.key;
      read_accelerator(item, parts, out, problems);
      continue;
    }
    Gpus gpus{lower(child.key), 1};
    if (!is_name(child.key)) {
      problems.add(child.key_place, fmt::format("{} is no accelerator", in_quotes(child.key)),
                   std::string(accelerators_rule));
    } else if (child.is_null() || read_count(child, child.text, parts, gpus, problems)) {
      out.push_back(std::move(gpus));
    }
  }
  if (!node.is_scalar() && node.children.empty()) {
    problems.add(node.place, "'accelerators' is empty", std::string(accelerators_rule));
  }
  return out;
}

}  // namespace mohona

// Described values as JSON text, and back. The one place that knows how a field is written.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>

#include "base/file.h"
#include "base/text.h"
#include "model/names.h"

namespace mohona::json_text {

using Json = nlohmann::json;

template <class T>
concept Described = requires(T, void (*visit)(const char*, int)) {
  describe([](auto, auto) {}, Tag<T>{});
};
// A container that is written as a list of records, which need not be its elements.
template <class T>
concept Listed = requires(T to, const T& from) {
  to.add(*from.records().begin());
};
template <class T>
concept Enum = std::is_enum_v<T>;
template <class T>
concept Integer = std::is_integral_v<T>;

// --- writing: straight to text, because every journal line passes here -------------------------

inline void write(std::string& out, bool value) { out += value ? "true" : "false"; }

template <Integer T>
inline void write(std::string& out, T value) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}

template <Enum T>
inline void write(std::string& out, T value) {
  out += '"';
  out += name(value);
  out += '"';
}

// A byte that is no text becomes U+FFFD: a record that cannot be read back would stop every start.
inline void write(std::string& out, const std::string& text) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const auto u = static_cast<unsigned char>(c);
    std::size_t length = 1;
    if (u >= 0x80) {
      length = character_length(std::string_view(text).substr(i));
      out += length == 0 ? std::string_view("\uFFFD") : std::string_view(text).substr(i, length);
      length = std::max<std::size_t>(length, 1);
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (u < 0x20 || u == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", u);
    } else {
      out += c;
    }
    i += length;
  }
  out += '"';
}

inline void write(std::string& out, Duration value) { write(out, value.count()); }
inline void write(std::string& out, Timestamp value) {
  write(out, value.time_since_epoch().count());
}
inline void write(std::string& out, JobId id) { write(out, id.value); }
inline void write(std::string& out, Epoch epoch) { write(out, epoch.value); }
inline void write(std::string& out, const AttemptId& id) { write(out, to_string(id)); }

template <Described T>
inline void write(std::string& out, const T& value);
template <Listed T>
inline void write(std::string& out, const T& value);
template <class T>
inline void write(std::string& out, const std::vector<T>& values);

template <class T>
inline void write(std::string& out, const std::optional<T>& value) {
  write(out, *value);
}
template <class T>
inline void write(std::string& out, const Box<T>& value) {
  write(out, *value);
}
template <class T>
inline void write(std::string& out, const Seldom<T>& value) {
  write(out, *value);
}
template <class T>
inline void write(std::string& out, const std::shared_ptr<const T>& value) {
  write(out, *value);
}
template <class A, class B>
inline void write(std::string& out, const std::pair<A, B>& pair) {
  out += '[';
  write(out, pair.first);
  out += ',';
  write(out, pair.second);
  out += ']';
}

template <class T>
inline void write(std::string& out, const std::vector<T>& values) {
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    write(out, values[i]);
  }
  out += ']';
}

template <Listed T>
inline void write(std::string& out, const T& value) {
  out += '[';
  bool first = true;
  for (const auto& record : value.records()) {
    if (!first) out += ',';
    first = false;
    write(out, record);
  }
  out += ']';
}

template <class T>
const T& defaults() {
  static const T value{};
  return value;
}

template <Described T>
inline void write(std::string& out, const T& value) {
  out += '{';
  bool first = true;
  describe(
      [&](const char* key, auto field) {
        if (value.*field == defaults<T>().*field) return;
        if (!first) out += ',';
        first = false;
        out += '"';
        out += key;
        out += "\":";
        write(out, value.*field);
      },
      Tag<T>{});
  out += '}';
}

// --- reading ------------------------------------------------------------------------------------

inline void read(const Json& json, bool& out) { json.get_to(out); }
template <Integer T>
inline void read(const Json& json, T& out) {
  json.get_to(out);
}
template <Enum T>
inline void read(const Json& json, T& out) {
  const auto value = parse_name<T>(json.get_ref<const std::string&>());
  if (!value) throw std::invalid_argument("unknown name " + json.dump());
  out = *value;
}
inline void read(const Json& json, std::string& out) { json.get_to(out); }
inline void read(const Json& json, Duration& out) { out = Duration(json.get<std::int64_t>()); }
inline void read(const Json& json, Timestamp& out) {
  out = Timestamp(Duration(json.get<std::int64_t>()));
}
inline void read(const Json& json, JobId& out) { json.get_to(out.value); }
inline void read(const Json& json, Epoch& out) { json.get_to(out.value); }
inline void read(const Json& json, AttemptId& out) {
  out = parse_attempt_id(json.get_ref<const std::string&>());
}

template <Described T>
inline void read(const Json& json, T& out);
template <Listed T>
inline void read(const Json& json, T& out);
template <class T>
inline void read(const Json& json, std::vector<T>& out);

template <class T>
inline void read(const Json& json, std::optional<T>& out) {
  read(json, out.emplace());
}
template <class T>
inline void read(const Json& json, Box<T>& out) {
  read(json, out.emplace());
}
template <class T>
inline void read(const Json& json, Seldom<T>& out) {
  read(json, out.edit());
}
template <class T>
inline void read(const Json& json, std::shared_ptr<const T>& out) {
  auto value = std::make_shared<T>();
  read(json, *value);
  out = std::move(value);
}
template <class A, class B>
inline void read(const Json& json, std::pair<A, B>& out) {
  read(json.at(0), out.first);
  read(json.at(1), out.second);
}
template <class T>
inline void read(const Json& json, std::vector<T>& out) {
  out.clear();
  out.reserve(json.size());
  for (const Json& item : json) read(item, out.emplace_back());
}
template <Listed T>
inline void read(const Json& json, T& out) {
  out = T{};
  for (const Json& item : json) {
    std::ranges::range_value_t<decltype(out.records())> record;
    read(item, record);
    out.add(std::move(record));
  }
}
template <Described T>
inline void read(const Json& json, T& out) {
  if (!json.is_object()) throw std::invalid_argument("not an object: " + json.dump());
  describe(
      [&](const char* key, auto field) {
        if (const auto found = json.find(key); found != json.end()) read(*found, out.*field);
      },
      Tag<T>{});
}

template <class T>
std::string to_text(const T& value) {
  std::string out;
  write(out, value);
  return out;
}

// Throws std::exception when the text is not one of a T: only damaged files hold such.
template <class T>
T from_text(std::string_view text) {
  T value;
  read(Json::parse(text), value);
  return value;
}

// Of a file that may be missing, damaged, or half written: nullopt then.
template <class T>
std::optional<T> from_file(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::nullopt;
  try {
    return from_text<T>(*text);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace mohona::json_text

#include "model/codec.h"

#include <nlohmann/json.hpp>

#include "model/describe.h"

namespace mohona {
namespace {

using Json = nlohmann::json;

template <class T>
concept Described = requires(T, void (*visit)(const char*, int)) {
  describe([](auto, auto) {}, Tag<T>{});
};
template <class T>
concept Enum = std::is_enum_v<T>;
template <class T>
concept Integer = std::is_integral_v<T>;

constexpr std::array<std::string_view, std::variant_size_v<Fact>> fact_names = {
    "controller_started", "pool_defined",  "pool_removed",     "pool_reclaimed",
    "pool_restored",      "job_submitted", "job_expanded",     "attempt_placed",
    "attempt_started",    "replica_ready", "attempt_stopping", "attempt_ended",
    "task_waits",         "task_ended",    "job_cancelling",   "job_ended",
};

// --- writing: straight to text, because every journal line passes here -------------------------

void write(std::string& out, bool value) { out += value ? "true" : "false"; }

template <Integer T>
void write(std::string& out, T value) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}

template <Enum T>
void write(std::string& out, T value) {
  out += '"';
  out += name(value);
  out += '"';
}

void write(std::string& out, const std::string& text) {
  out += '"';
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (u < 0x20 || u == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", u);
    } else {
      out += c;
    }
  }
  out += '"';
}

void write(std::string& out, Duration value) { write(out, value.count()); }
void write(std::string& out, Timestamp value) { write(out, value.time_since_epoch().count()); }
void write(std::string& out, const AttemptId& id) { write(out, to_string(id)); }

template <Described T>
void write(std::string& out, const T& value);
template <class T>
void write(std::string& out, const std::vector<T>& values);

template <class T>
void write(std::string& out, const std::optional<T>& value) {
  write(out, *value);
}
template <class T>
void write(std::string& out, const std::shared_ptr<const T>& value) {
  write(out, *value);
}
template <class A, class B>
void write(std::string& out, const std::pair<A, B>& pair) {
  out += '[';
  write(out, pair.first);
  out += ',';
  write(out, pair.second);
  out += ']';
}

template <class T>
void write(std::string& out, const std::vector<T>& values) {
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    write(out, values[i]);
  }
  out += ']';
}

template <class T>
const T& defaults() {
  static const T value{};
  return value;
}

template <Described T>
void write(std::string& out, const T& value) {
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

void read(const Json& json, bool& out) { json.get_to(out); }
template <Integer T>
void read(const Json& json, T& out) {
  json.get_to(out);
}
template <Enum T>
void read(const Json& json, T& out) {
  const auto value = parse_name<T>(json.get_ref<const std::string&>());
  if (!value) throw std::invalid_argument("unknown name " + json.dump());
  out = *value;
}
void read(const Json& json, std::string& out) { json.get_to(out); }
void read(const Json& json, Duration& out) { out = Duration(json.get<std::int64_t>()); }
void read(const Json& json, Timestamp& out) { out = Timestamp(Duration(json.get<std::int64_t>())); }
void read(const Json& json, AttemptId& out) {
  out = parse_attempt_id(json.get_ref<const std::string&>());
}

template <Described T>
void read(const Json& json, T& out);
template <class T>
void read(const Json& json, std::vector<T>& out);

template <class T>
void read(const Json& json, std::optional<T>& out) {
  read(json, out.emplace());
}
template <class T>
void read(const Json& json, std::shared_ptr<const T>& out) {
  auto value = std::make_shared<T>();
  read(json, *value);
  out = std::move(value);
}
template <class A, class B>
void read(const Json& json, std::pair<A, B>& out) {
  read(json.at(0), out.first);
  read(json.at(1), out.second);
}
template <class T>
void read(const Json& json, std::vector<T>& out) {
  out.clear();
  out.reserve(json.size());
  for (const Json& item : json) read(item, out.emplace_back());
}
template <Described T>
void read(const Json& json, T& out) {
  if (!json.is_object()) throw std::invalid_argument("not an object: " + json.dump());
  describe(
      [&](const char* key, auto field) {
        if (const auto found = json.find(key); found != json.end()) read(*found, out.*field);
      },
      Tag<T>{});
}

template <class T>
Result<T> decode(std::string_view text) {
  try {
    T value;
    read(Json::parse(text), value);
    return value;
  } catch (const std::exception& e) {
    return fail(Code::internal,
                fmt::format("the store holds a record that cannot be read: {}\n  {}", e.what(),
                            text.substr(0, 200)));
  }
}

template <std::size_t... I>
Fact read_fact(std::size_t index, const Json& body, std::index_sequence<I...>) {
  Fact fact;
  ((index == I ? read(body, fact.emplace<I>()) : void()), ...);
  return fact;
}

}  // namespace

std::string encode(const Fact& fact) {
  std::string out = "{\"";
  out += fact_names.at(fact.index());
  out += "\":";
  std::visit([&](const auto& body) { write(out, body); }, fact);
  out += '}';
  return out;
}

Result<Fact> decode_fact(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (!json.is_object() || json.size() != 1) throw std::invalid_argument("not one fact");
    for (std::size_t i = 0; i < fact_names.size(); ++i) {
      if (json.begin().key() == fact_names[i]) {
        return read_fact(i, json.begin().value(),
                         std::make_index_sequence<std::variant_size_v<Fact>>{});
      }
    }
    throw std::invalid_argument("a fact of a newer version: " + json.begin().key());
  } catch (const std::exception& e) {
    return fail(Code::internal,
                fmt::format("the journal holds a fact that cannot be read: {}\n  {}", e.what(),
                            text.substr(0, 200)));
  }
}

template <class T>
std::string encode_value(const T& value) {
  std::string out;
  write(out, value);
  return out;
}

std::string encode(const Job& job) { return encode_value(job); }
std::string encode(const PoolRecord& pool) { return encode_value(pool); }
std::string encode(const JobSpec& spec) { return encode_value(spec); }

Result<Job> decode_job(std::string_view text) { return decode<Job>(text); }
Result<PoolRecord> decode_pool(std::string_view text) { return decode<PoolRecord>(text); }

bool operator==(const Job& a, const Job& b) { return encode(a) == encode(b); }

}  // namespace mohona

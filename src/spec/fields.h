// Typed values out of nodes. Every reader notes its mistakes and then leaves `out` as it was.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/time.h"
#include "model/job.h"
#include "model/names.h"
#include "spec/node.h"
#include "spec/problems.h"

namespace mohona {

// Notes that this value will not do: "'num_nodes' cannot be 'two'", and what was expected.
void wrong(const SpecNode& node, std::string expected, Problems& problems);

struct Range {
  std::int64_t min = 0;
  std::int64_t max = 0;
};

bool read_text(const SpecNode& node, std::string& out, Problems& problems);
bool read_whole(const SpecNode& node, Range range, std::int64_t& out, Problems& problems);
bool read_flag(const SpecNode& node, bool& out, Problems& problems);
bool read_duration(const SpecNode& node, Duration& out, Problems& problems);  // longer than nothing
bool read_name(const SpecNode& node, std::string& out, Problems& problems);
bool read_texts(const SpecNode& node, std::vector<std::string>& out, Problems& problems);  // or one

bool read_price(const SpecNode& node, Price& out, Problems& problems);  // dollars, nine digits
bool read_money(const SpecNode& node, Money& out, Problems& problems);  // dollars, six digits
bool read_instant(const SpecNode& node, Timestamp& out, Problems& problems);
bool read_percent(const SpecNode& node, std::int64_t& out_ppm, Problems& problems);  // to 100 %

// A node that must be a map (or a list) for what follows to make sense.
bool is_map(const SpecNode& node, std::string_view expected, Problems& problems);
bool is_list(const SpecNode& node, std::string_view expected, Problems& problems);

// One of the names of model/names.h.
template <class E>
bool read_choice(const SpecNode& node, E& out, Problems& problems) {
  const auto value = node.is_scalar() ? parse_name<E>(node.text) : std::nullopt;
  if (value) return out = *value, true;
  const auto all = names(Tag<E>{});
  wrong(node, suggestion(node.text, {all.begin(), all.end()}), problems);
  return false;
}

// Names of jobs, pools and queues: [A-Za-z0-9][A-Za-z0-9._-]*, at most 63 characters.
bool is_name(std::string_view text);
constexpr std::string_view name_rule =
    "expected at most 63 of letters, digits, '.', '_' and '-', beginning with a letter or digit";
// Names of variables: [A-Za-z_][A-Za-z0-9_]*.
bool is_variable_name(std::string_view text);

// --- keys ---------------------------------------------------------------------------------------

// What a key of a map does to the thing being read.
template <class Draft>
struct Key {
  std::string_view name;
  void (*read)(const SpecNode&, Draft&);
};

// SkyPilot's keys that are understood and refused.
using NotYet = std::initializer_list<std::string_view>;

// Notes that `map` lacks a key that must be there: at the key if it is there without a value, else
// at `place` with `message`. Nothing where a key was told to be a mistyped one of it.
void lacks(const SpecNode& map, std::string_view key, Place place, std::string message,
           std::string expected, Problems& problems);

// In YAML, {cpus:4} is the key "cpus:4" without a value. Notes that, if `value` is such a one.
bool lacks_blank(const SpecNode& value, Problems& problems);

// Notes a key that is not one of `known`.
void unknown_key(const SpecNode& value, const std::vector<std::string_view>& known, NotYet not_yet,
                 Problems& problems);

// Gives every value of `map` to the reader of its key, except empty ones: they mean the default.
// `also`: takes further keys, those of `more`; false: it was none of them.
template <class Draft, std::size_t N, class Also>
void read_keys(const SpecNode& map, const std::array<Key<Draft>, N>& keys, NotYet not_yet,
               Draft& draft, Problems& problems, std::span<const std::string_view> more,
               Also also) {
  for (const SpecNode& value : map.children) {
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const Key<Draft>& k) { return k.name == value.key; });
    if (key != keys.end()) {
      if (!value.is_empty()) key->read(value, draft);
      continue;
    }
    if (also(value)) continue;
    std::vector<std::string_view> known;
    for (const Key<Draft>& k : keys) known.push_back(k.name);
    known.insert(known.end(), more.begin(), more.end());
    unknown_key(value, known, not_yet, problems);
  }
}

template <class Draft, std::size_t N>
void read_keys(const SpecNode& map, const std::array<Key<Draft>, N>& keys, NotYet not_yet,
               Draft& draft, Problems& problems) {
  read_keys(map, keys, not_yet, draft, problems, {}, [](const SpecNode&) { return false; });
}

// --- units --------------------------------------------------------------------------------------

// A decimal number times `scale` (at most 2^20): at most nine digits on either side of the point,
// and no sign. `whole`: what does not come out whole is not a number.
enum class Round { whole, up, down };
std::optional<std::int64_t> parse_scaled(std::string_view text, std::int64_t scale,
                                         Round round = Round::whole);

// "30%", "12.5%": millionths of the whole, at most all of it.
std::optional<std::int64_t> parse_percent(std::string_view text);

// A quantity that may be a lower bound: "4+".
struct Amount {
  std::int64_t value = 0;
  bool or_more = false;
};

// What a job asks for is rounded up, what a machine has down.
// "4", "0.5", "4+": thousandths of a core.
std::optional<Amount> parse_cpus(std::string_view text, Round round);
// "16", "16+", "16GB", "512MB", "1TB": MiB. A bare number is in units of `unit_mib` (1 GB is
// 1024 MiB, as clouds count).
std::optional<Amount> parse_memory(std::string_view text, Round round,
                                   std::int64_t unit_mib = 1'024);

// A cloud's name in lower case; k8s is kubernetes.
std::string canonical_cloud(std::string_view text);
bool read_cloud(const SpecNode& node, std::string& out, Problems& problems);

// "H100", "H100:8", "H100:0.5": a GPU's name in lower case and how many, or which part of one.
struct Gpus {
  std::string name;
  std::int64_t count = 0;
  std::int64_t milli = 0;  // thousandths of one, with a count of 0
};
enum class Parts { allowed, refused };  // of one accelerator
// Any of these: a text, a map {H100: 8}, or a list of texts.
std::vector<Gpus> read_accelerators(const SpecNode& node, Parts parts, Problems& problems);

constexpr std::int64_t gpus_max = 1'024;  // of one node

}  // namespace mohona

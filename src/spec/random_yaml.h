// Trees of values that tests make up, and their text in any of YAML's styles. For tests only.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dice.h"

namespace mohona {

// Choices among values and among words.
class FileDice : public Dice {
 public:
  using Dice::Dice;
  using Dice::pick;

  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(std::ssize(from)))];
  }
  std::string pick(std::initializer_list<std::string_view> from) {
    return std::string(from.begin()[below(std::ssize(from))]);
  }
};

// One value. A map keeps its keys in the order in which they were added.
struct RandomValue {
  enum class Type { null, scalar, list, map };

  Type type = Type::null;
  std::string text;   // of a scalar
  bool plain = true;  // a scalar that needs no quotes and means another thing with them: 8, true
  std::vector<std::pair<std::string, RandomValue>> entries;  // of a map; of a list without keys

  static RandomValue null() { return {}; }
  static RandomValue of(std::string text);  // quoted where YAML would read something else
  static RandomValue number(std::int64_t value);
  static RandomValue flag(bool value);
  static RandomValue list(std::vector<RandomValue> items = {});
  static RandomValue map(std::vector<std::pair<std::string, RandomValue>> entries = {});

  void add(std::string key, RandomValue value);  // to a map
  void add(RandomValue item);                    // to a list
};

// The documents as YAML: block and flow style, quotes, indentation and comments vary.
std::string write_yaml(const std::vector<RandomValue>& documents, FileDice& dice);

// Puts something else in the place of one value: another type, a typing error in a key, a huge
// number, a deep nest, a key twice.
void damage_value(RandomValue& root, FileDice& dice);

// Changes a few bytes: some go, some come twice, some are punctuation that YAML cares about.
void damage_text(std::string& text, FileDice& dice);

}  // namespace mohona

// A value that is most often what it begins as: one pointer wide, with nothing behind it until it
// is something else, or has been edited. It reads as the value itself; the many jobs of a long
// queue pay only for what their authors said. References to the value do not outlive a change.
#pragma once

#include <compare>
#include <concepts>
#include <ranges>
#include <type_traits>
#include <utility>

#include "base/box.h"

namespace mohona {

template <class T>
class Seldom;

template <class From, class T>
concept GivesSeldom =
    !std::same_as<std::remove_cvref_t<From>, Seldom<T>> && std::convertible_to<From, T>;
template <class U, class T>
concept EqualsSeldom = !std::same_as<U, Seldom<T>> && requires(const T& value, const U& other) {
  { value == other } -> std::same_as<bool>;
};

template <class T>
class Seldom {
 public:
  Seldom() = default;
  template <GivesSeldom<T> From = T>
  Seldom(From&& from) {
    T value(std::forward<From>(from));
    if (!(value == unsaid())) held_ = std::move(value);
  }
  template <GivesSeldom<T> From = T>
  Seldom& operator=(From&& from) {
    return *this = Seldom(std::forward<From>(from));
  }

  const T& operator*() const& { return held_ ? *held_ : unsaid(); }
  const T& operator*() const&& = delete;  // it would die at once
  const T* operator->() const { return &**this; }
  operator const T&() const { return **this; }
  // To change a part of it.
  T& edit() { return held_ ? *held_ : held_.emplace(); }

  // Of a container.
  auto begin() const requires std::ranges::range<T> { return (**this).begin(); }
  auto end() const requires std::ranges::range<T> { return (**this).end(); }
  auto size() const requires std::ranges::range<T> { return (**this).size(); }
  bool empty() const requires std::ranges::range<T> { return (**this).empty(); }

  friend bool operator==(const Seldom& a, const Seldom& b) {
    return (!a.held_ && !b.held_) || *a == *b;
  }
  template <EqualsSeldom<T> U>
  friend bool operator==(const Seldom& a, const U& b) {
    return *a == b;
  }
  friend auto operator<=>(const Seldom& a, const Seldom& b) requires std::three_way_comparable<T> {
    return *a <=> *b;
  }

 private:
  static const T& unsaid() {
    static const T value{};
    return value;
  }

  Box<T> held_;
};

}  // namespace mohona

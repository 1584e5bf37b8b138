// A value that is often absent, elsewhere: like std::optional, but one pointer wide when empty.
#pragma once

#include <memory>
#include <utility>

namespace mohona {

template <class T>
class Box {
 public:
  Box() = default;
  Box(T value) : held_(std::make_unique<T>(std::move(value))) {}
  Box(const Box& other) : held_(other ? std::make_unique<T>(*other) : nullptr) {}
  Box(Box&&) noexcept = default;
  Box& operator=(const Box& other) { return *this = Box(other); }
  Box& operator=(Box&&) noexcept = default;
  ~Box() = default;

  template <class... A>
  T& emplace(A&&... arguments) {
    held_ = std::make_unique<T>(std::forward<A>(arguments)...);
    return *held_;
  }
  void reset() { held_.reset(); }

  explicit operator bool() const { return held_ != nullptr; }
  bool has_value() const { return held_ != nullptr; }
  T& operator*() { return *held_; }
  const T& operator*() const { return *held_; }
  T* operator->() { return held_.get(); }
  const T* operator->() const { return held_.get(); }

  friend bool operator==(const Box& a, const Box& b) {
    return a.held_ && b.held_ ? *a == *b : a.held_ == b.held_;
  }

 private:
  std::unique_ptr<T> held_;
};

}  // namespace mohona

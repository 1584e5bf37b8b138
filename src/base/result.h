// Result<T>: a value, or an Error that says what went wrong and whether asking again can help.
//
//   Result<int> parse(std::string_view text);
//   if (auto n = parse(text); !n) return fail(n.error());
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace mohona {

// A code exists only where some caller reacts to it differently.
enum class Code {
  invalid,      // the request itself is wrong
  not_found,    // what it names does not exist
  conflict,     // it contradicts something that was accepted earlier
  unavailable,  // not now: no room, no controller, no network
  superseded,   // another controller has taken over; this one must stop
  internal,     // a bug or a broken machine
};

// Whether the identical request may be sent again.
enum class Retry { never, safe, after_change, outcome_unknown };

struct Error {
  Code code = Code::internal;
  std::string message;
  Retry retry = Retry::never;

  friend bool operator==(const Error&, const Error&) = default;
};

using Failure = tl::unexpected<Error>;

inline Failure fail(Error error) { return Failure(std::move(error)); }
inline Failure fail(Code code, std::string message, Retry retry = Retry::never) {
  return Failure(Error{code, std::move(message), retry});
}

// tl::expected is not [[nodiscard]]; this is, so that no failure is dropped in silence.
template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

}  // namespace mohona

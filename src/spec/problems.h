// The mistakes of one text, collected so that all are shown at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spec/node.h"
#include "spec/source.h"

namespace mohona {

class Problems {
 public:
  // `hint`, the line under the caret, says what was expected or what was probably meant.
  void add(Place place, std::string message, std::string hint = "");

  // What the file says is understood, but would not be done. Silence would be a lie.
  void not_yet(Place place, const std::string& what);

  // Further mistakes would not be shown.
  bool full() const { return problems_.size() > shown_max; }
  bool none() const { return problems_.empty(); }

  // Code::invalid with the whole text, in the order of the mistakes:
  //
  //   job.yaml:2:1: there is no key 'resouces'
  //     2 | resouces: {cpus: 1}
  //       | ^~~~~~~~
  //     did you mean 'resources'?
  Error error(const Source& source) const;

 private:
  static constexpr std::size_t shown_max = 25;
  struct Problem {
    Place place;
    std::string message, hint;
  };
  std::vector<Problem> problems_;
};

// "did you mean 'x'?" when a candidate is near to `word`, else "expected one of x, y, z".
std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

// The text without a byte-order mark, its lines ending as here and not as on Windows.
Source with_plain_lines(const Source& given);

// False, with the mistake noted, unless `text` is UTF-8 without control characters, and not too
// large. Everything after this may trust the text.
bool check_text(std::string_view text, Problems& problems, std::size_t bytes_max = text_bytes_max);

// `text` as a message quotes it: on one line, cut when long.
std::string in_quotes(std::string_view text);

}  // namespace mohona

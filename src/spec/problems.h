// The mistakes of one text, collected so that all are shown at once, and notes beside them.
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

  // What the file says is understood, is fine, and changes nothing here. `why` may be empty.
  void no_effect(Place place, std::string what, std::string_view why);
  // What an author should know of a file that has no mistake.
  void note(Place place, std::string message);

  // A line for each note, and one for everything that has no effect:
  //
  //   job.yaml:4: note: 'disk_size' and 'autostop' (line 6) have no effect: Mohona rents no
  //   machines
  std::vector<std::string> notes(const Source& source) const;

  // Whether a word there was told to be `meant` already: "did you mean 'meant'?".
  bool suggested(Place place, std::string_view meant) const;

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
  struct NoEffect {
    Place place;
    std::string what, why;
  };
  std::vector<Problem> problems_;
  std::vector<Problem> notes_;  // without hints
  std::vector<NoEffect> no_effects_;
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

// Scenarios: a fleet, what arrives when, and what must be decided, as text that people read.
//
// A scenario file is its own expectation: `play` runs its commands and gives the whole text back
// with what was really decided. README.md beside this file has the language.
#pragma once

#include <string>

namespace mohona {

// The text with every line that says what happened ("  -> ...", "  | ...") as it happened.
// A line that cannot be understood gives a text of its own: "line 3: there is no key 'nods'".
std::string play(const std::string& text);

}  // namespace mohona

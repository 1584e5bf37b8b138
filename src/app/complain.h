// How a command fails: one message on standard error, and the exit status that says what kind it
// is.
#pragma once

#include <fmt/format.h>

#include <cstdio>

#include "app/exit_status.h"
#include "base/result.h"
#include "base/text.h"

namespace mohona {

inline int complain(const Error& error) {
  // A message about a file has its lines and carets already; it begins with the file's name.
  const bool whole = error.message.ends_with('\n');
  fmt::print(stderr, "{}{}{}", whole ? "" : "mohona: ", printable_lines(error.message),
             whole ? "" : "\n");
  const bool usage =
      error.code == Code::invalid || error.code == Code::not_found || error.code == Code::conflict;
  return usage ? exit_usage : exit_unavailable;
}

}  // namespace mohona

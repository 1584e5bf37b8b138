// Reads a job's log piece by piece, from one attempt to the next.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "app/remote.h"

namespace mohona {

struct LogWhich {
  std::string job;
  std::size_t task = 0, rank = 0;
  std::optional<std::size_t> attempt =
      {};  // from 1; the newest, and those that follow, when absent
};

class LogReader {
 public:
  // `text` gets what the job has written; `next_attempt` is called where another attempt's begins.
  LogReader(Remote& remote, LogWhich which, std::function<void(const std::string&)> text,
            std::function<void(std::size_t)> next_attempt)
      : remote_(remote),
        which_(std::move(which)),
        text_(std::move(text)),
        next_attempt_(std::move(next_attempt)) {}

  // One request. `more`: ask again at once; `done`: nothing can follow.
  struct Step {
    bool more = false, done = false;
    bool started = false;  // there is an attempt
  };
  Result<Step> step();

  // As the API names it: "17.0.2"; empty before the first step.
  const std::string& attempt() const { return attempt_name_; }

 private:
  Remote& remote_;
  LogWhich which_;
  std::function<void(const std::string&)> text_;
  std::function<void(std::size_t)> next_attempt_;
  std::optional<std::size_t> attempt_ = which_.attempt;
  std::uint64_t offset_ = 0;
  std::string attempt_name_;
};

}  // namespace mohona

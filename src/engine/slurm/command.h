// Running a program and reading what it prints, within a time.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/job.h"

namespace mohona::slurm {

struct Printed {
  int status = 0;  // of its exit; 128 + n for signal n
  std::string out, err;
};

// `environment`: all that it sees. Errors: Code::not_found when there is no such
// program; Code::unavailable with Retry::outcome_unknown when it took longer than `within` and was
// killed, or printed more than a bound.
Result<Printed> run(const std::vector<std::string>& words, const Variables& environment,
                    const std::string& input, std::chrono::milliseconds within);

}  // namespace mohona::slurm

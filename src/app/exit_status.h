// What the process's exit status says; scripts rely on these.
#pragma once

namespace mohona {

enum ExitStatus {
  exit_ok = 0,
  exit_job_failed = 1,     // run, wait: a job did not succeed
  exit_differs = 1,        // reconcile: the bill and ours differ by more than rounding
  exit_usage = 2,          // the command or the file is wrong
  exit_unavailable = 3,    // no controller, no room, no answer
  exit_interrupted = 130,  // Ctrl-C
};

}  // namespace mohona

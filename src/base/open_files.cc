#include "base/open_files.h"

namespace mohona {

rlimit open_files_at_start() {
  static const rlimit limit = [] {
    rlimit now{};
    ::getrlimit(RLIMIT_NOFILE, &now);
    return now;
  }();
  return limit;
}

void raise_open_files() {
  rlimit limit = open_files_at_start();
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace mohona

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

std::size_t raise_open_files() {
  constexpr std::size_t plenty = 1u << 20;  // where there is no limit
  rlimit limit = open_files_at_start();
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit = open_files_at_start();
  return limit.rlim_cur == RLIM_INFINITY ? plenty : limit.rlim_cur;
}

}  // namespace mohona

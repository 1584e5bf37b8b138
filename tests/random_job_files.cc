// Writes random job files for the end-to-end tests: random_job_files FIRST_SEED COUNT DIRECTORY
#include <fmt/format.h>

#include <cstdlib>

#include "base/file.h"
#include "spec/random_job_file.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: random_job_files FIRST_SEED COUNT DIRECTORY\n");
    return 2;
  }
  const std::uint64_t first = std::strtoull(argv[1], nullptr, 10);
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  mohona::RandomJobFileOptions options;
  options.small = true;
  options.may_be_damaged = true;
  options.commands = {"true", "echo hello", "exit 3", "sleep 0.2",
                      "printf x > \"$MOHONA_OUTPUT/$MOHONA_RANK-$MOHONA_SHARD_INDEX\"",
                      "kill -9 $$", "sleep 30 & exit 0"};
  options.paths = {"."};
  options.queues = {"default"};
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const mohona::RandomJobFile file = mohona::random_job_file(seed, options);
    if (!mohona::write_file(fmt::format("{}/{}", argv[3], file.name), file.text, false)) return 1;
  }
  return 0;
}

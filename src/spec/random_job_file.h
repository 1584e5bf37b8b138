// Random job files over every key that docs/jobs.md documents, as YAML and as batch scripts. For
// tests only: link mohona_random_job_file.
//
//   for (std::uint64_t seed = 0; seed < cases; ++seed) {
//     const RandomJobFile file = random_job_file(seed, {.small = true});
//     submit(file.name, file.text);
//   }
//
// The same seed and options give the same file on every machine. A file that is not damaged is
// accepted by `parse_job_file`, given a Source with `check_paths = false` or paths that exist. (A
// controller may still refuse it: a queue that the fleet does not have, say.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mohona {

struct RandomJobFileOptions {
  // Jobs that a test machine can run: at most 4 nodes, 6 shards, 2 replicas and 4 jobs a file; no
  // deadline in the past, no pause above a second, no need of a job outside the file. Otherwise
  // values go up to their bounds.
  bool small = false;
  bool may_be_damaged = false;  // then about every third is

  // What to choose from. The defaults are names that need not exist anywhere.
  std::vector<std::string> commands = {"true", "echo hello", "exit 3",
                                       "printf x > \"$MOHONA_OUTPUT/$MOHONA_RANK\""};
  std::vector<std::string> service_commands = {
      "exec python3 -m http.server --bind 127.0.0.1 $MOHONA_PORT"};
  std::vector<std::string> paths = {".", "data", "~/data", "/data"};  // of workdir and file_mounts
  std::vector<std::string> queues = {"default", "research", "prod.a"};
  std::vector<std::string> accelerators = {"H100", "A100", "L4", "B200"};
  std::vector<std::string> clouds = {"aws", "gcp", "azure", "kubernetes", "local"};
  std::vector<std::string> features = {"ib", "nvme", "fast.disk"};
  std::vector<std::string> reservations = {"exam-week"};
};

struct RandomJobFile {
  std::string name;  // "random-17.yaml" or "random-17.sbatch"
  std::string text;
  bool damaged = false;
  std::size_t jobs = 0;  // how many it holds while it is not damaged
};

RandomJobFile random_job_file(std::uint64_t seed, const RandomJobFileOptions& options = {});

}  // namespace mohona

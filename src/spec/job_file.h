// Job files: YAML with SkyPilot's keys and ours, JSON with the same keys, and Slurm batch scripts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/job.h"
#include "spec/source.h"

namespace mohona {

// From the command line. They replace the file's values or fill those that it leaves open.
struct Overrides {
  Variables envs;
  Variables secrets;
};

// Secret values stay out of the spec, which is stored.
struct Submission {
  JobSpec spec;
  Variables secrets;
  friend bool operator==(const Submission&, const Submission&) = default;
};

// The jobs of a file, in its order: a YAML file (several documents are a pipeline) or, when it
// begins with "#!" or holds #SBATCH lines, a Slurm batch script.
//
// A first document of nothing but a name is SkyPilot's pipeline header: each job after it needs
// the one before, unless it says what it needs.
//
// Error: Code::invalid; its message shows every mistake of the file with position, line and caret.
// `notes`: gets a line for everything that is fine and that its author should know, such as keys
// that have no effect here.
Result<std::vector<Submission>> parse_job_file(const Source& source,
                                               const Overrides& overrides = {},
                                               std::vector<std::string>* notes = nullptr);

// One job as a JSON object with the same keys. Relative paths start at `directory`. Errors are
// those of parse_job_file; the text is called "job" in them.
Result<Submission> parse_job_json(std::string_view json, const std::string& directory);

}  // namespace mohona

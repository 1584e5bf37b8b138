// A job while it is being read: what its readers share.
#pragma once

#include "model/job.h"
#include "spec/fields.h"
#include "spec/job_file.h"

namespace mohona {

struct Draft {
  const Source& source;
  const Overrides& overrides;
  Problems& problems;
  const SpecNode& document;
  Submission out = {};
  bool kind_is_said = false;

  JobSpec& spec() { return out.spec; }
};

constexpr std::int64_t gang_nodes_max = 10'000;
constexpr std::int64_t segment_max = 64;       // nodes of a leaf
constexpr std::int64_t shards_max = 100'000;   // as texts; globs are bounded later
constexpr std::int64_t range_max = 1'000'000;  // as the numbers of a range

// `text` as an absolute path: ~ is the home directory, and relative paths start at the source's.
std::string absolute_path(std::string_view text, const Source& source);
// For a place that the job makes: absolute, or inside the working directory and not all of it.
// Empty when it is neither; without a slash at its end.
std::string path_in_workdir(std::string_view text);

// A local path in `out`. Noted as a mistake: a path that does not exist, and cloud storage.
bool read_local_path(const SpecNode& node, std::string& out, Draft& draft, bool must_be_directory);

// The name of a signal without SIG ("TERM"), from "TERM", "SIGTERM", "term"; "" when there is none.
std::string signal_name(std::string_view text);

// Where the readers of single keys live, by topic.
void read_resources(const SpecNode& node, Draft& draft);  // resources.cc
void read_service(const SpecNode& node, Draft& draft);    // service.cc
void read_envs(const SpecNode& node, Draft& draft);       // variables.cc
void read_secrets(const SpecNode& node, Draft& draft);    //
void finish_variables(Draft& draft);                      // the overrides
// `node` with the values of `envs` in place of $NAME and ${NAME}, in its texts and keys, as
// SkyPilot does under workdir, file_mounts and service. What is no variable of the job stays as it
// stands.
SpecNode with_variables(const SpecNode& node, Draft& draft);
void read_shards(const SpecNode& node, Draft& draft);       // work.cc
void read_checkpoint(const SpecNode& node, Draft& draft);   //
void read_retries(const SpecNode& node, Draft& draft);      //
void read_progress(const SpecNode& node, Draft& draft);     //
void read_config(const SpecNode& node, Draft& draft);       //
void read_file_mounts(const SpecNode& node, Draft& draft);  // paths.cc
void read_workdir(const SpecNode& node, Draft& draft);      //
void read_topology(const SpecNode& node, Draft& draft);     // nearness.cc
void read_features(const SpecNode& node, Draft& draft);     //

// What must hold between the keys that say how many nodes, in a YAML or JSON file and anywhere.
void check_nodes(Draft& draft);
void check_segment(const SpecNode& segment, Draft& draft);
void add_feature(const std::string& name, JobSpec& spec);  // once

// A name of any text: what cannot stand in a name is '-'. "job" when nothing is left.
std::string name_from(std::string_view text, std::size_t bytes_max = 63);

// The name of a job that has none: its file's stem, and "-2" for the second document.
std::string default_name(const Source& source, std::size_t document);

// One document of a YAML or JSON job file.
Submission read_job(const SpecNode& document, std::size_t number, const Source& source,
                    const Overrides& overrides, Problems& problems);

// A Slurm batch script (sbatch.cc).
bool is_sbatch(std::string_view text);
Submission read_sbatch(const Source& source, const Overrides& overrides, Problems& problems);

}  // namespace mohona

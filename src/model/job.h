// A job as its author wrote it: a plain value, complete, with every default filled in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/box.h"
#include "base/ids.h"
#include "base/seldom.h"
#include "base/time.h"
#include "model/resources.h"
#include "model/usage.h"

namespace mohona {

enum class Kind : std::uint8_t { task, data, train, serve };

using Variables = std::vector<std::pair<std::string, std::string>>;

// `target` inside the job's working directory, or absolute; `source` an absolute local path.
struct FileMount {
  std::string target, source;
  friend bool operator==(const FileMount&, const FileMount&) = default;
};

// The whole numbers first, first + step, … up to `last`, which is one of them.
struct Indices {
  std::int64_t first = 0, last = 0, step = 1;
  std::int64_t count() const { return (last - first) / step + 1; }
  friend bool operator==(const Indices&, const Indices&) = default;
};

// A data job's parts. Either files to be listed when the job's turn comes (globs, which may name
// $MOHONA_INPUT_…), or items known from the start: texts or, so that a million of them take no
// room, the numbers of a range. `array` marks a Slurm array: its items are its indices.
struct Shards {
  std::vector<std::string> globs;
  std::vector<std::string> items;
  std::optional<Indices> range;
  bool array = false;
  std::int64_t at_once_max = 0;  // 0: as many as fit

  // The items that are known from the start, in whichever form.
  std::int64_t count() const { return range ? range->count() : std::ssize(items); }
  std::string item(std::int64_t place) const {
    return range ? std::to_string(range->first + place * range->step)
                 : items.at(static_cast<std::size_t>(place));
  }
  // The same items are the same work: the first journals have those of a range as texts.
  friend bool operator==(const Shards& a, const Shards& b) {
    if (a.globs != b.globs || a.array != b.array || a.at_once_max != b.at_once_max) return false;
    if (a.range.has_value() == b.range.has_value()) return a.range == b.range && a.items == b.items;
    if (a.count() != b.count()) return false;
    for (std::int64_t i = 0; i < a.count(); ++i) {
      if (a.item(i) != b.item(i)) return false;
    }
    return true;
  }
};

// Data that the work reads, and where it lies: to run elsewhere costs what its cloud takes for
// letting it out.
struct DataInput {
  Location place;
  std::int64_t megabytes = 0;  // 10^6 bytes
  friend auto operator<=>(const DataInput&, const DataInput&) = default;
};

// What survives an attempt, and how the work is told to write it.
struct Checkpoint {
  std::string path;  // as the job sees it, relative to its working directory or absolute
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// How far the work is, beyond what it writes to $MOHONA_PROGRESS by itself.
struct ProgressSpec {
  std::int64_t steps = 0;  // all of them, where that is known before the work runs; 0: it is not
  bool from_log = false;   // lines like those of progress bars, in rank 0's log, say it too
  friend bool operator==(const ProgressSpec&, const ProgressSpec&) = default;
};

// Which processes of an attempt get the signal of a stop: all of them; or of a Slurm batch script
// what it started by `srun` (--signal=USR1@60), or the script's shell alone (--signal=B:USR1@60).
enum class StopTarget : std::uint8_t { everything, steps, shell };

// How work is stopped: hooks, then this signal, then after `grace` KILL of the whole tree.
// `before_limit`: so long before max_duration is reached (Slurm's --signal=SIG@SECONDS); work that
// then leaves with 0 has succeeded.
struct StopPolicy {
  std::string signal = "TERM";
  Duration grace = std::chrono::seconds(30);
  Duration before_limit{0};
  StopTarget target = StopTarget::everything;
  friend bool operator==(const StopPolicy&, const StopPolicy&) = default;
};

// SkyPilot's `config.hooks`: run before the signal, on these events (stop, preemption, down).
struct Hook {
  std::string run;
  std::vector<std::string> events;
  Duration timeout = std::chrono::hours(1);
  friend bool operator==(const Hook&, const Hook&) = default;
};

// How often a task that fails by itself is tried again, and after what pause (doubled each time).
// Losses of a machine are not the work's fault and do not count.
struct Retries {
  std::int64_t max = 0;
  Duration backoff = std::chrono::seconds(1);
  friend bool operator==(const Retries&, const Retries&) = default;
};

struct ReadinessProbe {
  std::string path = "/";
  std::string post_data;  // JSON text: the probe is a POST when there is one
  Duration initial_delay = std::chrono::seconds(1200);
  Duration timeout = std::chrono::seconds(15);
  Duration interval = std::chrono::seconds(1);
  std::int64_t failures_max = 5;  // this many in a row make a ready replica a dead one
  friend bool operator==(const ReadinessProbe&, const ReadinessProbe&) = default;
};

struct Service {
  ReadinessProbe probe;
  std::int64_t replicas = 1;
  friend bool operator==(const Service&, const Service&) = default;
};

// Where a job's commands run: on every node (SkyPilot), or on the first alone, which starts the
// others by `srun` (Slurm).
enum class Script : std::uint8_t { every_node, first_node };

// The levels of a pool's topology, the narrowest first. `anywhere`: the whole pool.
enum class Level { leaf, block, fabric, anywhere };

// How near to each other the nodes of a gang must stand.
struct Nearness {
  Level within = Level::anywhere;  // required: waits rather than be spread wider
  Level prefer = Level::anywhere;  // a pool that can give this goes before a cheaper one
  std::int64_t segment = 1;        // required: each so many nodes, in rank order, share a leaf
  friend auto operator<=>(const Nearness&, const Nearness&) = default;
};

// Jobs wait by the hundred thousand: what few authors say takes no room where it was not said.
struct JobSpec {
  std::string name;
  Kind kind = Kind::task;
  Script script = Script::every_node;
  bool restart_after_loss = true;
  std::string workdir;  // absolute, copied when the job first starts; empty: an empty directory
  Seldom<std::string> submit_directory;  // where the author stood: Slurm scripts run there
  std::int64_t num_nodes = 1;
  std::int64_t min_nodes = 0;  // starts with as few as these; 0: with num_nodes and no fewer
  std::int64_t tasks_per_node = 1;
  Resources resources;
  Nearness nearness;
  Seldom<std::vector<std::string>> features;  // each node carries all of them
  Seldom<std::string> reservation;            // the advance reservation that it may use
  Variables envs;
  Seldom<std::vector<std::string>> secrets;  // names only; values never enter the journal
  Seldom<std::vector<FileMount>> file_mounts;
  Seldom<std::string> setup;
  std::string run;
  Seldom<std::string> output_path, error_path;  // Slurm's, with its % patterns; empty: to the log
  Seldom<std::vector<std::string>> needs;       // names, or numbers of jobs accepted earlier
  Box<Shards> shards;
  std::optional<Duration> max_duration;
  std::optional<Duration> estimate;  // how long its author thinks that it runs; nothing ends it
  std::optional<Timestamp> deadline;
  Box<Checkpoint> checkpoint;
  Seldom<StopPolicy> stop;
  Retries retries;
  std::string queue = "default";
  std::int64_t priority = 0;  // higher first
  std::optional<Money> budget;
  Box<Service> service;
  Seldom<std::vector<Hook>> hooks;
  Box<ProgressSpec> progress;
  Seldom<std::vector<DataInput>> inputs;
  friend bool operator==(const JobSpec&, const JobSpec&) = default;
};
// With the count of those that share it half a KiB, which is one of the sizes that are allocated.
static_assert(sizeof(JobSpec) <= 496);

// One byte: a job may have a million tasks.
enum class JobState : std::uint8_t {
  pending,
  starting,
  running,
  recovering,
  succeeded,
  failed,
  cancelled
};

constexpr bool is_terminal(JobState s) {
  return s == JobState::succeeded || s == JobState::failed || s == JobState::cancelled;
}

}  // namespace mohona

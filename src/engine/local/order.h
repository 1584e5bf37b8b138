// What the engine writes down for a supervisor, and what the supervisor writes down for the engine.
// Files in the attempt's directory are their only channel: either side may die at any moment.
#pragma once

#include <string>
#include <vector>

#include "model/describe.h"

namespace mohona::local {

struct RankOrder {
  Variables environment;
  std::string log, error_log;   // error_log empty: the same file
  std::int64_t cpus_milli = 0;  // 0: no limit
  std::int64_t memory_mib = 0;
  friend bool operator==(const RankOrder&, const RankOrder&) = default;
};

struct Order {
  AttemptId attempt;
  std::string home, job_directory;
  std::string directory;       // where the ranks start
  std::string workdir_source;  // copied to `directory` once a job, when not empty
  std::vector<FileMount> mounts;
  std::string checkpoint, checkpoint_link;  // the directory, and where the job expects it
  std::string setup, run;
  std::vector<Hook> hooks;
  std::vector<RankOrder> ranks;
  std::string published_output;  // a shard's files are moved here once it has succeeded
  std::string output;            // and stand here until then
  std::int64_t port = 0;
  bool progress_from_log = false;
  friend bool operator==(const Order&, const Order&) = default;
};

// "order.json" until the ranks have started (it may hold secrets), then "started.json"; "stop.json"
// when it is to stop; "exit.json", durable, when nothing runs any more.
struct StartedFile {
  std::int64_t pid = 0;           // the supervisor's
  std::uint64_t start_ticks = 0;  // pid alone may be another process by now
  std::string boot;
  std::int64_t port = 0;
  Timestamp at;
  bool progress_from_log = false;  // the spec's, for a controller that adopts it
  friend bool operator==(const StartedFile&, const StartedFile&) = default;
};

struct StopFile {
  std::string signal;
  Duration grace{0};
  Duration within{0};
  std::string event;
  friend bool operator==(const StopFile&, const StopFile&) = default;
};

struct ExitFile {
  Outcome outcome;
  Timestamp at;
  friend bool operator==(const ExitFile&, const ExitFile&) = default;
};

// The variable that marks every process of an attempt; its value is the attempt's directory.
constexpr const char* mark_variable = "MOHONA_ATTEMPT_DIRECTORY";

}  // namespace mohona::local

namespace mohona {

template <class V>
void describe(V&& v, Tag<local::RankOrder>) {
  v("environment", &local::RankOrder::environment);
  v("log", &local::RankOrder::log);
  v("error_log", &local::RankOrder::error_log);
  v("cpus_milli", &local::RankOrder::cpus_milli);
  v("memory_mib", &local::RankOrder::memory_mib);
}
template <class V>
void describe(V&& v, Tag<local::Order>) {
  v("attempt", &local::Order::attempt);
  v("home", &local::Order::home);
  v("job_directory", &local::Order::job_directory);
  v("directory", &local::Order::directory);
  v("workdir_source", &local::Order::workdir_source);
  v("mounts", &local::Order::mounts);
  v("checkpoint", &local::Order::checkpoint);
  v("checkpoint_link", &local::Order::checkpoint_link);
  v("setup", &local::Order::setup);
  v("run", &local::Order::run);
  v("hooks", &local::Order::hooks);
  v("ranks", &local::Order::ranks);
  v("published_output", &local::Order::published_output);
  v("output", &local::Order::output);
  v("port", &local::Order::port);
  v("progress_from_log", &local::Order::progress_from_log);
}
template <class V>
void describe(V&& v, Tag<local::StartedFile>) {
  v("pid", &local::StartedFile::pid);
  v("start_ticks", &local::StartedFile::start_ticks);
  v("boot", &local::StartedFile::boot);
  v("port", &local::StartedFile::port);
  v("at", &local::StartedFile::at);
  v("progress_from_log", &local::StartedFile::progress_from_log);
}
template <class V>
void describe(V&& v, Tag<local::StopFile>) {
  v("signal", &local::StopFile::signal);
  v("grace", &local::StopFile::grace);
  v("within", &local::StopFile::within);
  v("event", &local::StopFile::event);
}
template <class V>
void describe(V&& v, Tag<local::ExitFile>) {
  v("outcome", &local::ExitFile::outcome);
  v("at", &local::ExitFile::at);
}

}  // namespace mohona

// What the engine writes down for a supervisor, and what the supervisor writes down for the engine.
// Files in the attempt's directory are their only channel: either side may die at any moment.
#pragma once

#include <string>
#include <vector>

#include "model/describe.h"

namespace mohona::host {

struct RankOrder {
  Variables environment;        // beside the order's
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
  Variables environment;  // of every rank
  std::vector<RankOrder> ranks;
  std::string published_output;  // a shard's files are moved here once it has succeeded
  std::string output;            // and stand here until then
  std::int64_t port = 0;
  bool progress_from_log = false;
  bool slurm = false;   // started by a Slurm job, whose step the ranks are when there are several
  bool serves = false;  // its port is chosen where it starts
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
  StopTarget target = StopTarget::everything;
  friend bool operator==(const StopFile&, const StopFile&) = default;
};

struct ExitFile {
  Outcome outcome;
  Timestamp at;
  friend bool operator==(const ExitFile&, const ExitFile&) = default;
};

// The variable that marks every process of an attempt; its value is the attempt's directory.
constexpr const char* mark_variable = "MOHONA_ATTEMPT_DIRECTORY";

}  // namespace mohona::host

namespace mohona {

template <class V>
void describe(V&& v, Tag<host::RankOrder>) {
  v("environment", &host::RankOrder::environment);
  v("log", &host::RankOrder::log);
  v("error_log", &host::RankOrder::error_log);
  v("cpus_milli", &host::RankOrder::cpus_milli);
  v("memory_mib", &host::RankOrder::memory_mib);
}
template <class V>
void describe(V&& v, Tag<host::Order>) {
  v("attempt", &host::Order::attempt);
  v("home", &host::Order::home);
  v("job_directory", &host::Order::job_directory);
  v("directory", &host::Order::directory);
  v("workdir_source", &host::Order::workdir_source);
  v("mounts", &host::Order::mounts);
  v("checkpoint", &host::Order::checkpoint);
  v("checkpoint_link", &host::Order::checkpoint_link);
  v("setup", &host::Order::setup);
  v("run", &host::Order::run);
  v("hooks", &host::Order::hooks);
  v("environment", &host::Order::environment);
  v("ranks", &host::Order::ranks);
  v("published_output", &host::Order::published_output);
  v("output", &host::Order::output);
  v("port", &host::Order::port);
  v("progress_from_log", &host::Order::progress_from_log);
  v("slurm", &host::Order::slurm);
  v("serves", &host::Order::serves);
}
template <class V>
void describe(V&& v, Tag<host::StartedFile>) {
  v("pid", &host::StartedFile::pid);
  v("start_ticks", &host::StartedFile::start_ticks);
  v("boot", &host::StartedFile::boot);
  v("port", &host::StartedFile::port);
  v("at", &host::StartedFile::at);
  v("progress_from_log", &host::StartedFile::progress_from_log);
}
template <class V>
void describe(V&& v, Tag<host::StopFile>) {
  v("signal", &host::StopFile::signal);
  v("grace", &host::StopFile::grace);
  v("within", &host::StopFile::within);
  v("event", &host::StopFile::event);
  v("target", &host::StopFile::target);
}
template <class V>
void describe(V&& v, Tag<host::ExitFile>) {
  v("outcome", &host::ExitFile::outcome);
  v("at", &host::ExitFile::at);
}

}  // namespace mohona

// What follows from what is seen of an attempt: its files on one side, Slurm's word on the other.
// No clock and no I/O: a table of cases.
#pragma once

#include <optional>

#include "engine/host/order.h"
#include "engine/slurm/link.h"
#include "engine/slurm/records.h"

namespace mohona::slurm {

// An attempt that was launched and not forgotten.
struct Tracked {
  Mark mark;
  Report report;
  bool changed = false;      // since the engine was last asked for changes
  bool changed_now = false;  // by the judgement at hand
  bool last_steps_read = false;
  bool stopping = false;
  Duration stop_within{0};
  std::optional<Steady::time_point> signalled_at, kill_at, cancelled_at;
  std::string job;            // in Slurm, as it was called last
  std::string why_cancelled;  // by us: before it began, or begun again
  std::optional<Steady::time_point> waits_since, start_seen_at, exit_seen_at, end_seen_at,
      missed_at;

  void ask_to_stop(Duration within) {
    stopping = true;
    stop_within = within;
  }
  void end(Outcome outcome, std::optional<Timestamp> at = std::nullopt) {
    report.phase = Phase::ended;
    report.outcome = std::move(outcome);
    report.ended_at = at;
    changed_now = true;
  }
};

// The files of an attempt.
struct Seen {
  std::optional<host::StartedFile> started;
  std::optional<host::ExitFile> exit;
};

// What is to be done about it; all of it may be repeated.
struct Judgement {
  std::string cancel, signal, past;  // the job, "" for none
  bool look = false;                 // Slurm is to be asked again now
  bool withdraw = false;             // not to be submitted, if it was not yet
  std::string refused;               // in the cluster's words
};

// Brings `known` up to date. `comment`: of its batch; `submitted`: the link has nothing left to do
// about it.
Judgement judge(Tracked& known, const Seen& seen, const View& view, const std::string& comment,
                bool submitted, Steady::time_point now);

Outcome stopped_before_it_began();

}  // namespace mohona::slurm

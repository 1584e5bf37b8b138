#include "engine/slurm/judge.h"

#include <signal.h>

#include "engine/slurm/words.h"

namespace mohona::slurm {
namespace {

using namespace std::chrono_literals;

// How long work may wait in Slurm for the nodes that it was given. Then others have taken them, and
// it is placed anew.
constexpr auto waits_max = 60s;
// Slurm learns of the end of a job after its script has ended, and a shared file system shows a
// file some time after it was written.
constexpr auto words_within = 15s;
// Where ranks were killed and Slurm may have done it.
constexpr auto killed_words_within = 3s;
constexpr auto file_visible_within = 3s;
// How long a job may be missing from Slurm's answers before it is taken for gone.
constexpr auto missing_max = file_visible_within;
// After the time for its stop is over, the supervisor has that long to write its end.
constexpr auto stop_margin = 5s;
constexpr auto signal_again_after = 5s;
constexpr auto cancel_again_after = 5s;

constexpr std::string_view requeued = "Slurm put its job back in line";

bool elapsed(const std::optional<Steady::time_point>& since, Steady::time_point now,
             Steady::duration span) {
  return since && now - *since >= span;
}

// By Slurm, when it takes the nodes of some ranks away: the supervisor, where it is left, sees no
// more than that they have ended.
bool is_killed(const Outcome& outcome) {
  return outcome.end == End::exited && !outcome.stopped &&
         (outcome.exit_code == 128 + SIGTERM || outcome.exit_code == 128 + SIGKILL);
}

// Of the ends that Slurm knows, those that are no fault of the work.
bool is_taken_away(std::string_view state) {
  const std::string_view word = state.substr(0, state.find_first_of(" +"));
  return word == "NODE_FAIL" || word == "PREEMPTED" || word == "CANCELLED" || word == "BOOT_FAIL";
}

Outcome lost(std::string why) { return Outcome{End::lost, 0, false, std::move(why)}; }

void cancel(Tracked& known, const JobInfo& job, Steady::time_point now, Judgement& out) {
  if (known.cancelled_at && now - *known.cancelled_at < cancel_again_after) return;
  known.cancelled_at = now;
  out.cancel = job.id;
}

// Its ranks were killed: by Slurm, which says so soon when it is asked, or by somebody else. Time
// alone tells nothing: a cluster that has just lost a node may be slow to answer.
void judge_killed(Tracked& known, const host::ExitFile& exit, const JobInfo* job, const View& view,
                  Steady::time_point now, Judgement& out) {
  if (!known.exit_seen_at) known.exit_seen_at = now;
  const bool ended = job && job->phase == JobPhase::ended;
  const bool ending = job && job->state.starts_with("COMPLETING");
  if (ended && is_taken_away(job->state)) return known.end(lost(describe_end(job->state)), exit.at);
  const bool asked_since = view.jobs_at && elapsed(known.exit_seen_at, *view.jobs_at,
                                                   ending ? words_within : killed_words_within);
  if (ended || asked_since) {
    return known.end(exit.outcome, exit.at);
  }
  out.look = elapsed(known.exit_seen_at, now, 200ms);
}

// The supervisor has written how it ended. When Slurm ended it, Slurm knows why.
void judge_exit(Tracked& known, const host::ExitFile& exit, const JobInfo* job, const View& view,
                bool fresh, Steady::time_point now, Judgement& out) {
  if (exit.outcome.end != End::lost) {
    const bool by_us = known.stopping || !known.why_cancelled.empty();
    if (is_killed(exit.outcome) && !by_us) return judge_killed(known, exit, job, view, now, out);
    return known.end(exit.outcome, exit.at);
  }
  // Slurm ended it because we asked for that: it is stopped, as it was to be.
  if (known.stopping && known.cancelled_at && known.why_cancelled.empty()) {
    return known.end(Outcome{End::exited, 143, true, ""}, exit.at);
  }
  if (!known.exit_seen_at) known.exit_seen_at = now;
  std::string why = known.why_cancelled;
  if (why.empty() && fresh && job && job->phase == JobPhase::pending) {
    why = requeued;
    cancel(known, *job, now, out);
  }
  if (why.empty() && job && job->phase == JobPhase::ended) why = describe_end(job->state);
  const bool knows = !why.empty() || (job && job->phase == JobPhase::ended);
  if (!knows && !elapsed(known.exit_seen_at, now, words_within)) {
    out.look = elapsed(known.exit_seen_at, now, 200ms);
    return;
  }
  known.end(lost(why.empty() ? exit.outcome.detail : why), exit.at);
}

// Slurm says that it ended, and no file says how.
void judge_end(Tracked& known, const Seen& seen, const JobInfo& job, Steady::time_point now,
               Judgement& out) {
  if (!known.end_seen_at) known.end_seen_at = now;
  if (!elapsed(known.end_seen_at, now, seen.started ? file_visible_within : 1s)) return;
  if (!seen.started && known.stopping) return known.end(stopped_before_it_began());
  std::string why = !known.why_cancelled.empty() ? known.why_cancelled : describe_end(job.state);
  if (!seen.started && job.state == "FAILED" && !job.reason.empty()) {
    why = "Slurm cannot run it: " + job.reason;
    out.refused = job.reason;
  }
  if (why.empty()) why = "its Slurm job ended without a word of it";
  known.end(seen.started ? lost(why) : Outcome{End::not_launched, 0, false, why});
}

// Slurm has no such job: it was never there, or it has ended and is forgotten.
void judge_missing(Tracked& known, const Seen& seen, const View& view, Steady::time_point now,
                   Judgement& out) {
  if (!known.missed_at) known.missed_at = now;
  const bool late = elapsed(known.missed_at, now, missing_max);
  if (!late || !view.jobs_at || *view.jobs_at <= *known.missed_at) {
    out.look = late;
    return;
  }
  if (!seen.started && known.stopping) return known.end(stopped_before_it_began());
  if (!seen.started) {
    return known.end(Outcome{End::not_launched, 0, false, "Slurm does not know its job any more"});
  }
  std::string why;
  if (const auto past = view.past.find(known.job); past != view.past.end()) {
    why = describe_end(past->second);
  } else if (!known.job.empty() && !elapsed(known.missed_at, now, words_within)) {
    out.past = known.job;
    return;
  }
  known.end(lost(!why.empty() ? why
                              : "Slurm does not know its job any more, and nobody wrote how it "
                                "ended"));
}

void judge_stop(Tracked& known, const JobInfo& job, Steady::time_point now, Judgement& out) {
  if (!known.kill_at) {
    known.kill_at = now + std::chrono::ceil<Steady::duration>(known.stop_within) + stop_margin;
  }
  if (now >= *known.kill_at) return cancel(known, job, now, out);
  // A loss of the signal costs a second: the supervisor also looks for the file.
  if (known.signalled_at && now - *known.signalled_at < signal_again_after) return;
  known.signalled_at = now;
  out.signal = job.id;
}

void judge_pending(Tracked& known, const Seen& seen, const JobInfo& job, bool fresh,
                   Steady::time_point now, Judgement& out) {
  if (seen.started && !fresh) {  // an answer from before it began
    if (known.stopping) judge_stop(known, job, now, out);
    return;
  }
  if (known.stopping) return cancel(known, job, now, out);
  if (seen.started) {
    known.why_cancelled = requeued;
    return cancel(known, job, now, out);
  }
  // Not from the launch: the cluster may have been silent for long.
  if (!known.waits_since) known.waits_since = now;
  if (!elapsed(known.waits_since, now, waits_max)) return;
  known.why_cancelled =
      fmt::format("its nodes were not free in Slurm within {} s{}", waits_max.count(),
                  job.reason.empty() ? "" : fmt::format(" ({})", job.reason));
  cancel(known, job, now, out);
}

}  // namespace

Outcome stopped_before_it_began() {
  return Outcome{End::exited, 143, true, "stopped before it began"};
}

Judgement judge(Tracked& known, const Seen& seen, const View& view, const std::string& comment,
                bool submitted, Steady::time_point now) {
  Judgement out;
  if (seen.started && known.report.phase == Phase::launched) {
    known.report.phase = Phase::running;
    known.report.port = seen.started->port;
    known.report.started_at = seen.started->at;
    known.changed_now = true;
  }
  if (seen.started && !known.start_seen_at) known.start_seen_at = now;
  const JobInfo* job = view.find(comment, known.mark.slot);
  const bool fresh = known.start_seen_at && view.jobs_at && *view.jobs_at > *known.start_seen_at;
  if (seen.exit) {
    judge_exit(known, *seen.exit, job, view, fresh, now, out);
    return out;
  }
  if (const auto refused = view.refused.find(comment); refused != view.refused.end()) {
    out.refused = refused->second;
    known.end({End::not_launched, 0, false, "Slurm refuses it: " + refused->second});
    return out;
  }
  if (!submitted) {
    out.withdraw = known.stopping;
    return out;
  }
  if (!job) {
    judge_missing(known, seen, view, now, out);
    return out;
  }
  known.missed_at.reset();
  known.job = job->id;
  switch (job->phase) {
    case JobPhase::pending:
      judge_pending(known, seen, *job, fresh, now, out);
      break;
    case JobPhase::running:
      if (known.stopping) judge_stop(known, *job, now, out);
      break;
    case JobPhase::ended:
      judge_end(known, seen, *job, now, out);
      break;
  }
  return out;
}

}  // namespace mohona::slurm

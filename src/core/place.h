// Between jobs as their authors wrote them and the scheduler, which knows needs, grants and holds.
#pragma once

#include "core/schedule/scheduler.h"
#include "core/state.h"

namespace mohona {

// What a start is taken to cost before the work goes on: a machine, setup, the checkpoint.
constexpr Duration restart_time = std::chrono::minutes(10);

// How long a job may hold its nodes after it is placed: its max_duration, what it may take to
// start, and what it may take to leave. Duration::max() if it names no max_duration.
Duration hold_limit(const JobSpec& spec);

// What work is taken to last where nothing at all is known of it.
constexpr Duration unknown_time = std::chrono::hours(1);

// How long work will probably run on so many nodes: by its author's estimate, else by what work
// like it took, and never longer than its max_duration. Nothing: neither is known.
std::optional<Duration> probable_time(const State& state, const JobSpec& spec, std::int64_t nodes);

Needs needs_of(const JobSpec& spec);

// A grant as attempts record it, and back.
std::vector<Holding> to_holdings(const Space& space, const Grant& grant);
Grant to_grant(const Space& space, const Demand& demand, const std::vector<Holding>& holdings);

// What runs, as the scheduler sees it.
Running to_running(const State& state, const Job& job, const Attempt& attempt);

// What a decision of the scheduler's means for jobs.
Facts start_facts(const State& state, const JobEntry& entry, const Start& start, Timestamp now);
Facts keep_facts(const State& state, const Keep& keep, Timestamp now);

// What is decided next about what waits; empty when nothing more is. The caller applies it before
// it asks again.
//
//   state.scheduler().begin(now);
//   for (Facts facts = place_next(state, now); !facts.empty(); ...)
Facts place_next(State& state, Timestamp now);

}  // namespace mohona

#include "core/explain.h"

#include <algorithm>

#include "base/text.h"
#include "core/deadline.h"
#include "core/explain_text.h"
#include "core/ledger/usage.h"
#include "core/schedule/emptying.h"
#include "model/names.h"
#include "model/node_ranges.h"

namespace mohona {

// Thousandths of a core as cores: 1500 -> "1.5".
std::string cores(std::int64_t milli) {
  std::string text = fmt::format("{}.{:03}", milli / 1'000, milli % 1'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string memory(std::int64_t mib) {
  return mib % 1'024 == 0 ? fmt::format("{} GiB", mib / 1'024) : fmt::format("{} MiB", mib);
}

std::string describe(const Demand& demand) {
  std::string text =
      fmt::format("{} core{}", cores(demand.cpus_milli), demand.cpus_milli == 1'000 ? "" : "s");
  if (demand.memory_mib > 0) text += ", " + memory(demand.memory_mib);
  const std::string gpu = demand.gpu.empty() ? "GPUs of any kind" : demand.gpu;
  if (demand.gpus > 0) text += fmt::format(", {} {}", demand.gpus, gpu);
  if (demand.gpu_milli > 0) text += fmt::format(", {} of one {}", cores(demand.gpu_milli), gpu);
  return text;
}

std::string_view nodes(std::int64_t n) { return n == 1 ? "node" : "nodes"; }

std::string size_of(const JobSpec& spec) {
  const std::int64_t least = spec.min_nodes > 0 ? spec.min_nodes : spec.num_nodes;
  if (least < spec.num_nodes) return fmt::format("{} to {} nodes", least, spec.num_nodes);
  return fmt::format("{} {}", spec.num_nodes, nodes(spec.num_nodes));
}

std::string where(const Nearness& near) {
  std::string text;
  if (near.segment > 1) text += fmt::format(", every {} of them in one leaf", near.segment);
  if (near.within != Level::anywhere) text += fmt::format(", all in one {}", name(near.within));
  return text;
}

namespace {

// When the demand will probably fit on the node, as those leave of whom it is known when. Nothing:
// others would have to leave as well.
std::optional<Timestamp> fits_from(const State& state, const Space& space, const Demand& demand,
                                   NodeIndex i) {
  const Node& node = space.node(i);
  if (space.fits(node, demand)) return Timestamp{};
  std::vector<std::pair<Timestamp, const Running*>> leaving;
  space.for_occupants(node, [&](OccupantId who) {
    const Running& run = state.scheduler().running(who);
    const bool known = run.certain() || state.live_attempt(run.id).ends_at;
    if (known && (!run.endless || run.stopping)) leaving.emplace_back(run.expected, &run);
  });
  std::sort(leaving.begin(), leaving.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second->id) < std::tie(b.first, b.second->id);
  });
  Emptying then(space, state.scheduler().all_running(), i);
  for (const auto& [at, run] : leaving) {
    then.leaves(*run);
    if (then.fits(demand)) return at;
  }
  return std::nullopt;
}

// When it will probably start on what is kept for it, by what is known by now of the work there,
// which may have told more since then. Nothing: of some of it nothing is known.
std::optional<Timestamp> expected_start(const State& state, const Job& job) {
  const NodesKept& kept = *job.kept;
  const auto pool = state.scheduler().find_pool(kept.pool);
  if (!pool) return std::nullopt;
  const Space& space = state.scheduler().space(*pool);
  std::optional<Timestamp> best;  // of its ways to run there
  for (const Choice& choice : job.spec->resources.choices) {
    std::optional<Timestamp> at = kept.at;
    for (const NodeRange& range : kept.nodes) {
      const std::int64_t end = std::min<std::int64_t>(range.last + 1, space.nodes());
      for (std::int64_t i = range.first; i < end && at; ++i) {
        const auto from = fits_from(state, space, choice.demand, static_cast<NodeIndex>(i));
        at = from ? std::optional(std::max(*at, *from)) : std::nullopt;
      }
    }
    if (at && shape_takes(space.pool().shape, choice.demand) && (!best || *at < *best)) best = at;
  }
  return best;
}

// What is kept for it, and when it starts.
std::string promise(const State& state, const JobEntry& entry, Timestamp now) {
  if (!entry.job.kept) return {};
  const NodesKept& kept = *entry.job.kept;
  const auto expected = expected_start(state, entry.job);
  const std::int64_t n = count_nodes(kept.nodes);
  if (kept.preempting) {
    return fmt::format("; other work is being stopped to make room on {} {} of {}: it starts by {}",
                       n, nodes(n), kept.pool, format_timestamp(kept.start));
  }
  std::string text =
      fmt::format("; {} {} of {} {} kept for it", n, nodes(n), kept.pool, n == 1 ? "is" : "are");
  if (kept.promised && now <= kept.start) {
    text += ": it starts no later than " + format_timestamp(kept.start);
    if (!expected || *expected >= kept.start || *expected < now) return text;
    return text + ", probably about " + format_timestamp(*expected);
  }
  if (kept.promised) {
    return text + fmt::format(": it was to start by {}, but what runs there has not left in time",
                              format_timestamp(kept.start));
  }
  constexpr std::string_view why = "some of what runs there has no max_duration";
  if (!expected || *expected < now) {
    return text + fmt::format(": when it starts cannot be told, because {}", why);
  }
  return text + fmt::format(": it starts probably about {}, which cannot be promised because {}",
                            format_timestamp(*expected), why);
}

std::string why_out_of_line(const JobEntry& entry, Timestamp now) {
  const Job& job = entry.job;
  const auto at_once = job.spec->shards ? job.spec->shards->at_once_max : 0;
  if (at_once > 0 && entry.live >= at_once) {
    return fmt::format("runs {} of its shards at once, as many as it asked for", entry.live);
  }
  if (budget_spent(job, now)) return "has used up its budget: nothing of it starts any more";
  return "waits until what it has started has ended";
}

std::string waits_for_needs(const State& state, const JobEntry& entry) {
  std::vector<std::string> parts;
  for (const JobId id : entry.unmet) {
    const Job& needed = state.find(id)->job;
    parts.push_back(
        fmt::format("{} (job {}, {})", needed.spec->name, id.value, name(needed.state)));
  }
  return fmt::format("waits for {}", join(parts, " and "));
}

// "; 450 of 1000 steps are done, all of them probably about 2026-…".
std::string how_far(const Job& job, Timestamp now) {
  const Attempt& attempt = job.attempts.back();
  if (job.tasks.size() != 1 || !attempt.steps) return {};
  const Steps& steps = *attempt.steps;
  if (steps.total == 0) return fmt::format("; {} steps are done", steps.done);
  std::string text = fmt::format("; {} of {} steps are done", steps.done, steps.total);
  if (attempt.ends_at && *attempt.ends_at >= now && steps.done > steps.first_done) {
    text += ", all of them probably about " + format_timestamp(*attempt.ends_at);
  }
  return text;
}

// Being stopped, to go on later: for what, and until when.
std::string why_it_stops(const State& state, const Attempt& attempt) {
  const std::string until =
      attempt.gone_by ? fmt::format(" and leaves by {}", format_timestamp(*attempt.gone_by)) : "";
  if (attempt.stopping == StopReason::preempted) {
    const JobEntry* other = state.find(attempt.for_job);
    const std::string whom =
        other ? fmt::format("{} (job {})", other->job.spec->name, attempt.for_job.value)
              : "other work";
    return fmt::format("makes room for {} on {}{}", whom, attempt.pool, until);
  }
  if (attempt.stopping == StopReason::deadline) {
    return fmt::format("leaves {} to go on demand{}: on spot it might not be done by {}",
                       attempt.pool, until,
                       format_timestamp(*state.find(attempt.id.job)->job.spec->deadline));
  }
  return fmt::format("leaves {}, which was taken back{}", attempt.pool,
                     attempt.gone_by ? ", by " + format_timestamp(*attempt.gone_by) : "");
}

// Where attempts of it hold nodes, in the attempts' order.
std::vector<std::string> pools_of(const State& state, const Job& job) {
  std::vector<std::string> pools;
  for (auto it = state.live().lower_bound({job.id, 0, 0});
       it != state.live().end() && it->first.job == job.id; ++it) {
    const std::string& pool = it->second.attempt->pool;
    if (std::find(pools.begin(), pools.end(), pool) == pools.end()) pools.push_back(pool);
  }
  return pools;
}

// "; a-local is out of reach (…)" for each pool where it runs and whose controller does not lead.
std::string out_of_reach(const State& state, const Job& job) {
  std::string out;
  for (const std::string& name : pools_of(state, job)) {
    const PoolRecord* pool = state.find_pool(name);
    if (!pool) continue;
    const auto away = std::find_if(pool->nodes.begin(), pool->nodes.end(),
                                   [](const NodesChanged& n) { return n.by == by_lead; });
    if (away == pool->nodes.end()) continue;
    out += fmt::format("; {} is out of reach ({}), and what it does there is not known", name,
                       away->reason);
  }
  return out;
}

std::string where_it_runs(const State& state, const Job& job, Timestamp now) {
  const auto begin = state.live().lower_bound({job.id, 0, 0});
  if (begin != state.live().end() && begin->first.job == job.id) {
    const Attempt& attempt = *begin->second.attempt;
    const bool only = job.tasks.size() == 1;
    if (only &&
        (attempt.stopping == StopReason::preempted || attempt.stopping == StopReason::reclaimed ||
         attempt.stopping == StopReason::deadline)) {
      return why_it_stops(state, attempt);
    }
  }
  return fmt::format("is {} on {}, the cheapest that fitted; it has cost {} so far{}{}",
                     name(job.state), join(pools_of(state, job), ", "),
                     format_money(cost_of(job, now)), how_far(job, now), out_of_reach(state, job));
}

}  // namespace

Explanation explain(const State& state, const JobEntry& entry, Timestamp now) {
  const Job& job = entry.job;
  Explanation out;
  if (is_terminal(job.state)) {
    out.headline = fmt::format("{} at {}", name(job.state), format_timestamp(*job.ended_at));
    if (!job.reason.empty()) out.headline += ": " + *job.reason;
    return out;
  }
  if (job.cancelling) {
    out.headline = "is being cancelled; its attempts are stopping" + out_of_reach(state, job);
    return out;
  }
  if (entry.live > 0 && entry.ready.empty()) {
    out.headline = where_it_runs(state, job, now);
    return out;
  }
  if (!entry.unmet.empty()) {
    out.headline = waits_for_needs(state, entry);
    return out;
  }
  if (!job.expanded) {
    out.headline = "waits until its shards are listed";
    return out;
  }
  for (const auto& [first, run] : job.tasks.notes()) {
    if (run.note.not_before > now) {
      out.headline = fmt::format("pauses {} before the next attempt: {}",
                                 format_duration(run.note.not_before - now), run.note.reason);
      return out;
    }
  }
  if (!entry.waiting) {
    out.headline = why_out_of_line(entry, now);
    return out;
  }
  const std::size_t ahead = state.scheduler().ahead(*entry.waiting);
  const JobSpec& spec = *job.spec;
  const std::string line =
      state.queues().empty() ? "in the queue" : fmt::format("in the queue {}", spec.queue);
  out.headline = fmt::format(
      "waits for room: {} of {}{}; {} ahead of it {}", size_of(spec),
      describe(spec.resources.choices.front().demand), where(spec.nearness),
      ahead == 0 ? "nothing" : fmt::format("{} job{}", ahead, ahead == 1 ? "" : "s"), line);
  out.headline +=
      promise(state, entry, now) + explain_plan(state, entry) + explain_deadline(state, entry, now);
  if (state.pools().empty()) out.headline += "; the fleet has no pools";
  out.pools = explain_pools(state, entry, now);
  out.waits_for_room = true;
  out.fits_nowhere = state.scheduler().targets(*entry.waiting).empty();
  return out;
}

}  // namespace mohona

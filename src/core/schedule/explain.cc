#include "core/schedule/explain.h"

#include <algorithm>

#include "base/text.h"
#include "core/ledger/usage.h"
#include "model/names.h"

namespace mohona {
namespace {

// Thousandths of a core as cores: 1500 -> "1.5".
std::string cores(std::int64_t milli) {
  std::string text = fmt::format("{}.{:03}", milli / 1'000, milli % 1'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string describe(const Demand& demand) {
  std::string text =
      fmt::format("{} core{}", cores(demand.cpus_milli), demand.cpus_milli == 1'000 ? "" : "s");
  if (demand.memory_mib > 0) text += fmt::format(", {} MiB", demand.memory_mib);
  if (demand.gpus > 0)
    text +=
        fmt::format(", {} {}", demand.gpus, demand.gpu.empty() ? "GPUs of any kind" : demand.gpu);
  return text;
}

std::string describe(const Shape& shape) {
  return describe(Demand{shape.cpus_milli, shape.memory_mib, shape.gpu, shape.gpus});
}

std::string_view nodes(std::int64_t n) { return n == 1 ? "node" : "nodes"; }

// Who holds the pool: the jobs whose end would make room.
std::string holders(const State& state, const std::string& pool) {
  constexpr std::size_t named_max = 3;
  std::vector<std::string> names;
  JobId last;
  std::size_t more = 0;
  for (const auto& [id, live] : state.live()) {
    if (id.job == last || live.attempt->pool != pool) continue;
    last = id.job;
    if (names.size() == named_max) {
      ++more;
      continue;
    }
    names.push_back(fmt::format("{} (job {})", state.find(id.job)->job.spec->name, id.job.value));
  }
  std::string text = join(names, " or ");
  if (more > 0) text += fmt::format(" or one of {} others", more);
  return text;
}

PoolExplanation explain_pool(const State& state, const PoolCapacity& capacity, const Choice& choice,
                             std::int64_t num_nodes, const Fit& fit) {
  const Pool& pool = capacity.pool();
  PoolExplanation out{pool.name, "", ""};
  switch (fit.barrier) {
    case Barrier::place:
      out.why = fmt::format("is {} in {}/{}{}, which the job did not ask for", pool.shape.name,
                            pool.cloud, pool.region, pool.zone.empty() ? "" : "/" + pool.zone);
      break;
    case Barrier::purchase:
      out.why = fmt::format("is paid as {}; the job asks for {}", name(pool.purchase),
                            choice.use_spot ? "spot alone" : "no spot");
      out.lift = fmt::format("add {{use_spot: {}}} to resources.any_of", !choice.use_spot);
      break;
    case Barrier::shape:
      out.why = fmt::format("has nodes of {}; the job needs {} on one", describe(pool.shape),
                            describe(choice.demand));
      out.lift = "ask for less a node";
      break;
    case Barrier::nodes:
      out.why = fmt::format("is too small, also when empty: the job needs {} {} of {}", num_nodes,
                            nodes(num_nodes), describe(choice.demand));
      out.lift = "ask for fewer nodes, or add nodes to the pool";
      break;
    case Barrier::reclaimed:
      out.why = fmt::format("was taken back by {} at {}", pool.cloud,
                            format_timestamp(*capacity.record().reclaimed_at));
      out.lift = fmt::format("starts when it returns: mohona pools restore {}", pool.name);
      break;
    case Barrier::busy:
      out.why = fmt::format("has room for {} of the {} {} that the job needs ({} each)", fit.room,
                            num_nodes, nodes(num_nodes), describe(choice.demand));
      out.lift = fmt::format("starts when {} ends", holders(state, pool.name));
      break;
    case Barrier::none:
      out.why = "has room; the job starts at once";
      break;
  }
  return out;
}

// For each pool the choice that comes nearest to a start.
std::vector<PoolExplanation> explain_pools(const State& state, const JobSpec& spec) {
  std::vector<std::pair<Barrier, PoolExplanation>> rows;
  for (const auto& [pool_name, capacity] : state.pools()) {
    const Choice* nearest_choice = nullptr;
    Fit nearest_fit;
    for (const Choice& choice : spec.resources.choices) {
      const Fit fit = check(capacity, choice, spec.num_nodes);
      if (!nearest_choice || fit.barrier > nearest_fit.barrier) {
        nearest_choice = &choice, nearest_fit = fit;
      }
    }
    rows.emplace_back(nearest_fit.barrier,
                      explain_pool(state, capacity, *nearest_choice, spec.num_nodes, nearest_fit));
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<PoolExplanation> out;
  for (auto& row : rows) out.push_back(std::move(row.second));
  return out;
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

// How many waiting jobs are placed before this one.
std::size_t ahead_of(const State& state, const Job& job) {
  const Order mine{job.spec->priority, job.id};
  std::size_t ahead = 0;
  for (const auto& [needs, orders] : state.queue()) {
    for (const Order& order : orders) {
      if (!(order < mine)) break;
      ++ahead;
    }
  }
  return ahead;
}

std::string where_it_runs(const State& state, const Job& job, Timestamp now) {
  std::vector<std::string> places;
  for (auto it = state.live().lower_bound({job.id, 0, 0});
       it != state.live().end() && it->first.job == job.id; ++it) {
    const std::string& pool = it->second.attempt->pool;
    if (std::find(places.begin(), places.end(), pool) == places.end()) places.push_back(pool);
  }
  return fmt::format("is {} on {}, the cheapest that fitted; it has cost {} so far",
                     name(job.state), join(places, ", "), format_money(cost_of(job, now)));
}

}  // namespace

Explanation explain(const State& state, const JobEntry& entry, Timestamp now) {
  const Job& job = entry.job;
  Explanation out;
  if (is_terminal(job.state)) {
    out.headline = fmt::format("{} at {}", name(job.state), format_timestamp(*job.ended_at));
    if (!job.reason.empty()) out.headline += ": " + job.reason;
    return out;
  }
  if (job.cancelling) {
    out.headline = "is being cancelled; its attempts are stopping";
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
  for (const auto& [task, note] : job.tasks.notes()) {
    if (job.tasks[task].state == JobState::recovering && note.not_before > now) {
      out.headline = fmt::format("pauses {} before the next attempt: {}",
                                 format_duration(note.not_before - now), note.reason);
      return out;
    }
  }
  const std::size_t ahead = ahead_of(state, job);
  out.headline =
      fmt::format("waits for room: {} {} of {}; {} ahead of it in the queue", job.spec->num_nodes,
                  nodes(job.spec->num_nodes), describe(job.spec->resources.choices.front().demand),
                  ahead == 0 ? "nothing" : fmt::format("{} job{}", ahead, ahead == 1 ? "" : "s"));
  if (state.pools().empty()) out.headline += "; the fleet has no pools";
  out.pools = explain_pools(state, *job.spec);
  return out;
}

}  // namespace mohona

#include "core/explain.h"

#include <algorithm>

#include "base/text.h"
#include "core/ledger/usage.h"
#include "core/place.h"
#include "model/names.h"
#include "model/node_ranges.h"

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
  const std::string gpu = demand.gpu.empty() ? "GPUs of any kind" : demand.gpu;
  if (demand.gpus > 0) text += fmt::format(", {} {}", demand.gpus, gpu);
  if (demand.gpu_milli > 0) text += fmt::format(", {} of one {}", cores(demand.gpu_milli), gpu);
  return text;
}

std::string describe(const Shape& shape) {
  return describe(Demand{shape.cpus_milli, shape.memory_mib, shape.gpu, shape.gpus});
}

std::string_view nodes(std::int64_t n) { return n == 1 ? "node" : "nodes"; }

std::string size_of(const JobSpec& spec) {
  const std::int64_t least = spec.min_nodes > 0 ? spec.min_nodes : spec.num_nodes;
  if (least < spec.num_nodes) return fmt::format("{} to {} nodes", least, spec.num_nodes);
  return fmt::format("{} {}", spec.num_nodes, nodes(spec.num_nodes));
}

std::string where(const Nearness& near) {
  std::string text;
  if (near.segment > 1) text += fmt::format(", each {} of them in one leaf", near.segment);
  if (near.within != Level::anywhere) text += fmt::format(", all in one {}", name(near.within));
  return text;
}

std::string dollars(Worth worth) { return format_money(Money{worth}) + " an hour"; }

std::string named(const State& state, JobId id) {
  return fmt::format("{} (job {})", state.find(id)->job.spec->name, id.value);
}

// Whether the attempt stands on nodes that are kept for the job; where none are, on any node.
bool in_the_way(const Attempt& attempt, const std::optional<NodesKept>& kept) {
  if (!kept || kept->pool != attempt.pool) return true;
  return std::any_of(attempt.holdings.begin(), attempt.holdings.end(), [&](const Holding& h) {
    return std::any_of(kept->nodes.begin(), kept->nodes.end(), [&](const NodeRange& range) {
      return range.first <= h.node && h.node <= range.last;
    });
  });
}

// Who holds the pool: the jobs whose end would make room.
std::string holders(const State& state, const std::string& pool,
                    const std::optional<NodesKept>& kept) {
  constexpr std::size_t named_max = 3;
  std::vector<std::string> names;
  JobId last;
  std::size_t more = 0;
  for (const auto& [id, live] : state.live()) {
    const Attempt& attempt = *live.attempt;
    if (id.job == last || attempt.pool != pool || !in_the_way(attempt, kept)) continue;
    last = id.job;
    if (names.size() == named_max) {
      ++more;
      continue;
    }
    names.push_back(named(state, id.job));
  }
  std::string text = join(names, " or ");
  if (more > 0) text += fmt::format(" or one of {} others", more);
  return text;
}

std::int64_t nodes_not_up(const PoolRecord& record) {
  std::int64_t n = 0;
  for (const NodesChanged& entry : record.nodes) n += count_nodes(entry.nodes);
  return n;
}

PoolExplanation explain_mismatch(const PoolRecord& record, const JobSpec& spec,
                                 const Choice& choice, Mismatch mismatch) {
  const Pool& pool = record.pool;
  PoolExplanation out{pool.name, "", ""};
  switch (mismatch) {
    case Mismatch::place:
      out.why = fmt::format("is {} in {}/{}{}, which the job did not ask for", pool.shape.name,
                            pool.cloud, pool.region, pool.zone.empty() ? "" : "/" + pool.zone);
      break;
    case Mismatch::purchase:
      out.why = fmt::format("is paid as {}; the job asks for {}", name(pool.purchase),
                            choice.use_spot ? "spot alone" : "no spot");
      out.lift = fmt::format("add {{use_spot: {}}} to resources.any_of", !choice.use_spot);
      break;
    case Mismatch::shape:
      out.why = fmt::format("has nodes of {}; the job needs {} on one", describe(pool.shape),
                            describe(choice.demand));
      out.lift = "ask for less a node";
      break;
    case Mismatch::features:
      out.why = fmt::format("has too few nodes with {}; the job needs {}",
                            join(spec.features, " and "), size_of(spec));
      out.lift = "ask for fewer features, or give them to more nodes in the fleet file";
      break;
    case Mismatch::topology:
      out.why = fmt::format("has no place, even when empty, for {}{}", size_of(spec),
                            where(spec.nearness));
      out.lift = "ask for a wider topology, or describe the pool's in the fleet file";
      break;
    case Mismatch::nodes:
    case Mismatch::reservation:
    case Mismatch::none:
      out.why = fmt::format("is too small, also when empty: the job needs {} of {}", size_of(spec),
                            describe(choice.demand));
      out.lift = "ask for fewer nodes, or add nodes to the pool";
      break;
  }
  return out;
}

PoolExplanation explain_share(const State& state, const PoolRecord& record,
                              const Obstacle& obstacle) {
  const QueueTree& tree = state.scheduler().queues();
  const QueueNode& queue = tree.node(obstacle.queue);
  PoolExplanation out{record.pool.name, "", ""};
  if (obstacle.queue == QueueTree::root) {
    out.why = fmt::format("has room only in what other queues keep for themselves, {} too much",
                          dollars(obstacle.lacks));
    out.lift = "starts when work outside of their guarantees ends";
    return out;
  }
  const std::string path = tree.path(obstacle.queue);
  out.why = fmt::format(
      "would take the queue {} {} over what it may hold, {} ({} guaranteed); it "
      "holds {}",
      path, dollars(obstacle.lacks), dollars(queue.limit), dollars(queue.guarantee),
      dollars(queue.used));
  if (queue.held > 0) out.why += fmt::format(" and has {} kept", dollars(queue.held));
  out.lift = fmt::format("starts when work of {} ends, or its `borrow` is raised", path);
  return out;
}

// Nodes that would do, but are kept for others until after the job would have left.
std::string kept_for_others(const State& state, const Space& space, Request request,
                            std::int64_t have) {
  request.end = Timestamp::min();  // as if it left at once: every kept node counts
  if (room(space, request) <= have) return {};
  std::vector<std::string> whose;
  for (std::size_t slot = 1; slot < space.tiers().size(); ++slot) {
    if (!space.tiers()[slot] || slot == request.own) continue;
    const Hold& hold = space.tiers()[slot]->hold;
    const std::string by = hold.window ? "a reservation" : named(state, JobId{hold.owner});
    whose.push_back(fmt::format("{} from {}", by, format_timestamp(hold.start)));
  }
  return fmt::format("; others are kept for {}", join(whose, " and "));
}

PoolExplanation explain_obstacle(const State& state, const PoolRecord& record,
                                 const JobEntry& entry, const Target& target,
                                 const Obstacle& obstacle, Timestamp now) {
  const JobSpec& spec = *entry.job.spec;
  const Pool& pool = record.pool;
  const Demand& demand = spec.resources.choices[target.choice].demand;
  PoolExplanation out{pool.name, "", ""};
  switch (obstacle.kind) {
    case Obstacle::none:
      out.why = "has room; the job starts at once";
      break;
    case Obstacle::reclaimed:
      out.why = fmt::format("was taken back by {} at {}", pool.cloud,
                            format_timestamp(*record.reclaimed_at));
      out.lift = fmt::format("starts when it returns: mohona pools restore {}", pool.name);
      break;
    case Obstacle::reservation: {
      const AdvanceReservation* r = state.find_reservation(spec.reservation);
      if (!r || r->pool != pool.name) {
        out.why = fmt::format("has no reservation {}", spec.reservation);
      } else if (now < r->from) {
        out.why =
            fmt::format("has its reservation {} from {} on", r->name, format_timestamp(r->from));
        out.lift = fmt::format("starts at {}", format_timestamp(r->from));
      } else {
        out.why = fmt::format("has its reservation {} until {}, before the job would have left",
                              r->name, format_timestamp(r->to));
        out.lift = "give the job a shorter max_duration";
      }
      break;
    }
    case Obstacle::share:
      return explain_share(state, record, obstacle);
    case Obstacle::room: {
      out.why = fmt::format("has room for {} of the {} that the job needs ({} each{})",
                            obstacle.have, size_of(spec), describe(demand), where(spec.nearness));
      const Space& space = state.scheduler().space(target.pool);
      out.why += kept_for_others(
          state, space, state.scheduler().request(*entry.waiting, target, now), obstacle.have);
      if (const std::int64_t n = nodes_not_up(record); n > 0) {
        out.why += fmt::format("; {} of its {} nodes take no work", n, pool.nodes);
      }
      const std::string who = holders(state, pool.name, entry.job.kept);
      out.lift = who.empty() ? "starts when its nodes take work again"
                             : fmt::format("starts when {} ends", who);
      break;
    }
  }
  return out;
}

// For each pool the choice that comes nearest to a start.
std::vector<PoolExplanation> explain_pools(const State& state, const JobEntry& entry,
                                           Timestamp now) {
  const JobSpec& spec = *entry.job.spec;
  const Scheduler& scheduler = state.scheduler();
  const Needs needs = needs_of(spec);
  std::vector<std::pair<int, PoolExplanation>> rows;  // nearer to a start: higher
  for (const auto& [pool_name, record] : state.pools()) {
    std::optional<std::pair<int, PoolExplanation>> best;
    const auto consider = [&](int nearness, PoolExplanation why) {
      if (!best || nearness > best->first) best = {nearness, std::move(why)};
    };
    const PoolIndex index = *scheduler.find_pool(pool_name);
    for (const Choice& choice : spec.resources.choices) {
      const Mismatch mismatch = mohona::mismatch(scheduler.space(index), needs, choice);
      if (mismatch == Mismatch::none) continue;
      consider(static_cast<int>(mismatch), explain_mismatch(record, spec, choice, mismatch));
    }
    for (const Target& target : scheduler.targets(*entry.waiting)) {
      if (target.pool != index) continue;
      const Obstacle obstacle = scheduler.obstacle(*entry.waiting, target, now);
      const int nearness = obstacle.kind == Obstacle::none ? 100 : 20 + obstacle.kind;
      consider(nearness, explain_obstacle(state, record, entry, target, obstacle, now));
    }
    if (best) rows.push_back(std::move(*best));
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<PoolExplanation> out;
  for (auto& row : rows) out.push_back(std::move(row.second));
  return out;
}

// What is kept for it, and when it starts.
std::string promise(const JobEntry& entry, Timestamp now) {
  if (!entry.job.kept) return {};
  const NodesKept& kept = *entry.job.kept;
  const std::int64_t n = count_nodes(kept.nodes);
  if (kept.preempting) {
    return fmt::format("; other work is being stopped to make room on {} {} of {}, by {}", n,
                       nodes(n), kept.pool, format_timestamp(kept.start));
  }
  std::string text = fmt::format("; {} {} of {} are kept for it", n, nodes(n), kept.pool);
  if (kept.promised && now <= kept.start) {
    return text + fmt::format(": it starts no later than {}, probably about {}",
                              format_timestamp(kept.start),
                              format_timestamp(std::min(kept.expected, kept.start)));
  }
  if (kept.promised) {
    return text + fmt::format(": it was to start by {}, but what runs there has not left in time",
                              format_timestamp(kept.start));
  }
  return text + fmt::format(
                    ": it starts probably about {}, which cannot be promised because some "
                    "of what runs there has no max_duration",
                    format_timestamp(kept.expected));
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
  out.headline += promise(entry, now);
  if (state.pools().empty()) out.headline += "; the fleet has no pools";
  out.pools = explain_pools(state, entry, now);
  return out;
}

}  // namespace mohona

// Each pool's part of an explanation.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "core/explain_text.h"
#include "core/place.h"
#include "model/names.h"
#include "model/node_ranges.h"

namespace mohona {
namespace {

std::string dollars(Worth worth) { return format_money(Money{worth}) + " an hour"; }

std::string named(const State& state, JobId id) {
  return fmt::format("{} (job {})", state.find(id)->job.spec->name, id.value);
}

bool among(const NodeRanges& nodes, std::int64_t node) {
  return std::any_of(nodes.begin(), nodes.end(), [&](const NodeRange& range) {
    return range.first <= node && node <= range.last;
  });
}

// Whether the attempt stands on nodes that the job could use: those kept for it, if there are any.
bool in_the_way(const Attempt& attempt, const Space& space, const Request& request,
                const Box<NodesKept>& kept) {
  const bool only_kept = kept && kept->pool == attempt.pool;
  return std::any_of(attempt.holdings.begin(), attempt.holdings.end(), [&](const Holding& h) {
    if (only_kept) return among(kept->nodes, h.node);
    const auto node = static_cast<std::size_t>(h.node);
    const auto leaf = static_cast<Leaf>(node / space.leaf_size());
    const Mask could = usable(space, request, leaf, true) & space.taking_work(leaf);
    return (could >> (node % space.leaf_size()) & 1) != 0;
  });
}

// "a, b or c".
std::string listed(std::vector<std::string> names, std::string_view last) {
  if (names.size() < 2) return join(names, "");
  const std::string end = std::move(names.back());
  names.pop_back();
  return fmt::format("{} {} {}", join(names, ", "), last, end);
}

// Who holds nodes that take work, or what is kept of them, and what their end brings.
std::string when_holders_end(const State& state, const Space& space, const Request& request,
                             const Box<NodesKept>& kept, bool first) {
  const std::string& pool = space.pool().name;
  constexpr std::size_t named_max = 3;
  const bool all = kept && kept->pool == pool;  // what stands on kept nodes must all go
  std::vector<std::string> names;
  JobId last;
  std::size_t more = 0;
  for (const auto& [id, live] : state.live()) {
    const Attempt& attempt = *live.attempt;
    if (id.job == last || attempt.pool != pool || !in_the_way(attempt, space, request, kept))
      continue;
    last = id.job;
    if (names.size() == named_max) {
      ++more;
      continue;
    }
    names.push_back(named(state, id.job));
  }
  if (names.empty()) return {};
  const bool several = all || request.min_nodes > 1;
  if (more > 0) {
    names.push_back(more == 1 ? "one other"
                              : fmt::format("{}{} others", several ? "" : "one of ", more));
  }
  const std::string when = first ? "starts when" : "may start when";
  if (names.size() == 1) return fmt::format("{} {} ends", when, names.front());
  if (all) return fmt::format("{} {} have ended", when, listed(names, "and"));
  if (several) return fmt::format("{} enough of {} has ended", when, listed(names, "and"));
  return fmt::format("{} {} ends", when, listed(names, "or"));
}

// " (fans)", when all nodes that are out are so for the same reason.
std::string common_reason(const PoolRecord& record) {
  const std::string& reason = record.nodes.front().reason;
  const bool same = std::all_of(record.nodes.begin(), record.nodes.end(),
                                [&](const NodesChanged& n) { return n.reason == reason; });
  return same && !reason.empty() ? fmt::format(" ({})", reason) : "";
}

// "; of its 8 nodes 2 are down and 1 is cordoned".
std::string nodes_not_up(const PoolRecord& record, const Space& space) {
  std::map<NodeState, std::int64_t> counts;
  for (const NodesChanged& entry : record.nodes) {
    for (const NodeRange& range : entry.nodes) {
      for (std::int64_t i = range.first; i <= range.last; ++i) {
        ++counts[space.node(static_cast<NodeIndex>(i)).state];  // one that drained is down
      }
    }
  }
  std::vector<std::string> parts;
  for (const auto& [state, n] : counts) {
    parts.push_back(fmt::format("{} {} {}", n, n == 1 ? "is" : "are", name(state)));
  }
  if (parts.empty()) return {};
  const std::string because = common_reason(record);
  if (counts.size() == 1 && counts.begin()->second == record.pool.nodes) {
    const auto state = name(counts.begin()->first);
    if (record.pool.nodes == 1) return fmt::format("; its node is {}{}", state, because);
    return fmt::format("; all of its {} nodes are {}{}", record.pool.nodes, state, because);
  }
  return fmt::format("; of its {} {} {}{}", record.pool.nodes, nodes(record.pool.nodes),
                     join(parts, " and "), because);
}

PoolExplanation explain_share(const State& state, const PoolRecord& record,
                              const Obstacle& obstacle) {
  const QueueTree& tree = state.scheduler().queues();
  const QueueNode& queue = tree.node(obstacle.queue);
  PoolExplanation out{record.pool.name, "", ""};
  if (obstacle.queue == QueueTree::root) {
    out.why = fmt::format("has left only what other queues do not lend; {} of that would be needed",
                          dollars(obstacle.lacks));
    out.lift = "starts when work beyond the guarantees ends, or those queues lend more";
    return out;
  }
  const std::string path = tree.path(obstacle.queue);
  out.why = fmt::format(
      "would take the queue {} {} over its limit: it holds {} of {}, of which {} are guaranteed",
      path, dollars(obstacle.lacks), format_money(Money{queue.used}), dollars(queue.limit),
      format_money(Money{queue.guarantee}));
  if (queue.held > 0)
    out.why += fmt::format("; {} more are kept for its work", dollars(queue.held));
  if (queue.unlent > 0) out.why += fmt::format("; queues below it keep {}", dollars(queue.unlent));
  out.lift = fmt::format("starts when work of {} ends, or its `borrow` is raised", path);
  return out;
}

// "5000.00 a month".
std::string allowance(const QueueBudget& budget) {
  return fmt::format("{} a {}", format_money(budget.amount), name(budget.per));
}

PoolExplanation explain_money(const State& state, const PoolRecord& record, const JobEntry& entry,
                              const Choice& choice, Timestamp now) {
  const JobSpec& spec = *entry.job.spec;
  const Needs needs = needs_of(spec);
  const bool limited = needs.limit != Duration::max();
  const Duration time = limited ? needs.limit : counted_ahead;
  const Spending start{record.pool.price, needs.min_nodes,
                       part_of(record.pool.shape, choice.demand), now, now + time};
  PoolExplanation out{record.pool.name, "", ""};
  const Money whole = start.between(now, now + time);
  const auto all = state.budget_standings(now);
  const auto* short_of = state.queue_budgets().refuses(spec.queue, start);
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) {
    return short_of && one.queue == short_of->queue;
  });
  if (found == all.end()) {  // there is money again; the next pass sees it
    out.why = "has room; the job starts at once";
    return out;
  }
  out.why = fmt::format(
      "would cost {} {}", format_money(whole),
      limited ? fmt::format("until it must have left, in {}", format_duration(time)) : "an hour");
  const Money left = std::max(Money{0}, found->left());
  out.why += fmt::format("; the queue {} has {} left of its budget, {}: {} are spent", found->queue,
                         format_money(left), allowance(found->budget), format_money(found->spent));
  if (found->ahead > Money{0}) {
    out.why += fmt::format(" and {} are put aside for what runs and what is promised",
                           format_money(found->ahead));
  }
  if (whole > found->budget.amount) {
    out.lift = fmt::format("that is more than the whole budget: starts when it is raised{}",
                           limited ? " or the job has a shorter max_duration" : "");
  } else {
    out.lift = fmt::format("starts when work of {} ends sooner than it might, or at {}",
                           found->queue, format_timestamp(found->period.to));
    if (found->ahead <= Money{0}) {
      out.lift = fmt::format("starts at {}, or when the budget is raised",
                             format_timestamp(found->period.to));
    }
  }
  return out;
}

// Whether the job would have its place if nothing ran there that this control plane started.
bool place_if_empty(const PoolRecord& record, const Space& space, const Request& request) {
  const Level within = request.nearness.within;
  const Leaf size = within == Level::leaf     ? 1
                    : within == Level::block  ? space.leaves_in_block()
                    : within == Level::fabric ? space.leaves_in_fabric()
                                              : 0;
  if (space.pool().share_nodes) return true;
  std::map<Leaf, std::int64_t> domains;
  for (Leaf leaf = 0; leaf < space.leaves(); ++leaf) {
    Mask mask = usable(space, request, leaf, true) & space.taking_work(leaf);
    for (const NodeLoaded& load : record.loads) {
      const auto node = static_cast<NodeIndex>(load.node);
      if (space.fills(*request.demand) && node / space.leaf_size() == leaf) {
        mask &= ~(Mask{1} << (node % space.leaf_size()));
      }
    }
    std::int64_t n = count(mask);
    if (request.nearness.segment > 1) n -= n % request.nearness.segment;
    if ((domains[size == 0 ? 0 : leaf / size] += n) >= request.min_nodes) return true;
  }
  return false;
}

struct KeptForOthers {
  std::string whose;              // empty: nothing that would help
  std::optional<Timestamp> from;  // the first that is still to come
  std::optional<Timestamp> to;    // when a reservation ends
};

// Nodes that would do, but are kept for others until after the job would have left.
KeptForOthers kept_for_others(const State& state, const PoolRecord& record, const Space& space,
                              const Request& request, std::int64_t have, Timestamp now) {
  Request at_once = request;
  at_once.end = Timestamp::min();  // as if it left at once: every kept node counts
  if (place_if_empty(record, space, request) && room(space, at_once) <= have) return {};
  KeptForOthers out;
  std::vector<std::string> whose;
  for (std::size_t slot = 1; slot < space.tiers().size(); ++slot) {
    if (!space.tiers()[slot] || slot == request.own) continue;
    const Hold& hold = space.tiers()[slot]->hold;
    if (request.end <= hold.start) continue;
    if (hold.start > now && (!out.from || hold.start < *out.from)) out.from = hold.start;
    std::string by = hold.window ? "a reservation" : named(state, JobId{hold.owner});
    for (const AdvanceReservation& r : record.reservations) {
      if (!hold.window || r.from != hold.start ||
          to_set(r.where, space.leaf_size()) != hold.nodes) {
        continue;
      }
      out.to = r.to;
      by = fmt::format("the {} {}", r.maintenance ? "maintenance" : "reservation", r.name);
    }
    whose.push_back(fmt::format("{} from {}", by, format_timestamp(hold.start)));
  }
  out.whose = join(whose, " and ");
  return out;
}

// What would lift a want of room.
std::string lift_room(const State& state, const PoolRecord& record, const JobEntry& entry,
                      const Request& request, const KeptForOthers& others, Timestamp now) {
  const Space& space = state.scheduler().space(*state.scheduler().find_pool(record.pool.name));
  if (place_if_empty(record, space, request)) {
    const bool first =
        static_cast<bool>(entry.job.kept) || state.scheduler().ahead(*entry.waiting) == 0;
    return when_holders_end(state, space, request, entry.job.kept, first);
  }
  if (others.from) {
    const std::string sooner = fmt::format("sooner with a max_duration that lets it end before {}",
                                           format_timestamp(*others.from));
    if (others.to) return fmt::format("may start at {}, {}", format_timestamp(*others.to), sooner);
    return "starts " + sooner;
  }
  if (others.to && *others.to > now) {
    return fmt::format("may start at {}", format_timestamp(*others.to));
  }
  std::string text = record.nodes.empty() ? "" : "starts when its nodes take work again";
  if (record.loads.empty()) return text;
  text += text.empty() ? "starts when " : " and ";
  return text + "the foreign work has left";
}

PoolExplanation explain_reservation(const State& state, const Pool& pool, const JobSpec& spec,
                                    Timestamp now) {
  const AdvanceReservation* r = state.find_reservation(spec.reservation);
  if (!r || r->pool != pool.name) {
    return {pool.name, fmt::format("has no reservation {}", *spec.reservation), ""};
  }
  if (hold_limit(spec) > r->to - r->from) {
    return {
        pool.name,
        fmt::format("has its reservation {} for {}, too short for the job", r->name,
                    format_duration(r->to - r->from)),
        spec.max_duration ? "give the job a shorter max_duration" : "give the job a max_duration"};
  }
  if (now < r->from) {
    const std::string from = format_timestamp(r->from);
    return {pool.name, fmt::format("has its reservation {} from {} on", r->name, from),
            "starts at " + from};
  }
  return {pool.name,
          fmt::format("has its reservation {} until {}, before the job would have left", r->name,
                      format_timestamp(r->to)),
          "give the job a shorter max_duration"};
}

// `have`: so many nodes with room for it there are.
PoolExplanation explain_room(const State& state, const PoolRecord& record, const JobEntry& entry,
                             const Target& target, std::int64_t have, Timestamp now) {
  const JobSpec& spec = *entry.job.spec;
  const bool one = spec.num_nodes == 1;
  std::string why =
      one ? "has no node with room for it"
          : fmt::format("has room for {} of the {} that the job needs", have, size_of(spec));
  if (spec.nearness.within != Level::anywhere && !one) {
    why += fmt::format(" in one {}", name(spec.nearness.within));
  }
  if (spec.resources.choices.size() > 1) {
    why += fmt::format(" ({}{})", describe(spec.resources.choices[target.choice].demand),
                       one ? "" : " each");
  }
  const Space& space = state.scheduler().space(target.pool);
  const Request request = state.scheduler().request(*entry.waiting, target, now);
  const KeptForOthers others = kept_for_others(state, record, space, request, have, now);
  if (!others.whose.empty()) {
    why += fmt::format("; nodes that would do are kept for {}", others.whose);
  }
  why += nodes_not_up(record, space);
  if (const auto n = std::ssize(record.loads); n > 0) {
    why += fmt::format("; {} of its nodes {} foreign work", n, n == 1 ? "has" : "have");
  }
  return {record.pool.name, why, lift_room(state, record, entry, request, others, now)};
}

PoolExplanation explain_obstacle(const State& state, const PoolRecord& record,
                                 const JobEntry& entry, const Target& target,
                                 const Obstacle& obstacle, Timestamp now) {
  const JobSpec& spec = *entry.job.spec;
  const Pool& pool = record.pool;
  PoolExplanation out{pool.name, "", ""};
  switch (obstacle.kind) {
    case Obstacle::none:
      out.why =
          !state.scheduler().needs(*entry.waiting).planned ? "has room; the job starts at once"
          : is_paid_anyway(pool)
              ? "has room now, but not for as long as the job runs: other work is planned there"
              : "has room, for money: the job waits while that is cheaper";
      break;
    case Obstacle::reclaimed:
      out.why = fmt::format("was taken back by {} at {}", pool.cloud,
                            format_timestamp(*record.reclaimed_at));
      out.lift = fmt::format("starts when it returns: mohona pools restore {}", pool.name);
      break;
    case Obstacle::reservation:
      return explain_reservation(state, pool, spec, now);
    case Obstacle::share:
      return explain_share(state, record, obstacle);
    case Obstacle::money:
      return explain_money(state, record, entry, spec.resources.choices[target.choice], now);
    case Obstacle::room:
      return explain_room(state, record, entry, target, obstacle.have, now);
  }
  return out;
}

}  // namespace

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
      consider(static_cast<int>(mismatch), explain_mismatch(state, record, spec, choice, mismatch));
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

}  // namespace mohona

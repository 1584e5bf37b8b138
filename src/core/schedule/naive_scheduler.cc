#include "core/schedule/naive_scheduler.h"

#include <algorithm>

#include "core/schedule/preempt.h"

namespace mohona {

NaiveScheduler::NaiveScheduler(std::vector<Pool> pools, std::vector<Queue> queues,
                               SchedulingPolicy policy)
    : policy_(policy) {
  Worth total = 0;
  for (const Pool& pool : pools) {
    spaces_.push_back(std::make_unique<Space>(pool));
    total += pool.nodes * node_worth(pool);
  }
  tree_.define(queues, total);
}

void NaiveScheduler::submit(const Needs& needs, const Rank& rank) {
  jobs_[rank.job] = {needs, rank, {}, false, false, false};
}

void NaiveScheduler::end(JobId id) {
  for (OccupantId who = 0; who < running_.size(); ++who) {
    Running& run = running_[who];
    if (!run.live || run.id.job != id) continue;
    spaces_[run.pool]->give_back(run.grant, run.demand, who);
    tree_.add_used(run.queue, -run.worth);
    run.live = false;
  }
}

void NaiveScheduler::set_nodes(PoolIndex pool, const NodeRanges& nodes, NodeState state) {
  Space& space = *spaces_[pool];
  const NodeSet set = to_set(nodes, space.leaf_size());
  for (const Segment& s : set) {
    for_bits(s.nodes,
             [&](std::uint32_t place) { space.set_state(space.index(s.leaf, place), state); });
  }
  for (auto& [id, job] : jobs_) {
    if (!job.kept || job.kept->pool != pool) continue;
    for (const Segment& s : set) {
      const Mask mine = mask_of(space.held(job.kept->slot).nodes, s.leaf) & s.nodes;
      for_bits(mine, [&](std::uint32_t place) {
        if (!space.takes_work(space.node(space.index(s.leaf, place)))) job.kept->broken = true;
      });
    }
  }
}

void NaiveScheduler::reserve(const AdvanceReservation& reservation, PoolIndex pool) {
  Space& space = *spaces_[pool];
  const HoldSlot slot =
      space.hold({0, true, to_set(reservation.where, space.leaf_size()), reservation.from});
  reservations_[reservation.name] = {reservation, pool, slot};
  for (auto& [id, job] : jobs_) {
    if (!job.kept || job.kept->pool != pool) continue;
    const bool in_time =
        job.needs.limit != Duration::max() && job.kept->start + job.needs.limit <= reservation.from;
    if (!in_time && overlap(space.held(job.kept->slot).nodes, space.held(slot).nodes)) {
      job.kept->broken = true;
    }
  }
}

void NaiveScheduler::begin(Timestamp now) {
  now_ = now;
  looked_.clear();
  looked_jobs_.clear();
  unblock();
}

void NaiveScheduler::unblock() {
  for (auto& [id, job] : jobs_) job.blocked = job.unplannable = false;
}

bool NaiveScheduler::plannable(const Job& job) const {
  return job.blocked && job.lacks_room && !job.kept && !job.unplannable &&
         job.needs.reservation.empty() &&
         (job.needs.min_nodes > 1 ||
          waits_since(job.rank, job.needs.priority, policy_.ageing) + policy_.patience <= now_);
}

std::optional<Decision> NaiveScheduler::next() {
  while (true) {
    const auto kept = std::count_if(jobs_.begin(), jobs_.end(), [](const auto& job) {
      return job.second.kept && !job.second.kept->preempting;
    });
    const bool slot_free = kept < policy_.reservations_max;
    const auto in_turn = [&](const Job& job) {
      return !job.blocked || (slot_free && plannable(job));
    };
    const auto waits_below = [&](QueueIndex q) {
      return std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& job) {
        QueueIndex i = tree_.find(job.second.needs.queue);
        while (i != q && i != QueueTree::root) i = tree_.node(i).parent;
        return i == q && in_turn(job.second);
      });
    };
    QueueIndex at = QueueTree::root;
    if (!waits_below(at)) return std::nullopt;
    while (!tree_.node(at).children.empty()) {
      std::optional<QueueIndex> best;
      for (const QueueIndex child : tree_.node(at).children) {
        if (waits_below(child) && (!best || tree_.before(child, *best))) best = child;
      }
      at = *best;
    }
    Job* first = nullptr;
    for (auto& [id, job] : jobs_) {
      if (tree_.find(job.needs.queue) != at || !in_turn(job)) continue;
      if (!first || job.rank < first->rank) first = &job;
    }
    Job& job = *first;
    if (job.blocked) {
      if (auto decision = try_plan(job)) return decision;
      job.unplannable = true;
      continue;
    }
    if (auto decision = try_start(job)) return decision;
    if (auto decision = try_preempt(job)) return decision;
    if (job.kept && job.kept->broken) {
      if (auto decision = try_plan(job)) return decision;
      return Drop{job.rank.job, "nodes that were kept for it take no more work"};
    }
    job.blocked = true;
    job.lacks_room = false;
    for (const Target& target : targets(job.needs)) {
      const Worth wanted =
          target.node_worth * job.needs.min_nodes - (job.kept ? job.kept->worth : 0);
      if (!tree_.blocks(tree_.find(job.needs.queue), wanted) &&
          pays(job, target, job.needs.min_nodes)) {
        job.lacks_room = true;
      }
    }
  }
}

std::vector<Target> NaiveScheduler::targets(const Needs& needs) const {
  std::vector<
      std::pair<std::tuple<std::size_t, std::int64_t, Purchase, std::string, std::size_t>, Target>>
      found;
  for (std::uint32_t i = 0; i < needs.choices.size(); ++i) {
    for (PoolIndex p = 0; p < spaces_.size(); ++p) {
      const Pool& pool = spaces_[p]->pool();
      const Choice& choice = needs.choices[i];
      if (mismatch(*spaces_[p], needs, choice) != Mismatch::none) continue;
      const Fraction part = part_of(pool.shape, choice.demand);
      const auto cost = static_cast<std::int64_t>(Wide{pool.price.nanos} * part.held * 1'000'000 /
                                                  part.whole / choice.speed_milli);
      found.push_back({{needs.ordered ? i : 0, cost, pool.purchase, pool.name, i},
                       {p, i, worth_of(pool, choice.demand), 0,
                        spaces_[p]->with_features(needs.features).value_or(std::vector<Mask>{})}});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Target> out;
  // Equal ranks: equal choice, cost and purchase.
  const auto costs = [](const auto& key) {
    return std::tie(std::get<0>(key), std::get<1>(key), std::get<2>(key));
  };
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool same = i > 0 && costs(found[i].first) == costs(found[i - 1].first);
    found[i].second.rank = i == 0 ? 0 : out.back().rank + (same ? 0 : 1);
    out.push_back(found[i].second);
  }
  return out;
}

Request NaiveScheduler::request(const Job& job, const Target& target) const {
  Request out;
  out.demand = &job.needs.choices[target.choice].demand;
  out.min_nodes = job.needs.min_nodes;
  out.max_nodes = job.needs.max_nodes;
  out.nearness = job.needs.nearness;
  out.features = target.features.empty() ? nullptr : &target.features;
  out.end = job.needs.limit == Duration::max() ? Timestamp::max() : now_ + job.needs.limit;
  if (job.kept && job.kept->pool == target.pool) out.own = job.kept->slot;
  if (!job.needs.reservation.empty()) {
    out.only_own = true;
    const auto found = reservations_.find(job.needs.reservation);
    if (found != reservations_.end() && found->second.pool == target.pool) {
      out.own = found->second.slot;
    }
  }
  return out;
}

bool NaiveScheduler::open(const Job& job, const Target& target, const Request& request) const {
  if (job.needs.reservation.empty()) return true;
  const auto found = reservations_.find(job.needs.reservation);
  return found != reservations_.end() && found->second.pool == target.pool &&
         !found->second.reservation.maintenance && now_ >= found->second.reservation.from &&
         request.end <= found->second.reservation.to;
}

std::int64_t NaiveScheduler::allowed(const Job& job, const Target& target) const {
  const QueueIndex leaf = tree_.find(job.needs.queue);
  const Worth held = job.kept ? job.kept->worth : 0;
  for (std::int64_t n = job.needs.max_nodes; n >= job.needs.min_nodes; --n) {
    if (!tree_.blocks(leaf, target.node_worth * n - held) && pays(job, target, n)) return n;
  }
  return 0;
}

bool NaiveScheduler::pays(const Job& job, const Target& target, std::int64_t nodes) const {
  if (!purse_ || (job.kept && job.kept->pool == target.pool)) return true;
  const Pool& pool = spaces_[target.pool]->pool();
  return purse_(job.needs, pool, part_of(pool.shape, job.needs.choices[target.choice].demand),
                nodes);
}

// --- placing, by the rules of fleet/find.h
// -----------------------------------------------------

bool NaiveScheduler::is_usable(const Space& space, const Request& request, NodeIndex i,
                               bool kept) const {
  if (!space.takes_work(space.node(i))) return false;
  const Leaf leaf = i / space.leaf_size();
  const Mask bit = Mask{1} << (i % space.leaf_size());
  if (request.features && !((*request.features)[leaf] & bit)) return false;
  bool held = false, mine = false, in_time = true;
  for (HoldSlot slot = 1; slot < space.tiers().size(); ++slot) {
    if (!space.tiers()[slot] || !(mask_of(space.held(slot).nodes, leaf) & bit)) continue;
    held = true;
    if (slot == request.own) {
      mine = true;
    } else if (request.end > space.held(slot).start) {
      in_time = false;
    }
  }
  if (!kept) return !held && !request.only_own;
  if (request.only_own) return mine && in_time;
  return in_time;
}

std::vector<Segment> NaiveScheduler::free(const Space& space, const Request& request, bool kept,
                                          bool empty) const {
  std::vector<Segment> out;
  for (NodeIndex i = 0; i < space.nodes(); ++i) {
    const Node& node = space.node(i);
    if (!is_usable(space, request, i, kept)) continue;
    if (empty ? node.sole != nobody || node.foreign : !space.fits(node, *request.demand)) continue;
    const Leaf leaf = i / space.leaf_size();
    if (out.empty() || out.back().leaf != leaf) out.push_back({leaf, 0});
    out.back().nodes |= Mask{1} << (i % space.leaf_size());
  }
  return out;
}

namespace {

std::int64_t give(const Segment& s, std::int64_t segment) {
  return count(s.nodes) / std::max<std::int64_t>(1, segment) * std::max<std::int64_t>(1, segment);
}

// The sets of leaves among which a gang may be spread, narrow ones first.
std::vector<std::vector<std::vector<Segment>>> domains(const Space& space,
                                                       const std::vector<Segment>& leaves,
                                                       Level within) {
  std::vector<std::vector<std::vector<Segment>>> out;
  for (const Level level : {Level::leaf, Level::block, Level::fabric, Level::anywhere}) {
    const Leaf size = level == Level::leaf     ? 1
                      : level == Level::block  ? space.leaves_in_block()
                      : level == Level::fabric ? space.leaves_in_fabric()
                                               : UINT32_MAX;
    if (level > within || size == 0) continue;
    std::map<Leaf, std::vector<Segment>> groups;
    for (const Segment& s : leaves) groups[s.leaf / size].push_back(s);
    out.emplace_back();
    for (auto& [number, group] : groups) out.back().push_back(group);
  }
  return out;
}

std::int64_t total(const std::vector<Segment>& group, std::int64_t segment) {
  std::int64_t n = 0;
  for (const Segment& s : group) n += give(s, segment);
  return n;
}

NodeSet take_from(std::vector<Segment> group, std::int64_t n, std::int64_t segment) {
  NodeSet out;
  while (n > 0) {
    std::size_t widest = 0;
    for (std::size_t i = 1; i < group.size(); ++i) {
      if (give(group[i], segment) > give(group[widest], segment)) widest = i;
    }
    if (give(group[widest], segment) > n) {
      for (std::size_t i = 0; i < group.size(); ++i) {
        const std::int64_t here = give(group[i], segment);
        const std::int64_t best = give(group[widest], segment);
        if (here >= n && (here < best || (here == best && group[i].leaf < group[widest].leaf))) {
          widest = i;
        }
      }
    }
    const std::int64_t here = std::min(n, give(group[widest], segment));
    out.push_back({group[widest].leaf, lowest(group[widest].nodes, here)});
    n -= here;
    group.erase(group.begin() + static_cast<std::ptrdiff_t>(widest));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.leaf < b.leaf; });
  return out;
}

NodeSet pick(const Space& space, const std::vector<Segment>& leaves, const Request& request) {
  const std::int64_t segment = request.nearness.segment;
  const auto levels = domains(space, leaves, request.nearness.within);
  std::int64_t most = 0;
  for (const auto& group : levels.back()) most = std::max(most, total(group, segment));
  std::int64_t n = std::min(request.max_nodes, most);
  if (n < request.max_nodes && segment > 1) n -= n % segment;
  if (n < request.min_nodes || n == 0) return {};
  for (const auto& level : levels) {
    const std::vector<Segment>* best = nullptr;
    for (const auto& group : level) {
      if (total(group, segment) < n) continue;
      if (!best || total(group, segment) < total(*best, segment)) best = &group;
    }
    if (best) return take_from(*best, n, segment);
  }
  return {};
}

}  // namespace

std::optional<Grant> NaiveScheduler::place_part(const Space& space, const Request& request,
                                                bool kept) const {
  const Demand& demand = *request.demand;
  if (demand.gpu_milli > 0) {
    for (const Space::Shared& gpu : space.shared()) {  // the least free first
      const Node& node = space.node(gpu.node);
      if (gpu.milli_free < demand.gpu_milli || !is_usable(space, request, gpu.node, kept) ||
          node.cpus_free < demand.cpus_milli || node.memory_free < demand.memory_mib) {
        continue;
      }
      return Grant{{}, {{gpu.node, Mask{1} << gpu.gpu}}};
    }
  }
  std::optional<NodeIndex> best;
  for (NodeIndex i = 0; i < space.nodes(); ++i) {
    const Node& node = space.node(i);
    if (!is_usable(space, request, i, kept) || !space.fits(node, demand)) continue;
    if (demand.gpu_milli > 0 && node.gpus_free == 0) continue;
    if (!best || node.cell < space.node(*best).cell) best = i;
  }
  if (!best) return std::nullopt;
  const std::int64_t gpus = demand.gpu_milli > 0 ? 1 : demand.gpus;
  return Grant{{}, {{*best, lowest(space.node(*best).gpus_free, gpus)}}};
}

std::optional<Grant> NaiveScheduler::place(const Space& space, const Request& request) const {
  const auto as_grant = [&](const NodeSet& nodes) {
    if (space.fills(*request.demand)) return Grant{nodes, {}};
    Grant grant;
    for (const Segment& s : nodes) {
      for_bits(s.nodes, [&](std::uint32_t place) {
        const NodeIndex i = space.index(s.leaf, place);
        Mask gpus = lowest(space.node(i).gpus_free, request.demand->gpus);
        if (request.demand->gpu_milli > 0) {
          gpus = lowest(space.node(i).gpus_free, 1);
          std::optional<Space::Shared> tightest;
          for (const Space::Shared& gpu : space.shared()) {
            if (gpu.node == i && gpu.milli_free >= request.demand->gpu_milli && !tightest) {
              tightest = gpu;
            }
          }
          if (tightest) gpus = Mask{1} << tightest->gpu;
        }
        grant.members.push_back({i, gpus});
      });
    }
    return grant;
  };
  if (space.pool().share_nodes) {  // node after node, several members on each
    Grant grant;
    for (NodeIndex i = 0; i < space.nodes(); ++i) {
      Node node = space.node(i);
      if (!is_usable(space, request, i, true)) continue;
      while (space.fits(space.node(i), *request.demand) &&
             node.cpus_free >= request.demand->cpus_milli &&
             node.memory_free >= request.demand->memory_mib &&
             count(node.gpus_free) >= request.demand->gpus &&
             std::ssize(grant.members) < request.max_nodes) {
        Mask gpus = lowest(node.gpus_free, request.demand->gpus);
        if (request.demand->gpu_milli > 0)
          gpus = as_grant({{i / space.leaf_size(), Mask{1} << (i % space.leaf_size())}})
                     .members[0]
                     .gpus;
        grant.members.push_back({i, gpus});
        if (request.demand->gpu_milli > 0) break;
        node.cpus_free -= request.demand->cpus_milli;
        node.memory_free -= request.demand->memory_mib;
        node.gpus_free &= ~gpus;
      }
    }
    if (std::ssize(grant.members) < request.min_nodes) return std::nullopt;
    return grant;
  }
  if (space.fills(*request.demand)) {
    for (const auto& [kept, empty] : {std::pair(false, true), {true, true}, {true, false}}) {
      const NodeSet nodes = pick(space, free(space, request, kept, empty), request);
      if (!nodes.empty()) return as_grant(nodes);
    }
    return std::nullopt;
  }
  for (const bool kept : {false, true}) {
    if (request.max_nodes == 1) {
      if (auto grant = place_part(space, request, kept)) return grant;
      continue;
    }
    const NodeSet nodes = pick(space, free(space, request, kept, false), request);
    if (!nodes.empty()) return as_grant(nodes);
  }
  return std::nullopt;
}

// --- deciding
// -----------------------------------------------------------------------------------

std::optional<Decision> NaiveScheduler::try_start(Job& job) {
  const bool packs = policy_.packing == Packing::learned && job.needs.max_nodes == 1;
  for (const bool narrow : {true, false}) {
    if (narrow && (packs || job.needs.nearness.prefer >= job.needs.nearness.within)) continue;
    const std::vector<Target> all = targets(job.needs);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Target& target = all[i];
      if (packs && is_priced(target)) {
        std::vector<Target> same = {target};
        while (i + 1 < all.size() && is_priced(all[i + 1]) && all[i + 1].rank == target.rank) {
          same.push_back(all[++i]);
        }
        if (auto decision = try_packed(job, same)) return decision;
        continue;
      }
      Request asked = request(job, target);
      if (!open(job, target, asked)) continue;
      const std::int64_t n = allowed(job, target);
      if (n < job.needs.min_nodes) continue;
      asked.max_nodes = std::min(asked.max_nodes, n);
      if (narrow) asked.nearness.within = job.needs.nearness.prefer;
      if (auto grant = place(*spaces_[target.pool], asked)) {
        return Start{job.rank.job, target.pool, target.choice, std::move(*grant)};
      }
    }
  }
  return std::nullopt;
}

std::optional<Decision> NaiveScheduler::try_preempt(Job& job) {
  if (policy_.preempt == Preempt::never || !job.needs.reservation.empty()) return std::nullopt;
  if (job.kept && job.kept->preempting && !job.kept->broken) return std::nullopt;
  if (job.kept ? !looked_jobs_.insert(job.rank.job).second : !looked_.insert(job.needs).second) {
    return std::nullopt;
  }
  const QueueIndex leaf = tree_.find(job.needs.queue);
  for (const Target& target : targets(job.needs)) {
    if (spaces_[target.pool]->pool().share_nodes) continue;
    if (allowed(job, target) < job.needs.min_nodes) continue;
    Request asked = request(job, target);
    asked.max_nodes = asked.min_nodes;
    if (asked.end != Timestamp::max()) {
      Duration longest{0};
      for (const Running& run : running_) {
        if (run.live && run.pool == target.pool) longest = std::max(longest, run.leaves_within);
      }
      asked.end += longest;
    }
    std::vector<Worth> gone(tree_.size(), 0);
    const auto may = [&](const Running& run, const std::vector<Worth>& removed) {
      if (run.stopping || !run.preemptible ||
          now_ - run.started < std::max(policy_.min_run, Duration{1}))
        return false;
      const bool lower =
          policy_.preempt == Preempt::lower_priority && run.priority < job.needs.priority;
      const auto fork = tree_.fork(leaf, run.queue);
      if (!fork) return lower;
      for (QueueIndex i = run.queue;; i = tree_.node(i).parent) {
        if (tree_.node(i).used - removed[i] - run.worth < tree_.node(i).guarantee) return false;
        if (i == fork->b) break;
      }
      const Worth more = target.node_worth * job.needs.min_nodes - (job.kept ? job.kept->worth : 0);
      return lower || tree_.node(fork->a).taken() + more <= tree_.node(fork->a).guarantee;
    };
    const std::vector<Worth> none(tree_.size(), 0);
    const auto found = evict(
        *spaces_[target.pool], running_, asked, now_,
        [&](const Running& run) { return may(run, none); },
        [&](const Running& run) {
          if (!may(run, gone)) return false;
          for (QueueIndex i = run.queue;; i = tree_.node(i).parent) {
            gone[i] += run.worth;
            if (i == QueueTree::root) return true;
          }
        });
    if (!found) continue;
    Timestamp start = now_;
    for (const OccupantId who : found->victims) {
      start = std::max(start, now_ + running_[who].leaves_within);
    }
    if (job.kept && job.kept->promised && !job.kept->broken && job.kept->start < start) continue;
    return Keep{job.rank.job, target.pool, found->nodes, start, start, true, true, found->victims};
  }
  return std::nullopt;
}

std::optional<Decision> NaiveScheduler::try_plan(Job& job) {
  if ((job.kept && job.kept->preempting) || !job.needs.reservation.empty()) return std::nullopt;
  std::optional<Keep> best;
  for (const Target& target : targets(job.needs)) {
    if (allowed(job, target) < job.needs.min_nodes) continue;
    const Space& space = *spaces_[target.pool];
    std::vector<Vacancy> vacancies;
    for (NodeIndex i = 0; i < space.nodes(); ++i) {
      vacancies.push_back(vacancy_of(space, running_, i));
    }
    const auto found =
        plan(space, running_, vacancies, request(job, target), job.needs.limit, now_);
    if (!found || (best && best->start <= found->start)) continue;
    best = Keep{job.rank.job,    target.pool,     found->nodes, found->start,
                found->expected, found->promised, false,        {}};
  }
  if (!best) return std::nullopt;
  return *best;
}

// --- applying
// -----------------------------------------------------------------------------------

void NaiveScheduler::drop_hold(Job& job) {
  if (!job.kept) return;
  spaces_[job.kept->pool]->unhold(job.kept->slot);
  tree_.add_held(tree_.find(job.needs.queue), -job.kept->worth);
  job.kept.reset();
  looked_.clear();
  looked_jobs_.clear();
  unblock();
}

void NaiveScheduler::apply(const Start& start, const Running& run) {
  const auto found = jobs_.find(start.job);
  drop_hold(found->second);
  jobs_.erase(found);
  running_.push_back(run);
  running_.back().live = true;
  running_.back().queue = run.queue;
  spaces_[run.pool]->take(run.grant, run.demand, static_cast<OccupantId>(running_.size() - 1));
  tree_.add_used(run.queue, run.worth);
}

void NaiveScheduler::apply(const Keep& keep, const std::vector<JobId>& victims, Timestamp gone_by) {
  Job& job = jobs_.at(keep.job);
  const Needs needs = job.needs;
  drop_hold(job);
  if (keep.preempting) looked_.erase(needs);
  looked_jobs_.insert(keep.job);
  Worth worth = 0;
  for (const Target& target : targets(needs)) {
    if (target.pool == keep.pool && worth == 0) worth = target.node_worth * count(keep.nodes);
  }
  Space& space = *spaces_[keep.pool];
  const HoldSlot slot = space.hold({keep.job.value, false, keep.nodes, keep.start});
  job.kept = Kept{keep.pool,       slot,  keep.start, keep.expected, keep.promised,
                  keep.preempting, false, worth};
  tree_.add_held(tree_.find(needs.queue), worth);
  job.blocked = false;
  for (const JobId victim : victims) {
    for (Running& run : running_) {
      if (!run.live || run.id.job != victim) continue;
      run.stopping = true;
      run.end = std::min(run.end, gone_by);
      run.expected = std::min(run.expected, gone_by);
    }
  }
  unblock();
}

void NaiveScheduler::apply(const Drop& drop) { drop_hold(jobs_.at(drop.job)); }

}  // namespace mohona

#include "core/schedule/naive_scheduler.h"

#include <algorithm>

#include "core/schedule/preempt.h"

namespace mohona {

NaiveScheduler::NaiveScheduler(std::vector<Pool> pools, std::vector<Queue> queues,
                               SchedulingPolicy policy)
    : queues_(std::move(queues)), policy_(policy) {
  for (const Pool& pool : pools) spaces_.push_back(std::make_unique<Space>(pool));
  grow_tree();
}

// Shares are parts of what the fleet is worth, by what its pools cost now.
void NaiveScheduler::grow_tree() {
  Worth total = 0;
  for (PoolIndex p = 0; p < spaces_.size(); ++p) {
    const Pool& pool = spaces_[p]->pool();
    if (!removed_.contains(p)) total += pool.nodes * node_worth(pool);
  }
  tree_.define(queues_, total);
  for (Running& run : running_) {
    run.worth = worth_of(spaces_[run.pool]->pool(), run.demand) * run.grant.nodes();
    if (run.live) tree_.add_used(run.queue, run.worth);
  }
  for (auto& [id, job] : jobs_) {
    if (!job.kept) continue;
    const NodeSet& nodes = spaces_[job.kept->pool]->held(job.kept->slot).nodes;
    job.kept->worth = worth_kept(job.needs, job.kept->pool, nodes);
    tree_.add_held(tree_.find(job.needs.queue), job.kept->worth);
  }
}

Worth NaiveScheduler::worth_kept(const Needs& needs, PoolIndex pool, const NodeSet& nodes) const {
  std::map<std::uint32_t, Worth> by_choice;
  for (const Target& target : targets(needs)) {
    if (target.pool == pool) by_choice[target.choice] = target.node_worth * count(nodes);
  }
  return by_choice.empty() ? 0 : by_choice.begin()->second;
}

void NaiveScheduler::define_pool(PoolIndex index, const Pool& pool) {
  spaces_[index]->define(pool);
  grow_tree();
}

void NaiveScheduler::add_pool(const Pool& pool) {
  spaces_.push_back(std::make_unique<Space>(pool));
  grow_tree();
}

void NaiveScheduler::remove_pool(PoolIndex pool) {
  removed_.insert(pool);
  std::erase_if(reservations_, [&](const auto& r) { return r.second.pool == pool; });
  grow_tree();
}

void NaiveScheduler::submit(const Needs& needs, const Rank& rank) {
  jobs_[rank.job] = {needs, rank, {}, false, false, false};
}

void NaiveScheduler::cancel(JobId id) {
  drop_hold(jobs_.at(id));
  jobs_.erase(id);
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

void NaiveScheduler::set_end(JobId id, Timestamp end, Timestamp expected) {
  for (Running& run : running_) {
    if (run.live && run.id.job == id) run.end = end, run.expected = expected;
  }
}

void NaiveScheduler::set_reclaimed(PoolIndex pool, bool reclaimed) {
  reclaimed_.erase(pool);
  if (reclaimed) reclaimed_.insert(pool);
}

void NaiveScheduler::set_nodes(PoolIndex pool, const NodeRanges& nodes, NodeState state) {
  Space& space = *spaces_[pool];
  for (const NodeRange& range : nodes) {
    for (std::int64_t i = range.first; i <= range.last; ++i) {
      space.set_state(static_cast<NodeIndex>(i), state);
    }
  }
}

void NaiveScheduler::set_foreign(PoolIndex pool, NodeIndex node, const ForeignLoad& load) {
  spaces_[pool]->set_foreign(node, load);
}

void NaiveScheduler::reserve(const AdvanceReservation& reservation, PoolIndex pool) {
  Space& space = *spaces_[pool];
  const HoldSlot slot =
      space.hold({0, true, to_set(reservation.where, space.leaf_size()), reservation.from});
  reservations_[reservation.name] = {reservation, pool, slot};
}

void NaiveScheduler::unreserve(const std::string& name) {
  const Reserved& was = reservations_.at(name);
  spaces_[was.pool]->unhold(was.slot);
  reservations_.erase(name);
}

// What is kept for it is of no use: nodes that take no work, that it may not use any more, or that
// a window takes too soon.
bool NaiveScheduler::is_broken(const Job& job) const {
  if (!job.kept) return false;
  const Space& space = *spaces_[job.kept->pool];
  const std::vector<Target> all = targets(job.needs);
  const auto target = std::find_if(all.begin(), all.end(),
                                   [&](const Target& t) { return t.pool == job.kept->pool; });
  if (reclaimed_.contains(job.kept->pool) || target == all.end()) return true;
  const NodeSet& nodes = space.held(job.kept->slot).nodes;
  for (NodeIndex i = 0; i < space.nodes(); ++i) {
    const Leaf leaf = i / space.leaf_size();
    const Mask bit = Mask{1} << (i % space.leaf_size());
    if (!(mask_of(nodes, leaf) & bit)) continue;
    if (!space.takes_work(space.node(i))) return true;
    if (!target->features.empty() && !(target->features[leaf] & bit)) return true;
  }
  for (const auto& [name, r] : reservations_) {
    if (r.pool != job.kept->pool) continue;
    const bool in_time = job.needs.limit != Duration::max() &&
                         std::max(job.kept->start, now_) + job.needs.limit <= r.reservation.from;
    if (!in_time && overlap(nodes, space.held(r.slot).nodes)) return true;
  }
  return false;
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
    if (is_broken(job)) {
      if (auto decision = try_plan(job)) return decision;
      return Drop{job.rank.job, "nodes that were kept for it take no more work"};
    }
    job.blocked = true;
    job.lacks_room = false;
    for (const Target& target : targets(job.needs)) {
      const Worth wanted =
          target.node_worth * job.needs.min_nodes - (job.kept ? job.kept->worth : 0);
      if (!reclaimed_.contains(target.pool) && !tree_.blocks(tree_.find(job.needs.queue), wanted) &&
          pays(job, target, job.needs.min_nodes)) {
        job.lacks_room = true;
      }
    }
  }
}

std::vector<Target> NaiveScheduler::targets(const Needs& needs) const {
  std::vector<std::pair<std::tuple<std::size_t, Wide, Purchase, std::string, std::size_t>, Target>>
      found;
  for (std::uint32_t i = 0; i < needs.choices.size(); ++i) {
    for (PoolIndex p = 0; p < spaces_.size(); ++p) {
      const Pool& pool = spaces_[p]->pool();
      const Choice& choice = needs.choices[i];
      if (removed_.contains(p) || mismatch(*spaces_[p], needs, choice) != Mismatch::none) continue;
      const Fraction part = part_of(pool.shape, choice.demand);
      const std::int64_t n = needs.min_nodes;
      const Wide an_hour = cost_ ? cost_(needs, pool, n, part) * 1'000'000 / n
                                 : Wide{pool.price.nanos} * part.held * 1'000'000 / part.whole;
      const Wide cost = an_hour / choice.speed_milli;
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
  if (reclaimed_.contains(target.pool)) return 0;
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
  if (job.kept && job.kept->preempting && !is_broken(job)) return std::nullopt;
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
    if (job.kept && job.kept->promised && !is_broken(job) && job.kept->start < start) continue;
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
  const Worth worth = worth_kept(needs, keep.pool, keep.nodes);
  Space& space = *spaces_[keep.pool];
  const HoldSlot slot = space.hold({keep.job.value, false, keep.nodes, keep.start});
  job.kept =
      Kept{keep.pool, slot, keep.start, keep.expected, keep.promised, keep.preempting, worth};
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

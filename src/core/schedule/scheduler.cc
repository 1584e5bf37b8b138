#include "core/schedule/scheduler.h"

#include <algorithm>

namespace mohona {
namespace {

// What is said of nodes that the pool no longer has is nothing to it.
NodeSet offered(NodeRanges nodes, const Space& space) {
  const std::int64_t last = std::int64_t{space.nodes()} - 1;
  for (NodeRange& range : nodes) range.last = std::min(range.last, last);
  std::erase_if(nodes, [](const NodeRange& range) { return range.first > range.last; });
  return to_set(nodes, space.leaf_size());
}

}  // namespace

// --- the fleet
// ------------------------------------------------------------------------------------

std::optional<PoolIndex> Scheduler::find_pool(const std::string& name) const {
  for (PoolIndex i = 0; i < pools_.size(); ++i) {
    if (!pools_[i]->removed && pools_[i]->space.pool().name == name) return i;
  }
  return std::nullopt;
}

const Space& Scheduler::space(PoolIndex pool) const { return pools_[pool]->space; }

void Scheduler::define_pool(const Pool& pool) {
  const auto known = find_pool(pool.name);
  if (known) {
    pools_[*known]->space.define(pool);
    pools_[*known]->scores.reset();
  } else {
    pools_.push_back(std::make_unique<PoolState>(pool));
    find_price(*pools_.back());
  }
  PoolState& here = known ? *pools_[*known] : *pools_.back();
  here.vacancies.clear(), here.stale.clear();
  for (NodeIndex i = 0; i < here.space.nodes(); ++i) {
    here.vacancies.push_back(vacancy_of(here.space, running_, i));
  }
  define_queues(queues_, policy_);
}

void Scheduler::remove_pool(const std::string& name) {
  const auto pool = find_pool(name);
  if (!pool) return;
  std::erase_if(reservations_, [&](const auto& r) { return r.second.pool == *pool; });
  pools_[*pool]->removed = true;
  define_queues(queues_, policy_);
}

void Scheduler::set_reclaimed(const std::string& name, bool reclaimed) {
  const auto pool = find_pool(name);
  if (!pool) return;
  pools_[*pool]->reclaimed = reclaimed;
  wake_everything();
}

void Scheduler::define_queues(const std::vector<Queue>& queues, const SchedulingPolicy& policy) {
  queues_ = queues;
  policy_ = policy;
  Worth total = 0;
  for (const auto& pool : pools_) {
    if (!pool->removed) total += pool->space.pool().nodes * node_worth(pool->space.pool());
  }
  // Everything derived from the tree is made anew.
  for (ClassId id = 0; id < classes_.size(); ++id) {
    if (classes_[id]) unlist(id), unwatch(id);
  }
  std::vector<std::string> names;  // of the queues of what runs
  for (const Running& run : running_) {
    names.push_back(run.live ? tree_.node(run.queue).queue.name : std::string());
  }
  tree_.define(queues, total);
  turns_.resize(tree_.size());
  at_queue_.assign(tree_.size(), {});
  sharers_.assign(tree_.size(), {});
  sharers_to_look_.clear();
  for (const auto& pool : pools_) pool->fixed = pool->movable = 0;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Running& run = running_[i];
    if (!run.live) continue;
    PoolState& pool = *pools_[run.pool];
    run.queue = tree_.find(names[i]);
    run.worth = worth_of(pool.space.pool(), run.demand) * run.grant.nodes();
    tree_.add_used(run.queue, run.worth);
    (run.movable ? pool.movable : pool.fixed) += run.worth;
  }
  ++fleet_version_;
  for (const auto& c : classes_) {
    if (!c) continue;
    c->leaf = tree_.find(c->needs.queue);
    if (!c->kept) continue;
    c->kept->worth =
        worth_kept(*c, c->kept->pool, pools_[c->kept->pool]->space.held(c->kept->slot).nodes);
    tree_.add_held(c->leaf, c->kept->worth);
  }
  wake_everything();
}

void Scheduler::wake_everything() {
  unplannable_.clear();
  for (ClassId id = 0; id < classes_.size(); ++id) {
    if (!classes_[id]) continue;
    classes_[id]->unplannable = false;
    if (!classes_[id]->waiting.empty()) wake(id);
  }
}

// Whether nodes that are kept for a class take no work, or it may not use them any more.
bool Scheduler::is_out_of_use(const Class& c) const {
  const PoolState& pool = *pools_[c.kept->pool];
  const auto target = std::find_if(c.targets.begin(), c.targets.end(),
                                   [&](const Target& t) { return t.pool == c.kept->pool; });
  if (pool.reclaimed || target == c.targets.end()) return true;
  const Request request = request_for(c, *target, now_);
  const NodeSet& nodes = pool.space.held(c.kept->slot).nodes;
  return std::any_of(nodes.begin(), nodes.end(), [&](const Segment& s) {
    return (s.nodes & ~(pool.space.taking_work(s.leaf) & request.featured(s.leaf))) != 0;
  });
}

// Whether what is kept for a class is of no use to it any more: that, or its nodes are to be given
// up before it would have left, were it to start when it was to, or now.
bool Scheduler::is_broken(const Class& c) const {
  if (is_out_of_use(c)) return true;
  const Space& space = pools_[c.kept->pool]->space;
  const NodeSet& nodes = space.held(c.kept->slot).nodes;
  return std::any_of(reservations_.begin(), reservations_.end(), [&](const auto& r) {
    if (r.second.pool != c.kept->pool) return false;
    const Hold& window = space.held(r.second.slot);
    const bool in_time = c.needs.limit != Duration::max() &&
                         std::max(c.kept->start, now_) <= window.start - c.needs.limit;
    return !in_time && overlap(window.nodes, nodes);
  });
}

// Whose kept nodes take no work any more looks again; nodes that take work again are news.
void Scheduler::nodes_changed(PoolIndex pool, const NodeSet& touched) {
  const Space& here = pools_[pool]->space;
  for (ClassId id = 0; id < classes_.size(); ++id) {
    Class* c = classes_[id].get();
    if (!c || !c->kept || c->kept->pool != pool) continue;
    if (!overlap(here.held(c->kept->slot).nodes, touched)) continue;
    make_targets(*c);
    if (is_broken(*c)) wake(id);
  }
  retry_plans();
  wake_for(pool, touched);
}

void Scheduler::set_nodes(const std::string& name, const NodeRanges& nodes, NodeState state) {
  const auto pool = find_pool(name);
  if (!pool) return;
  Space& space = pools_[*pool]->space;
  const NodeSet set = offered(nodes, space);
  for (const Segment& s : set) {
    for_bits(s.nodes,
             [&](std::uint32_t place) { space.set_state(space.index(s.leaf, place), state); });
  }
  nodes_changed(*pool, set);
}

void Scheduler::set_foreign(const std::string& name, std::int64_t node, const ForeignLoad& load) {
  const auto pool = find_pool(name);
  if (!pool) return;
  Space& space = pools_[*pool]->space;
  const auto i = static_cast<NodeIndex>(node);
  space.set_foreign(i, load);
  auto& vacancies = pools_[*pool]->vacancies;
  if (vacancies.size() < space.nodes()) vacancies.resize(space.nodes());
  if (i < space.nodes()) vacancies[i] = vacancy_of(space, running_, i);
  nodes_changed(*pool, offered({{node, node}}, space));
}

void Scheduler::reserve(const AdvanceReservation& reservation) {
  const auto pool = find_pool(reservation.pool);
  if (!pool) return;
  unreserve(reservation.name);
  Space& space = pools_[*pool]->space;
  // Windows begin before gangs' holds of the same instant: their owners sort first.
  const HoldSlot slot =
      space.hold({0, true, to_set(reservation.where, space.leaf_size()), reservation.from});
  reservations_[reservation.name] = {reservation, *pool, slot};
  ++fleet_version_;
  wake_everything();
}

void Scheduler::unreserve(const std::string& name) {
  const auto found = reservations_.find(name);
  if (found == reservations_.end()) return;
  const Reserved was = found->second;
  reservations_.erase(found);
  unhold(was.pool, was.slot);
  ++fleet_version_;
  wake_everything();
}

NodeRanges Scheduler::nodes_for(const AdvanceReservation& reservation, Timestamp now) const {
  if (!reservation.where.empty()) return reservation.where;
  const auto pool = find_pool(reservation.pool);
  if (!pool) return {};
  const Space& space = pools_[*pool]->space;
  const Demand all{space.pool().shape.cpus_milli, space.pool().shape.memory_mib, "",
                   space.pool().shape.gpus, 0};
  Request request;
  request.demand = &all;
  request.min_nodes = request.max_nodes = reservation.nodes;
  const auto found = plan(space, running_, pools_[*pool]->vacancies, request, Duration::max(), now);
  if (!found || found->start > reservation.from) return {};
  return to_ranges(found->nodes, space.leaf_size());
}

void Scheduler::unhold(PoolIndex pool, HoldSlot slot) {
  Space& space = pools_[pool]->space;
  const NodeSet nodes = space.held(slot).nodes;
  space.unhold(slot);
  retry_plans();
  wake_for(pool, nodes);
  look_for_victims();
}

// --- work
// -----------------------------------------------------------------------------------------

ClassId Scheduler::new_class(Needs needs) {
  ClassId id = static_cast<ClassId>(classes_.size());
  if (free_classes_.empty()) {
    classes_.push_back(std::make_unique<Class>());
  } else {
    id = free_classes_.back();
    free_classes_.pop_back();
    classes_[id] = std::make_unique<Class>();
  }
  classes_[id]->leaf = tree_.find(needs.queue);
  classes_[id]->needs = std::move(needs);
  return id;
}

ClassId Scheduler::intern(const Needs& needs) {
  const auto found = by_needs_.lower_bound(needs);
  if (found != by_needs_.end() && found->first == needs) return found->second;
  const ClassId id = new_class(needs);
  by_needs_.emplace_hint(found, needs, id);
  return id;
}

void Scheduler::free_class(ClassId id) {
  look_for_sharer(classes_[id]->leaf);
  unlist(id);
  unwatch(id);
  if (!classes_[id]->kept) by_needs_.erase(classes_[id]->needs);
  classes_[id].reset();
  free_classes_.push_back(id);
}

Waiting Scheduler::wait(JobId, Needs needs, const Rank& rank) {
  const ClassId id = intern(needs);
  Class& c = *classes_[id];
  c.waiting.insert(rank);
  if (*c.waiting.begin() == rank) wake(id);
  return {id, rank};
}

void Scheduler::leave(const Waiting& waiting) {
  Class& c = *classes_[waiting.id];
  const bool head = !c.waiting.empty() && *c.waiting.begin() == waiting.rank;
  c.waiting.erase(waiting.rank);
  if (c.kept) {
    const Kept was = *c.kept;
    const QueueIndex leaf = c.leaf;
    tree_.add_held(leaf, -was.worth);
    if (!was.preempting) --kept_count_;
    free_class(waiting.id);
    unhold(was.pool, was.slot);
    wake_queues(leaf);
    return;
  }
  if (c.waiting.empty()) {
    free_class(waiting.id);
  } else if (head) {
    wake(waiting.id);
  }
}

void Scheduler::set_cost(Cost cost) {
  cost_ = std::move(cost);
  costs_changed();
}

void Scheduler::PoolState::occupied(const Grant& grant, const Running& run) {
  if (vacancies.size() < space.nodes())
    vacancies.resize(space.nodes());  // one that is not offered any more may be held again
  const bool gpus = space.pool().shape.gpus > 0;
  for_nodes(grant, space.leaf_size(), [&](NodeIndex i) { add_occupant(vacancies[i], run, gpus); });
}

// Others may still be there; they are looked at when a plan wants to know.
void Scheduler::PoolState::changed(const Grant& grant) {
  for_nodes(grant, space.leaf_size(), [&](NodeIndex i) {
    Vacancy& vacancy = vacancies[i];
    if (vacancy.stale) return;
    vacancy.stale = true;
    stale.push_back(i);
  });
}

void Scheduler::PoolState::refresh(std::span<const Running> running) {
  for (const NodeIndex i : std::exchange(stale, {})) {
    vacancies[i] = vacancy_of(space, running, i);
  }
}

Running Scheduler::run_of(const Waiting& waiting, const Start& start) const {
  const Needs& wants = needs(waiting);
  Running run;
  run.id = {start.job, 0, 1};
  run.pool = start.pool;
  run.queue = classes_[waiting.id]->leaf;
  run.priority = wants.priority;
  run.demand = wants.choices[start.choice].demand;
  run.grant = start.grant;
  run.worth = worth_of(space(start.pool).pool(), run.demand) * start.grant.nodes();
  run.started = now_;
  if (wants.limit != Duration::max()) run.end = now_ + wants.limit;
  run.expected = run.end;
  return run;
}

OccupantId Scheduler::start(Running run) {
  OccupantId who = static_cast<OccupantId>(running_.size());
  if (free_running_.empty()) {
    running_.emplace_back();
  } else {
    who = free_running_.back();
    free_running_.pop_back();
  }
  run.live = true;
  PoolState& pool = *pools_[run.pool];
  pool.space.take(run.grant, run.demand, who);
  pool.occupied(run.grant, run);
  tree_.add_used(run.queue, run.worth);
  if (run.preemptible) ++pool.preemptible[run.priority];
  ++pool.leaves_within[run.leaves_within];
  (run.movable ? pool.movable : pool.fixed) += run.worth;
  movers_to_look_ |= !run.movable;
  running_[who] = std::move(run);
  return who;
}

void Scheduler::end(OccupantId who) {
  Running run = std::move(running_[who]);
  running_[who] = Running{};
  free_running_.push_back(who);
  PoolState& pool = *pools_[run.pool];
  pool.space.give_back(run.grant, run.demand, who);
  pool.changed(run.grant);
  tree_.add_used(run.queue, -run.worth);
  if (run.preemptible && --pool.preemptible[run.priority] == 0) {
    pool.preemptible.erase(run.priority);
  }
  const auto leaves = pool.leaves_within.find(run.leaves_within);
  if (--leaves->second == 0) pool.leaves_within.erase(leaves);
  (run.movable ? pool.movable : pool.fixed) -= run.worth;
  movers_to_look_ |= run.movable && pool.movable == 0;
  NodeSet touched = std::move(run.grant.whole);
  for (const Member& member : run.grant.members) {
    append(touched, member.node, pool.space.leaf_size());
  }
  // With a window ahead, every node that is free earlier than was known may be in time.
  if (run.endless || !run.certain() || !reservations_.empty()) retry_plans();
  wake_queues(run.queue);
  wake_for(run.pool, touched);
}

void Scheduler::set_end(OccupantId who, Timestamp end, Timestamp expected) {
  running_[who].end = end;
  running_[who].expected = expected;
  pools_[running_[who].pool]->changed(running_[who].grant);
  if (!reservations_.empty()) retry_plans();
}

void Scheduler::set_checkpoint(OccupantId who, Timestamp at) { running_[who].checkpoint = at; }

void Scheduler::set_stopping(OccupantId who, JobId for_job, Timestamp gone_by) {
  Running& run = running_[who];
  if (run.endless) retry_plans();
  run.stopping = true;
  run.for_job = for_job;
  run.end = std::min(run.end, gone_by);
  run.expected = std::min(run.expected, gone_by);
  pools_[run.pool]->changed(run.grant);
}

// Of several ways to stand there by the first that its author named: what is cheapest may change.
Worth Scheduler::worth_kept(Class& c, PoolIndex pool, const NodeSet& nodes) {
  make_targets(c);
  Worth worth = 0;
  std::uint32_t choice = UINT32_MAX;
  for (const Target& target : c.targets) {
    if (target.pool != pool || target.choice >= choice) continue;
    choice = target.choice;
    worth = target.node_worth * count(nodes);
  }
  return worth;
}

Waiting Scheduler::keep(const Waiting& waiting, const Keep& keep) {
  const auto retry = classes_[waiting.id]->retry;
  Waiting plain = classes_[waiting.id]->kept ? release(waiting) : waiting;
  Class& from = *classes_[plain.id];
  const Needs needs = from.needs;
  if (keep.preempting) from.looked = 0;  // the next of its class may look, too
  leave(plain);
  const ClassId id = new_class(needs);
  Class& c = *classes_[id];
  PoolState& pool = *pools_[keep.pool];
  const Worth worth = worth_kept(c, keep.pool, keep.nodes);
  const HoldSlot slot = pool.space.hold({plain.rank.job.value, false, keep.nodes, keep.start});
  c.kept = Kept{keep.pool, slot, keep.start, keep.expected, keep.promised, keep.preempting, worth};
  tree_.add_held(c.leaf, worth);
  if (!keep.preempting) ++kept_count_;
  c.waiting.insert(plain.rank);
  c.looked = look_;
  c.retry = retry;
  wake(id);
  return {id, plain.rank};
}

Waiting Scheduler::release(const Waiting& waiting) {
  const Needs needs = classes_[waiting.id]->needs;
  leave(waiting);
  return wait(waiting.rank.job, needs, waiting.rank);
}

std::size_t Scheduler::ahead(const Waiting& waiting) const {
  const QueueIndex leaf = classes_[waiting.id]->leaf;
  std::size_t out = 0;
  for (const auto& c : classes_) {
    if (!c || c->leaf != leaf) continue;
    for (const Rank& other : c->waiting) {
      if (!(other < waiting.rank)) break;
      ++out;
    }
  }
  return out;
}

std::uint64_t Scheduler::leaves_visited() const {
  std::uint64_t out = 0;
  for (const auto& pool : pools_) out += pool->space.leaves_visited;
  return out;
}

}  // namespace mohona

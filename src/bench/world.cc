#include "bench/world.h"

namespace mohona {
namespace {

constexpr std::chrono::hours unknown_run{1};  // where nothing has ended yet

}  // namespace

void Digest::add(const NodeSet& nodes) {
  for (const Segment& segment : nodes) {
    add(segment.leaf);
    add(segment.nodes);
  }
}

std::string Digest::text() const { return fmt::format("{:016x}", XXH3_64bits_digest(state_)); }

World::World(const std::vector<Pool>& pools, const std::vector<Queue>& queues,
             const SchedulingPolicy& policy)
    : pools_(pools) {
  for (const Pool& pool : pools) {
    scheduler_.define_pool(pool);
    gpus_ += pool.nodes * pool.shape.gpus;
    if (pool.shape.gpus == 0) cores_ += pool.nodes * pool.shape.cpus_milli;
  }
  scheduler_.define_queues(queues, policy);
}

JobId World::submit(const Work& work, bool is_greedy) {
  const JobId id{++last_job_};
  const Rank rank = rank_of(work.needs.priority, now_, id, scheduler_.policy().ageing);
  Job& job = waiting_[id.value];
  job = {{}, work.runs, now_, is_greedy};
  if (is_greedy) ++greedy_waiting_;
  Needs needs = work.needs;
  begun_ = marked_ = ticks();
  job.waiting = scheduler_.wait(id, std::move(needs), rank);
  decide(id);
  write_down();
  return id;
}

void World::pass() {
  begun_ = marked_ = ticks();
  decide();
  write_down();
}

bool World::step(Timestamp until) {
  while (!leaving_.empty()) {
    const Leaving& next = leaving_.top();
    const Running& run = scheduler_.running(next.who);
    if (run.live && run.id == next.id) break;
    leaving_.pop();  // it was stopped earlier
  }
  const auto wake = scheduler_.wake_at();
  const Timestamp end = leaving_.empty() ? Timestamp::max() : leaving_.top().at;
  if (wake && *wake < end && *wake <= until) {
    now_ = std::max(now_, *wake);
    pass();
    return true;
  }
  if (end > until || leaving_.empty()) return false;
  const OccupantId who = leaving_.top().who;
  leaving_.pop();
  now_ = std::max(now_, end);
  count_use(scheduler_.running(who), -1);
  if (const Running& run = scheduler_.running(who); learns) {
    history_.add("", "", run.grant.nodes(), History::step_of(now_ - run.started));
  }
  if (on_end) on_end(who, scheduler_.running(who));
  --running_;
  ++counts_.ends;
  begun_ = marked_ = ticks();
  scheduler_.end(who);
  decide();
  write_down();
  return true;
}

void World::decide(std::optional<JobId> submitted) {
  const std::uint64_t slept_before = scheduler_.slept();
  const std::size_t first = decision_us_.size();
  scheduler_.begin(now_);
  while (const auto decision = scheduler_.next()) {
    std::visit([&](const auto& d) { apply(d); }, *decision);
    decided();
  }
  const Ticks end = ticks();
  const float rest = static_cast<float>(micros_between(marked_, end));
  event_us_.push_back(static_cast<float>(micros_between(begun_, end)));
  busy_seconds_ += micros_between(begun_, end) / 1e6;
  auto looks = static_cast<std::int64_t>(scheduler_.slept() - slept_before);
  const bool starts = std::any_of(done_.begin(), done_.end(), [&](const Done& done) {
    return submitted && !done.keep && scheduler_.running(done.who).id.job == *submitted;
  });
  if (submitted && !starts) {
    // If nobody looked, its class sleeps, and the class's reason is its own.
    ++(looks > 0 ? counts_.blocked : counts_.answered);
    if (looks > 0) --looks;
    decision_us_.push_back(rest);
  } else if (decision_us_.size() > first) {
    decision_us_.back() += rest;
  }
  counts_.in_vain += looks;
}

void World::decided() {
  const Ticks now = ticks();
  decision_us_.push_back(static_cast<float>(micros_between(marked_, now)));
  marked_ = now;
}

void World::apply(const Start& start) {
  const auto found = waiting_.find(start.job.value);
  Running run = scheduler_.run_of(found->second.waiting, start);
  if (!run.certain()) {
    const auto guess = history_.predict("", "", start.grant.nodes());
    run.expected = now_ + (guess ? guess->likely : unknown_run);
  }
  run.leaves_within = leaves_within;
  scheduler_.leave(found->second.waiting);
  const OccupantId who = scheduler_.start(std::move(run));
  ++counts_.starts;
  done_.push_back({who, found->second, std::nullopt});
}

void World::apply(const Keep& keep) {
  for (const OccupantId who : keep.victims) {
    scheduler_.set_stopping(who, keep.job, now_ + scheduler_.running(who).leaves_within);
  }
  Job& job = waiting_.at(keep.job.value);
  job.waiting = scheduler_.keep(job.waiting, keep);
  ++counts_.keeps;
  done_.push_back({nobody, job, keep});
}

void World::apply(const Drop& drop) {
  Job& job = waiting_.at(drop.job.value);
  job.waiting = scheduler_.release(job.waiting);
  ++counts_.drops;
}

// The rest of the event: what is no part of deciding.
void World::write_down() {
  // What is called may submit; that is an event of its own.
  const std::vector<Done> done = std::exchange(done_, {});
  for (const Done& one : done) {
    if (one.keep) {
      const Keep& keep = *one.keep;
      digest_.add(keep.job.value);
      digest_.add(keep.start.time_since_epoch().count());
      digest_.add(keep.nodes);
      for (const OccupantId who : keep.victims) {
        const Running& victim = scheduler_.running(who);
        leaving_.push({victim.end, ++last_leaving_, who, victim.id});
      }
      if (on_keep) on_keep(keep);
      continue;
    }
    const Running& run = scheduler_.running(one.who);
    if (one.job.greedy) --greedy_waiting_;
    waiting_.erase(run.id.job.value);
    digest_.add(run.id.job.value);
    digest_.add(run.pool);
    digest_.add(run.started.time_since_epoch().count());
    digest_.add(run.grant.whole);
    for (const Member& member : run.grant.members) {
      digest_.add(member.node);
      digest_.add(member.gpus);
    }
    ++running_;
    count_use(run, 1);
    leaving_.push({now_ + one.job.runs, ++last_leaving_, one.who, run.id});
    if (on_start) on_start(run.id.job, one.job, run);
  }
}

void World::count_use(const Running& run, std::int64_t sign) {
  if (pools_[run.pool].shape.gpus > 0) {
    gpus_used_ += sign * run.grant.nodes() * (run.demand.gpus * 1'000 + run.demand.gpu_milli);
  } else {
    cores_used_ += sign * run.grant.nodes() * run.demand.cpus_milli;
  }
}

void World::spread_ends(Dice& dice) {
  std::vector<Leaving> all;
  for (; !leaving_.empty(); leaving_.pop()) all.push_back(leaving_.top());
  for (Leaving& one : all) {
    const Duration rest = one.at - now_;
    one.at = now_ + rest * dice.between(1, 1'000) / 1'000;
    leaving_.push(one);
  }
}

}  // namespace mohona

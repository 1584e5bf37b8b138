#include "engine/slurm/slurm_engine.h"

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/time.h"
#include "engine/host/orders.h"
#include "engine/host/places.h"
#include "engine/host/progress_watch.h"
#include "engine/host/slot.h"
#include "engine/slurm/inventory.h"
#include "engine/slurm/judge.h"
#include "engine/slurm/link.h"
#include "engine/slurm/records.h"

namespace mohona {
namespace {

using namespace slurm;
using namespace std::chrono_literals;

// Launches come one by one; those that come together are asked for together.
constexpr auto gather_for = 20ms;
constexpr std::size_t array_max = 1'000;  // MaxArraySize is 1001 where nobody changes it
// Looking at files takes at most a fiftieth of one core, and less when they are slow.
constexpr int look_pause = 50;
constexpr auto look_pause_min = 20ms;
constexpr auto look_pause_max = 1s;
constexpr auto progress_every_look = 1s;
// How long a shard's slot waits for the next shard.
constexpr auto linger = 2s;
// A cluster that has been silent for so long is given no more work.
constexpr auto silence_max = 20s;
// After a refusal that concerns all work of a pool it is tried again, later and later.
constexpr auto refusal_pause = 30s;
constexpr auto refusal_pause_max = 600s;

struct Trouble {
  std::string words;
  Steady::time_point until;
  Steady::duration pause = refusal_pause;
};

class Slurm : public SlurmEngine {
 public:
  Slurm(SlurmEngineOptions options, std::string name)
      : options_(std::move(options)),
        prefix_("mohona:" + name + ":"),
        places_(options_.home),
        records_(options_.home),
        progress_(places_.supervisors_log()) {}
  ~Slurm() override;

  Result<void> open();

  Result<void> launch(const Launch& launch) override;
  Result<void> stop(const AttemptId& attempt, const Stop& stop) override;
  Result<std::vector<Report>> observe() override { return reports(false); }
  Result<std::vector<Report>> changes() override { return reports(true); }
  Result<void> forget(const AttemptId& attempt) override;
  Result<std::vector<std::string>> list_shards(const Job& job,
                                               const std::vector<NeededJob>& needs) override {
    return host::list_shards(places_, job, needs);
  }
  Result<LogPart> read_log(const AttemptId& attempt, std::int64_t rank, std::uint64_t offset,
                           std::size_t bytes_max) override {
    return host::read_log(places_, attempt, rank, offset, bytes_max);
  }
  std::optional<std::vector<NodeReport>> nodes(const Pool& pool) override;
  void on_change(std::function<void()> changed) override {
    const std::lock_guard lock(mutex_);
    changed_ = std::move(changed);
  }
  Result<void> complete(Pool& pool, const Pool* known) override;

 private:
  // Everything below is called under the lock, but what says so.
  std::vector<Report> reports(bool changed_only);
  Link& link(const Site& site);
  std::string comment(const std::string& batch) const { return prefix_ + batch; }
  std::string new_batch_name();
  bool take_over_slot(Mark& mark, const std::string& directory);
  void form_batches();
  void form_batch(std::vector<Tracked*> members);
  void submit(const std::string& name, const JobBatch& batch, bool doubtful);
  void remove_old_batches();
  bool settle(Tracked& known, const Seen& seen);
  void note_refusal(const Tracked& known, const std::string& words);
  std::map<std::string, Own> own_on(const Pool& pool, const Site& site);
  void loop();  // without the lock
  bool look();  // without the lock

  SlurmEngineOptions options_;
  std::string prefix_;
  host::Places places_;
  Records records_;
  host::ProgressWatch progress_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::function<void()> changed_;
  std::map<AttemptId, Tracked> known_;
  std::map<std::string, JobBatch> batches_;
  std::map<Site, std::unique_ptr<Link>> links_;
  std::set<AttemptId> gathering_;
  std::multimap<std::string, std::pair<std::string, std::int64_t>> free_slots_;  // by key
  std::map<std::string, Trouble> troubles_;                                      // by pool
  std::map<std::string, std::vector<NodeReport>> loads_before_;                  // by pool
  Steady::time_point launched_at_, cleaned_at_;
  std::string last_batch_;
  bool news_ = false, stop_ = false;
  std::thread thread_;
};

Slurm::~Slurm() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_ = nullptr;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  links_.clear();
}

Result<void> Slurm::open() {
  auto batches = records_.batches();
  if (!batches) return fail(batches.error());
  auto marks = records_.marks();
  if (!marks) return fail(marks.error());
  std::unique_lock lock(mutex_);
  batches_ = std::move(*batches);
  std::set<std::string> wanted;
  for (Mark& mark : *marks) {
    Tracked& known = known_[mark.attempt];
    known.report.attempt = mark.attempt;
    known.mark = std::move(mark);
    if (!batches_.contains(known.mark.batch)) {
      known.mark.batch.clear();
      gathering_.insert(known.mark.attempt);
      continue;
    }
    wanted.insert(known.mark.batch);
    const auto stop = host::read_stop(places_.attempt(known.mark.attempt));
    if (stop) known.ask_to_stop(stop->within);
  }
  for (const std::string& name : wanted) {
    const JobBatch& batch = batches_.at(name);
    // A slot that has begun tells that Slurm has had the job: it is not asked again.
    bool begun = false;
    for (std::int64_t i = 0; i < batch.submission.tasks && !begun; ++i) {
      begun = host::exists(records_.slot(name, i) + "/began");
    }
    if (begun) {
      link(batch.site).look_now(false);
    } else {
      submit(name, batch, true);
    }
  }
  lock.unlock();
  (void)look();  // what ended meanwhile is known from the first question on
  thread_ = std::thread([this] { loop(); });
  return {};
}

Link& Slurm::link(const Site& site) {
  auto& link = links_[site];
  if (!link) {
    link = std::make_unique<Link>(options_.open(site), prefix_, [this] {
      const std::lock_guard lock(mutex_);
      news_ = true;
      wake_.notify_all();
    });
  }
  return *link;
}

// --- launches

Result<void> Slurm::launch(const Launch& launch) {
  const AttemptId& id = launch.attempt.id;
  {
    const std::lock_guard lock(mutex_);
    if (known_.contains(id)) return {};
  }
  auto mark = mark_of(launch);
  if (!mark) return fail(mark.error());
  const std::int64_t port = launch.spec->resources.ports.empty()
                                ? 0
                                : std::atoll(launch.spec->resources.ports[0].c_str());
  const auto order = host::make_order(places_, launch, host::Where::slurm, mark->alone.nodes, port);
  if (!order) return fail(order.error());
  if (auto ok = host::place_order(places_, launch, *order); !ok) return ok;
  const std::lock_guard lock(mutex_);
  const bool has_slot = take_over_slot(*mark, places_.attempt(id));
  if (auto ok = records_.write(*mark); !ok) return ok;
  Tracked& known = known_[id];
  known.report.attempt = id;
  launched_at_ = Steady::now();
  known.mark = std::move(*mark);
  if (!has_slot) gathering_.insert(id);
  wake_.notify_all();
  return {};
}

bool Slurm::take_over_slot(Mark& mark, const std::string& directory) {
  if (mark.key.empty()) return false;
  for (auto it = free_slots_.find(mark.key); it != free_slots_.end() && it->first == mark.key;) {
    const auto [batch, slot] = it->second;
    it = free_slots_.erase(it);
    const auto given = host::give(records_.slot(batch, slot), directory);
    if (!given || !*given) continue;
    mark.batch = batch;
    mark.slot = slot;
    return true;
  }
  return false;
}

// Never one that was used: by it Slurm's jobs are found again.
std::string Slurm::new_batch_name() {
  const auto now = SystemClock().now().time_since_epoch();
  std::string name =
      fmt::format("{:x}", std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  while (name <= last_batch_ || batches_.contains(name)) {
    name = fmt::format("{:x}", std::stoull(std::max(name, last_batch_), nullptr, 16) + 1);
  }
  return last_batch_ = name;
}

void Slurm::form_batches() {
  std::map<std::string, std::vector<Tracked*>> by_key;
  for (const AttemptId& id : gathering_) {
    Tracked& known = known_.at(id);
    if (known.mark.key.empty()) {
      form_batch({&known});
    } else {
      auto& members = by_key[known.mark.key];
      members.push_back(&known);
      if (members.size() >= array_max) form_batch(std::exchange(members, {}));
    }
  }
  for (auto& [key, members] : by_key) {
    if (!members.empty()) form_batch(std::move(members));
  }
  gathering_.clear();
}

void Slurm::form_batch(std::vector<Tracked*> members) {
  const std::string name = new_batch_name();
  const Mark& first = members.front()->mark;
  JobBatch batch{first.site, first.alone};
  batch.submission.tasks = std::ssize(members);
  batch.submission.comment = comment(name);
  batch.submission.output = records_.batch(name) + "/slurm.out";
  batch.submission.script =
      fmt::format("#!/bin/sh\nexec '{}' --slot '{}'/${{SLURM_ARRAY_TASK_ID:-0}}\n",
                  options_.supervisor, records_.batch(name));
  const Duration wait = first.key.empty() ? Duration{0} : Duration{linger};
  for (std::size_t i = 0; i < members.size(); ++i) {
    Mark& mark = members[i]->mark;
    mark.batch = name;
    mark.slot = static_cast<std::int64_t>(i);
    // What cannot be written now is written by the next start, or by the next launch of the
    // attempt: its mark has no batch yet.
    (void)host::make_slot(records_.slot(name, mark.slot), places_.attempt(mark.attempt), wait);
    (void)records_.write(mark);
  }
  (void)records_.write(name, batch);
  batches_[name] = batch;
  submit(name, batch, false);
}

void Slurm::submit(const std::string&, const JobBatch& batch, bool doubtful) {
  link(batch.site).submit(batch.submission, doubtful);
}

// --- stops and ends

Result<void> Slurm::stop(const AttemptId& id, const Stop& stop) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(id);
  if (found == known_.end() || found->second.report.phase == Phase::ended) return {};
  if (auto ok = host::write_stop(places_.attempt(id), stop); !ok) return ok;
  found->second.ask_to_stop(stop.within);
  news_ = true;
  wake_.notify_all();
  return {};
}

Result<void> Slurm::forget(const AttemptId& id) {
  const std::lock_guard lock(mutex_);
  records_.remove(id);
  progress_.forget(id);
  gathering_.erase(id);
  const auto found = known_.find(id);
  if (found == known_.end()) return {};
  const Tracked& known = found->second;
  if (!known.mark.key.empty() && known.report.phase == Phase::ended &&
      known.report.outcome.end == End::exited) {
    free_slots_.emplace(known.mark.key, std::pair(known.mark.batch, known.mark.slot));
  }
  known_.erase(found);
  return {};
}

std::vector<Report> Slurm::reports(bool changed_only) {
  const std::lock_guard lock(mutex_);
  std::vector<Report> out;
  for (auto& [id, known] : known_) {
    if (changed_only && !known.changed) continue;
    known.changed = false;
    out.push_back(known.report);
    if (known.report.phase == Phase::running) out.back().steps = progress_.newest(id);
  }
  return out;
}

void Slurm::note_refusal(const Tracked& known, const std::string& words) {
  if (!concerns_all(words)) return;
  const auto now = Steady::now();
  auto [it, first] = troubles_.try_emplace(known.mark.pool, Trouble{words, now + refusal_pause});
  Trouble& trouble = it->second;
  if (!first && now >= trouble.until) {
    trouble.pause = std::min<Steady::duration>(trouble.pause * 2, refusal_pause_max);
    trouble.until = now + trouble.pause;
  }
  trouble.words = words;
}

// What follows from what was seen of an attempt. True: there is something new to report.
bool Slurm::settle(Tracked& known, const Seen& seen) {
  const AttemptId& id = known.mark.attempt;
  const std::string directory = places_.attempt(id);
  Link& to = link(known.mark.site);
  const auto view = to.view();
  const std::string with = known.mark.batch.empty() ? "" : comment(known.mark.batch);
  if (gathering_.contains(id)) {
    if (!known.stopping) return false;
    gathering_.erase(id);
    known.end(stopped_before_it_began());
    return true;
  }
  const bool before = known.report.phase != Phase::launched;
  const Judgement judged = judge(known, seen, *view, with, !to.wants(with), Steady::now());
  if (judged.look) to.look_now(false);
  if (!judged.past.empty()) to.ask_past(judged.past);
  if (!judged.cancel.empty()) to.cancel(judged.cancel);
  if (!judged.signal.empty()) to.signal(judged.signal, "USR1");
  if (judged.withdraw && to.withdraw(with)) known.end(stopped_before_it_began());
  if (!judged.refused.empty()) note_refusal(known, judged.refused);
  if (known.report.phase == Phase::running) {
    progress_.follow(id, directory, seen.started && seen.started->progress_from_log);
    if (!before) troubles_.erase(known.mark.pool);
  }
  if (known.report.phase == Phase::ended && !known.last_steps_read) {
    known.last_steps_read = true;
    known.report.steps =
        host::last_steps(directory, seen.started && seen.started->progress_from_log);
    progress_.forget(id);
  }
  return std::exchange(known.changed_now, false);
}

// --- the thread

bool Slurm::look() {
  std::vector<std::pair<AttemptId, Seen>> seen;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, known] : known_) {
      if (known.report.phase != Phase::ended) seen.push_back({id, {}});
    }
  }
  for (auto& [id, files] : seen) {
    const std::string directory = places_.attempt(id);
    // In this order: what has ended has started.
    const bool ended = host::exists(directory + "/exit.json");
    if (ended) files.exit = host::read_exit(directory);
    files.started = host::read_started(directory);
  }
  const std::lock_guard lock(mutex_);
  bool news = false;
  for (const auto& [id, files] : seen) {
    const auto found = known_.find(id);
    if (found == known_.end() || !settle(found->second, files)) continue;
    found->second.changed = news = true;
  }
  return news;
}

void Slurm::loop() {
  auto looked_at_progress = Steady::now();
  while (true) {
    const auto begun = Steady::now();
    bool news = look();
    if (begun - looked_at_progress > progress_every_look) {
      looked_at_progress = begun;
      if (progress_.look()) {
        const std::lock_guard lock(mutex_);
        for (auto& [id, known] : known_) known.changed |= known.report.phase == Phase::running;
        news = true;
      }
    }
    std::function<void()> tell;
    {
      const std::lock_guard lock(mutex_);
      tell = changed_;
    }
    if (news && tell) tell();
    std::unique_lock lock(mutex_);
    const auto pause = std::clamp<Steady::duration>((Steady::now() - begun) * look_pause,
                                                    look_pause_min, look_pause_max);
    if (!gathering_.empty()) {
      wake_.wait_until(lock, launched_at_ + gather_for, [this] { return stop_; });
      if (!stop_ && Steady::now() >= launched_at_ + gather_for) form_batches();
    } else if (known_.empty()) {
      wake_.wait_for(lock, look_pause_max, [this] { return stop_ || !known_.empty(); });
    } else {
      wake_.wait_for(lock, pause, [this] { return stop_ || news_ || !gathering_.empty(); });
    }
    news_ = false;
    if (stop_) return;
    if (Steady::now() - cleaned_at_ > 60s) remove_old_batches();
  }
}

// Those of which nothing is known or runs any more.
void Slurm::remove_old_batches() {
  cleaned_at_ = Steady::now();
  std::set<std::string> used;
  for (const auto& [id, known] : known_) used.insert(known.mark.batch);
  std::erase_if(batches_, [&](const auto& entry) {
    const auto& [name, batch] = entry;
    if (used.contains(name)) return false;
    const auto view = link(batch.site).view();
    const auto jobs = view->jobs.find(comment(name));
    const bool runs = jobs != view->jobs.end() &&
                      std::any_of(jobs->second.begin(), jobs->second.end(),
                                  [](const JobInfo& j) { return j.phase != JobPhase::ended; });
    if (runs || !view->jobs_at || link(batch.site).wants(comment(name))) return false;
    std::erase_if(free_slots_, [&key = name](const auto& s) { return s.second.first == key; });
    link(batch.site).forget(comment(name));
    records_.remove_batch(name);
    return true;
  });
}

// --- the pool's nodes

std::map<std::string, Own> Slurm::own_on(const Pool& pool, const Site& site) {
  std::map<std::string, Own> own;
  const auto view = link(site).view();
  for (const auto& [name, batch] : batches_) {
    const auto jobs = view->jobs.find(comment(name));
    if (batch.site != site || jobs == view->jobs.end()) continue;
    const JobRequest& s = batch.submission;
    for (const JobInfo& job : jobs->second) {
      if (job.phase != JobPhase::running) continue;
      for (const std::string& host : s.nodes) {
        Own& here = own[host];
        here.cpus += std::max(s.cpus_per_node, job.cpus / std::ssize(s.nodes));
        here.memory_mib += s.memory_mib_per_node;
        here.gpus += s.gpus_per_node;
      }
    }
  }
  for (const auto& [id, known] : known_) {
    if (known.mark.pool != pool.name || known.report.phase == Phase::ended) continue;
    for (const Holding& holding : known.mark.holdings) {
      if (holding.node >= std::ssize(pool.hosts)) continue;
      auto& devices = own[pool.hosts[static_cast<std::size_t>(holding.node)]].devices;
      devices.insert(devices.end(), holding.devices.begin(), holding.devices.end());
    }
  }
  return own;
}

std::optional<std::vector<NodeReport>> Slurm::nodes(const Pool& pool) {
  const std::lock_guard lock(mutex_);
  const Site site = site_of(pool.engine_options);
  const auto view = link(site).view();
  const auto now = Steady::now();
  if (view->silent_since && now - *view->silent_since > silence_max) {
    return report_all(pool, view->silence);
  }
  if (!view->nodes_at || !view->jobs_at) return std::nullopt;
  if (const auto trouble = troubles_.find(pool.name);
      trouble != troubles_.end() && now < trouble->second.until) {
    return report_all(pool, "the cluster refuses work: " + trouble->second.words);
  }
  auto reports =
      report_nodes(pool, option(pool.engine_options, "partition"), view->nodes, own_on(pool, site));
  // Jobs and nodes are asked for one after the other; what is of one answer only is not believed.
  auto before = std::exchange(loads_before_[pool.name], reports);
  believe_twice(reports, before);
  return reports;
}

Result<void> Slurm::complete(Pool& pool, const Pool* known) {
  const auto nodes = options_.open(site_of(pool.engine_options))->nodes();
  if (!nodes) {
    if (!known || known->hosts.empty()) {
      return fail(nodes.error().code,
                  fmt::format("pool '{}': {}", pool.name, nodes.error().message));
    }
    // As it was: the cluster will be back.
    pool.hosts = known->hosts;
    pool.nodes = known->nodes;
    pool.features = known->features;
    const std::string name = pool.shape.name;
    pool.shape = known->shape;
    pool.shape.name = name;
    return {};
  }
  const std::vector<std::string> hosts =
      known && pool.hosts.empty() ? known->hosts : std::vector<std::string>{};
  return complete_pool(*nodes, option(pool.engine_options, "partition"), hosts, pool);
}

}  // namespace

Result<std::unique_ptr<SlurmEngine>> make_slurm_engine(SlurmEngineOptions options) {
  const auto name = Records(options.home).name();
  if (!name) return fail(name.error());
  auto engine = std::make_unique<Slurm>(std::move(options), *name);
  if (auto ok = engine->open(); !ok) return fail(ok.error());
  return engine;
}

}  // namespace mohona

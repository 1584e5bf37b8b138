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
#include "engine/slurm/batches.h"
#include "engine/slurm/inventory.h"
#include "engine/slurm/judge.h"
#include "engine/slurm/link.h"
#include "engine/slurm/records.h"
#include "engine/slurm/words.h"

namespace mohona {
namespace {

using namespace slurm;
using namespace std::chrono_literals;

// Launches come one by one; those that come together are asked for together.
constexpr auto gather_for = 20ms;
constexpr auto write_again_after = 1s;
// Looking at files takes at most a tenth of one core, and less when they are slow.
constexpr int look_pause = 10;
constexpr auto look_pause_min = 20ms;
constexpr auto look_pause_max = 1s;
constexpr auto progress_every_look = 1s;
constexpr auto clean_every = 60s;
// A cluster that has been silent for so long is given no more work.
constexpr auto silence_max = 20s;
// After a refusal that concerns all work of a pool it is tried again, later and later.
constexpr auto refusal_pause = 30s;
constexpr auto first_answer_max = 5s;
constexpr auto first_answer_every = 20ms;
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
        places_(options_.work),
        records_(options_.work),
        batches_(records_, places_, prefix_, options_.supervisor),
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
  void form_batches();
  void remove_old_batches();
  bool follow(Tracked& known, const Seen& seen);
  void note_refusal(const Tracked& known, const std::string& words);
  std::map<std::string, Own> own_on(const Pool& pool, const Site& site);
  Result<std::vector<NodeInfo>> ask_nodes(const Site& site);  // without the lock
  void loop();                                                // without the lock
  bool look();                                                // without the lock

  SlurmEngineOptions options_;
  std::string prefix_;
  host::Places places_;
  Records records_;
  Batches batches_;  // under the lock, as is everything below it
  host::ProgressWatch progress_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::function<void()> changed_;
  std::map<AttemptId, Tracked> known_;
  std::map<Site, std::unique_ptr<Link>> links_;
  std::set<AttemptId> gathering_;
  std::map<std::string, Trouble> troubles_;                      // by pool
  std::map<std::string, std::vector<NodeReport>> loads_before_;  // by pool
  Steady::time_point launched_at_, cleaned_at_;
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
  std::unique_lock lock(mutex_);
  if (auto ok = batches_.open(); !ok) return ok;
  auto marks = records_.marks();
  if (!marks) return fail(marks.error());
  std::set<std::string> wanted;
  for (Mark& mark : *marks) {
    Tracked& known = known_[mark.attempt];
    known.report.attempt = mark.attempt;
    known.mark = std::move(mark);
    if (!batches_.all().contains(known.mark.batch)) {
      known.mark.batch.clear();
      gathering_.insert(known.mark.attempt);
      continue;
    }
    wanted.insert(known.mark.batch);
    const auto stop = host::read_stop(places_.attempt(known.mark.attempt));
    if (stop) known.ask_to_stop(stop->within);
  }
  for (const std::string& name : wanted) {
    const JobBatch& batch = batches_.all().at(name);
    if (batches_.has_begun(name)) {  // so it is not asked again
      link(batch.site).look_now(false);
    } else {
      link(batch.site).submit(batch.request, true);
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
                                : std::atoll(launch.spec->resources.ports->front().c_str());
  const auto order =
      host::make_order(places_, launch, host::Where::slurm, mark->alone.nodes, port, "");
  if (!order) return fail(order.error());
  if (auto ok = host::place_order(places_, launch, *order); !ok) return ok;
  const std::lock_guard lock(mutex_);
  const bool has_slot = batches_.take_over(*mark);
  if (auto ok = records_.write(*mark); !ok) return ok;
  Tracked& known = known_[id];
  known.report.attempt = id;
  launched_at_ = Steady::now();
  known.mark = std::move(*mark);
  if (!has_slot) gathering_.insert(id);
  wake_.notify_all();
  return {};
}

// What cannot be written now waits for another try: nothing was asked of Slurm.
void Slurm::form_batches() {
  std::vector<Mark*> marks;
  for (const AttemptId& id : gathering_) marks.push_back(&known_.at(id).mark);
  for (const std::vector<Mark*>& group : gather(marks)) {
    const auto name = batches_.make(group);
    if (!name) {
      launched_at_ = Steady::now() + write_again_after;
      return;
    }
    for (const Mark* mark : group) gathering_.erase(mark->attempt);
    const JobBatch& batch = batches_.all().at(*name);
    link(batch.site).submit(batch.request, false);
  }
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
  if (known.report.phase == Phase::ended && known.report.outcome.end == End::exited) {
    batches_.free(known.mark);
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
bool Slurm::follow(Tracked& known, const Seen& seen) {
  const AttemptId& id = known.mark.attempt;
  const std::string directory = places_.attempt(id);
  Link& to = link(known.mark.site);
  const auto view = to.view();
  const std::string with = known.mark.batch.empty() ? "" : batches_.comment(known.mark.batch);
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
    if (found == known_.end() || !follow(found->second, files)) continue;
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
      for (const AttemptId& id : progress_.look()) {
        const std::lock_guard lock(mutex_);
        const auto known = known_.find(id);
        if (known == known_.end()) continue;
        known->second.changed = news = true;
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
    if (Steady::now() - cleaned_at_ > clean_every) remove_old_batches();
  }
}

// Those of which nothing is known or runs any more.
void Slurm::remove_old_batches() {
  cleaned_at_ = Steady::now();
  std::set<std::string> used;
  for (const auto& [id, known] : known_) used.insert(known.mark.batch);
  std::vector<std::string> old;
  for (const auto& [name, batch] : batches_.all()) {
    if (used.contains(name)) continue;
    const std::string comment = batches_.comment(name);
    const auto view = link(batch.site).view();
    const auto jobs = view->jobs.find(comment);
    const bool runs = jobs != view->jobs.end() &&
                      std::any_of(jobs->second.begin(), jobs->second.end(),
                                  [](const JobInfo& j) { return j.phase != JobPhase::ended; });
    if (runs || !view->jobs_at || link(batch.site).wants(comment)) continue;
    link(batch.site).forget(comment);
    old.push_back(name);
  }
  for (const std::string& name : old) batches_.remove(name);
}

// --- the pool's nodes

// What we hold on the pool's nodes, by their names.
std::map<std::string, Own> Slurm::own_on(const Pool& pool, const Site& site) {
  std::map<std::string, Own> own;
  const auto view = link(site).view();
  for (const auto& [name, batch] : batches_.all()) {
    const auto jobs = view->jobs.find(batches_.comment(name));
    if (batch.site == site && jobs != view->jobs.end()) add_jobs(batch.request, jobs->second, own);
  }
  for (const auto& [id, known] : known_) {
    if (known.mark.pool != pool.name || known.report.phase == Phase::ended) continue;
    add_devices(pool, known.mark.holdings, own);
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
  auto before = std::exchange(loads_before_[pool.name], reports);
  believe_twice(reports, before);
  return reports;
}

// Of the link's last answer. Where there is none yet, one is waited for, but not long: the rest of
// the fleet starts without a cluster that does not answer.
Result<std::vector<NodeInfo>> Slurm::ask_nodes(const Site& site) {
  const auto until = Steady::now() + first_answer_max;
  while (true) {
    std::shared_ptr<const View> view;
    {
      const std::lock_guard lock(mutex_);
      view = link(site).view();
    }
    if (view->nodes_at) return view->nodes;
    if (view->silent_since) return fail(Code::unavailable, view->silence, Retry::safe);
    if (Steady::now() > until) {
      return fail(Code::unavailable, "Slurm has not answered yet", Retry::safe);
    }
    std::this_thread::sleep_for(first_answer_every);
  }
}

Result<void> Slurm::complete(Pool& pool, const Pool* known) {
  const auto nodes = ask_nodes(site_of(pool.engine_options));
  const bool was_there = known && !known->hosts.empty();
  const std::vector<std::string> hosts = was_there ? known->hosts : std::vector<std::string>{};
  const std::string partition = option(pool.engine_options, "partition");
  auto done =
      nodes ? complete_pool(*nodes, partition, hosts, pool) : Result<void>(fail(nodes.error()));
  if (done) return done;
  if (!was_there) {
    return fail(done.error().code, fmt::format("pool '{}': {}", pool.name, done.error().message));
  }
  // As it was: the cluster, or the partition, will be back, and until then its nodes are reported.
  pool.hosts = known->hosts;
  pool.nodes = known->nodes;
  pool.features = known->features;
  pool.whole_only = known->whole_only;
  const std::string name = pool.shape.name;
  pool.shape = known->shape;
  pool.shape.name = name;
  return {};
}

}  // namespace

Result<std::unique_ptr<SlurmEngine>> make_slurm_engine(SlurmEngineOptions options) {
  const auto name = Records(options.work).name();
  if (!name) return fail(name.error());
  auto engine = std::make_unique<Slurm>(std::move(options), *name);
  if (auto ok = engine->open(); !ok) return fail(ok.error());
  return engine;
}

}  // namespace mohona

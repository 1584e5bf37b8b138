#include "engine/slurm/link.h"

#include <algorithm>

namespace mohona::slurm {
namespace {

using namespace std::chrono_literals;

constexpr auto jobs_every = 5s;
constexpr auto nodes_every = 10s;
// After a question without an answer.
constexpr auto retry_after = 2s;
// Signals in one go: each is a command.
constexpr std::size_t commands_max = 64;
constexpr std::size_t past_max = 10'000;

}  // namespace

const JobInfo* View::find(const std::string& comment, std::int64_t index) const {
  const auto found = jobs.find(comment);
  if (found == jobs.end()) return nullptr;
  for (const JobInfo& job : found->second) {
    if (job.index == index) return &job;
  }
  return nullptr;
}

Link::Link(std::unique_ptr<Cluster> cluster, std::string prefix, std::function<void()> changed)
    : cluster_(std::move(cluster)), prefix_(std::move(prefix)), changed_(std::move(changed)) {
  thread_ = std::thread([this] { loop(); });
}

Link::~Link() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    wake_.notify_all();
  }
  thread_.join();
}

void Link::submit(JobRequest request, bool doubtful) {
  const std::lock_guard lock(mutex_);
  const std::string comment = request.comment;
  Wanted& wanted = wanted_[comment];
  wanted.request = std::move(request);
  if (doubtful) wanted.tried = Steady::now();
  if (doubtful) jobs_now_ = true;
  wake_.notify_all();
}

bool Link::withdraw(const std::string& comment) {
  const std::lock_guard lock(mutex_);
  const auto found = wanted_.find(comment);
  if (found == wanted_.end() || found->second.sending || found->second.tried) return false;
  wanted_.erase(found);
  return true;
}

bool Link::wants(const std::string& comment) const {
  const std::lock_guard lock(mutex_);
  return wanted_.contains(comment);
}

void Link::cancel(const std::string& job) { signal(job, ""); }

void Link::signal(const std::string& job, const std::string& name) {
  const std::lock_guard lock(mutex_);
  commands_.emplace(job, name);
  wake_.notify_all();
}

void Link::ask_past(const std::string& job) {
  const std::lock_guard lock(mutex_);
  if (past_.size() < past_max && !view_->past.contains(job)) past_.insert(job);
  wake_.notify_all();
}

void Link::look_now(bool at_nodes) {
  const std::lock_guard lock(mutex_);
  jobs_now_ = true;
  nodes_now_ |= at_nodes;
  wake_.notify_all();
}

void Link::forget(const std::string& comment) {
  publish([&](View& view) { view.refused.erase(comment); });
}

std::shared_ptr<const View> Link::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

// Readers keep the view that they have; a change makes another.
template <class Change>
void Link::publish(Change change) {
  const std::lock_guard lock(mutex_);
  auto next = std::make_shared<View>(*view_);
  change(*next);
  view_ = std::move(next);
}

bool Link::due(Steady::time_point now) const {
  if (stop_) return true;
  if (now < retry_at_) return false;
  const bool to_send = std::any_of(wanted_.begin(), wanted_.end(), [&](const auto& wanted) {
    const auto& tried = wanted.second.tried;
    return !tried || (view_->jobs_at && *tried < *view_->jobs_at);
  });
  return to_send || jobs_now_ || nodes_now_ || !commands_.empty() || !past_.empty() ||
         now >= jobs_next_ || now >= nodes_next_;
}

void Link::loop() {
  while (true) {
    bool jobs = false, nodes = false;
    {
      std::unique_lock lock(mutex_);
      const auto next = [&] { return std::max(retry_at_, std::min(jobs_next_, nodes_next_)); };
      while (!due(Steady::now())) {
        wake_.wait_until(lock, std::min(next(), Steady::now() + std::chrono::seconds(1)));
      }
      if (stop_) return;
      const auto now = Steady::now();
      jobs = jobs_now_ || now >= jobs_next_;
      nodes = nodes_now_ || now >= nodes_next_;
      jobs_now_ &= !jobs;
      nodes_now_ &= !nodes;
    }
    submit_wanted();
    if (jobs) look_at_jobs();
    if (nodes) look_at_nodes();
    send_commands();
    changed_();
  }
}

// An answer, or none.
void Link::heard(const Error* error) {
  const bool silent = error && error->code == Code::unavailable;
  if (const std::string silence = silent ? error->message : ""; silence != view()->silence) {
    publish([&](View& view) {
      if (view.silence.empty()) view.silent_since = Steady::now();
      if (silence.empty()) view.silent_since.reset();
      view.silence = silence;
    });
  }
  const std::lock_guard lock(mutex_);
  retry_at_ = silent ? Steady::now() + retry_after : Steady::time_point{};
}

// A look that fails, whatever the reason, leaves us without news.
void Link::heard_nothing(Error error) {
  error.code = Code::unavailable;
  heard(&error);
}

void Link::look_at_jobs() {
  const auto asked_at = Steady::now();
  auto jobs = cluster_->jobs(prefix_);
  {
    const std::lock_guard lock(mutex_);
    jobs_next_ = Steady::now() + jobs_every;
    jobs_now_ |= !jobs;
  }
  if (!jobs) return heard_nothing(jobs.error());
  heard(nullptr);
  std::map<std::string, std::vector<JobInfo>> by_comment;
  for (JobInfo& job : *jobs) by_comment[job.comment].push_back(std::move(job));
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(wanted_, [&](const auto& w) { return by_comment.contains(w.first); });
  }
  publish([&](View& view) {
    view.jobs = std::move(by_comment);
    view.jobs_at = asked_at;
  });
}

void Link::look_at_nodes() {
  const auto asked_at = Steady::now();
  auto nodes = cluster_->nodes();
  {
    const std::lock_guard lock(mutex_);
    nodes_next_ = Steady::now() + nodes_every;
    nodes_now_ |= !nodes;
  }
  if (!nodes) return heard_nothing(nodes.error());
  heard(nullptr);
  publish([&](View& view) {
    view.nodes = std::move(*nodes);
    view.nodes_at = asked_at;
  });
}

void Link::submit_wanted() {
  std::vector<std::string> comments;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [comment, wanted] : wanted_) comments.push_back(comment);
  }
  for (const std::string& comment : comments) {
    JobRequest request;
    {
      const std::lock_guard lock(mutex_);
      const auto found = wanted_.find(comment);
      if (stop_ || Steady::now() < retry_at_) return;
      if (found == wanted_.end()) continue;
      Wanted& wanted = found->second;
      // Whether it is there already is to be known first.
      if (wanted.tried && !(view_->jobs_at && *wanted.tried < *view_->jobs_at)) continue;
      wanted.sending = true;
      request = wanted.request;
    }
    const auto job = cluster_->submit(request);
    heard(job ? nullptr : &job.error());
    const bool refused = !job && job.error().code != Code::unavailable;
    if (refused) publish([&](View& view) { view.refused[comment] = job.error().message; });
    const std::lock_guard lock(mutex_);
    jobs_now_ = true;
    if (job || refused) {
      wanted_.erase(comment);
    } else {
      wanted_[comment].sending = false;
      wanted_[comment].tried = Steady::now();
    }
  }
}

void Link::send_commands() {
  std::vector<std::pair<std::string, std::string>> commands;
  std::vector<std::string> past;
  {
    const std::lock_guard lock(mutex_);
    while (!commands_.empty() && commands.size() < commands_max) {
      commands.push_back(std::move(commands_.extract(commands_.begin()).value()));
    }
    while (!past_.empty()) past.push_back(std::move(past_.extract(past_.begin()).value()));
  }
  for (const auto& [job, name] : commands) {
    // What fails is asked for again by whoever still wants it.
    const auto done = name.empty() ? cluster_->cancel(job) : cluster_->signal(job, name);
    heard(done ? nullptr : &done.error());
  }
  if (!commands.empty()) look_now(false);
  for (const std::string& job : past) {
    const auto state = cluster_->past_state(job);
    heard(state ? nullptr : &state.error());
    if (!state) continue;
    publish([&](View& view) {
      if (view.past.size() >= past_max) view.past.clear();
      view.past[job] = *state;
    });
  }
}

}  // namespace mohona::slurm

#include "control/controller.h"

#include "core/audit/audit.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t queue_max = 65'536;
constexpr std::size_t batch_max = 1'024;
// Of what the engines report and of what is placed, so many at a time: what is decided together is
// held in memory together, and an array may fill a fleet of a hundred thousand cores.
constexpr std::size_t reports_max = 1'024;
constexpr std::size_t placements_max = 1'024;
constexpr auto resume_every = 1s;
// A core that fails is tried again ever more seldom: each time the whole state is loaded.
constexpr auto resume_pause_max = 5min;
constexpr std::size_t unfit_max = 10'000;
// With more jobs than that the controller does not look over its own state: it would be late for
// what waits. `mohona audit` does it when it is asked to.
constexpr std::size_t looked_over_max = 20'000;

// The attempt that an engine's report is about.
std::optional<AttemptId> attempt_of(const Input& input) {
  return std::visit(
      [](const auto& what) -> std::optional<AttemptId> {
        if constexpr (requires { what.attempt; }) {
          return what.attempt;
        } else {
          return std::nullopt;
        }
      },
      input);
}

}  // namespace

Controller::Controller(ControllerParts parts)
    : parts_(std::move(parts)),
      effects_(
          {parts_.engines, parts_.secrets, parts_.clock, parts_.name, parts_.may_act, parts_.log}) {
  if (parts_.probe) {
    prober_.emplace(parts_.probe, [this](Readiness readiness) { submit(readiness, nullptr); });
  }
  for (const auto& [name, engine] : parts_.engines) {
    engine->on_change([this] {
      const std::lock_guard lock(mutex_);
      engines_changed_ = true;
      wake_.notify_one();
    });
  }
}

Controller::~Controller() {
  stop();
  // Engines outlive the controller and may still have something to say.
  for (const auto& [name, engine] : parts_.engines) engine->on_change(nullptr);
}

Result<void> Controller::start() {
  effects_.use_threads([this] {
    const std::lock_guard lock(mutex_);
    calls_finished_ = true;
    wake_.notify_one();
  });
  if (auto ok = open(); !ok) return ok;
  thread_ = std::thread([this] { loop(); });
  return {};
}

Result<void> Controller::open() {
  auto epoch = parts_.store.lead();
  if (!epoch) return fail(epoch.error());
  epoch_ = *epoch;
  if (auto ok = load(); !ok) return ok;
  try {
    take_over(parts_.clock.now());
  } catch (const std::exception& e) {
    return fail(Code::internal,
                fmt::format("what the store holds makes the core fail: {}", e.what()));
  }
  if (!commit()) return fail(*suspended_);
  // Taken out before the loop's first batch, which would append them a second time.
  {
    const std::lock_guard lock(mutex_);
    running_ = true;
  }
  act(std::exchange(facts_, {}));
  return {};
}

// Nothing may be placed where only another controller reaches.
void Controller::take_over(Timestamp now) {
  take_input(TakeOver{epoch_}, now);
  std::vector<Input> away;
  effects_.observe_away(state_, away);
  for (const Input& input : away) take_input(input, now);
  Facts more = follow_up(state_, now);
  facts_.insert(facts_.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
}

void Controller::turn() { run_batch(take_batch()); }

Timestamp Controller::due() {
  const std::lock_guard lock(mutex_);
  const Timestamp now = parts_.clock.now();
  return stop_ || engines_changed_ || !queue_.empty() || has_work() ? now : next_due(now);
}

Result<void> Controller::load() {
  auto loaded = load_state(parts_.store);
  if (!loaded) return fail(loaded.error());
  state_ = std::move(loaded->state);
  state_.number_after(parts_.last_job);
  changed_rows_ = std::move(loaded->changed_rows);
  facts_since_snapshot_ = loaded->facts;
  treasurer_.forget();
  return {};
}

void Controller::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  prober_.reset();
  for (const std::string& callee : effects_.close()) {
    parts_.log(fmt::format("a call of {} has not returned", callee));
  }
}

void Controller::wait() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return !running_; });
}

std::optional<Error> Controller::failure() {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void Controller::submit(Input input, Done done) {
  enqueue({std::move(input), std::move(done), nullptr});
}

void Controller::read(Reader reader) { enqueue({Tick{}, nullptr, std::move(reader)}); }

void Controller::enqueue(Request request) {
  {
    const std::lock_guard lock(mutex_);
    const bool room = queue_.size() < queue_max || request.reader;
    if (running_ && room) {
      queue_.push_back(std::move(request));
      wake_.notify_one();
      return;
    }
    if (running_) {
      if (!request.done) return;
      request.done(
          fail(Code::unavailable, "too many requests are waiting; try again", Retry::safe));
      return;
    }
  }
  refuse(std::move(request));
}

// What is left of earlier turns and waits for nothing.
bool Controller::has_work() const {
  if (suspended_) return false;
  const auto& lists = state_.unexpanded();
  return observe_ || place_more_ || !reports_.empty() ||
         std::any_of(lists.begin(), lists.end(), [&](JobId job) { return !effects_.lists(job); });
}

Timestamp Controller::next_due(Timestamp now) const {
  if (suspended_) return now + resume_every;
  Timestamp until = observed_at_ + parts_.rhythm.reconcile_every;
  for (const auto& wake : {next_wake(state_, now), treasurer_.due()}) {
    if (wake) until = std::min(until, *wake);
  }
  return until;
}

std::deque<Controller::Request> Controller::next_batch() {
  {
    std::unique_lock lock(mutex_);
    const auto something = [this] {
      return stop_ || engines_changed_ || calls_finished_ || !queue_.empty();
    };
    if (!something() && !has_work()) {
      const Timestamp now = parts_.clock.now();
      wake_.wait_for(lock, std::max<Duration>(next_due(now) - now, 1ms), something);
    }
  }
  return take_batch();
}

std::deque<Controller::Request> Controller::take_batch() {
  const std::lock_guard lock(mutex_);
  if (engines_changed_) observe_ = true;
  engines_changed_ = calls_finished_ = false;
  std::deque<Request> batch;
  while (!queue_.empty() && batch.size() < batch_max) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return batch;
}

void Controller::loop() {
  std::optional<Error> failure;
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stop_) break;
    }
    auto batch = next_batch();
    try {
      run_batch(std::move(batch));
    } catch (const std::exception& e) {
      // Something that was asked for made the core fail. Nothing of this batch is durable.
      isolate(e.what());
    }
    if (suspended_ && suspended_->code != Code::unavailable) failure = suspended_;
    if (failure) break;
  }
  std::deque<Request> left;
  {
    const std::lock_guard lock(mutex_);
    failure_ = failure;
    running_ = false;
    left.swap(queue_);
    ended_.notify_all();
  }
  for (Request& request : batch_) {
    answer(request, fail(Code::unavailable, "the controller has stopped", Retry::outcome_unknown));
  }
  batch_.clear();
  for (Request& request : left) refuse(std::move(request));
}

// Nobody waits for ever for an answer that no loop will give.
void Controller::refuse(Request request) {
  if (request.reader) return read_now(request.reader);
  answer(request, fail(Code::unavailable, "the controller has stopped", Retry::safe));
}

// Whoever asked may fail at the answer; that is theirs alone.
void Controller::answer(Request& request, Result<Accepted> accepted) {
  const Done done = std::exchange(request.done, nullptr);
  if (!done) return;
  try {
    done(std::move(accepted));
  } catch (const std::exception& e) {
    parts_.log(fmt::format("an answer could not be given: {}", e.what()));
  }
}

void Controller::read_now(const Reader& reader) {
  try {
    reader(state_, parts_.clock.now());
  } catch (const std::exception& e) {
    parts_.log(fmt::format("a question could not be answered: {}", e.what()));
  }
}

void Controller::take_input(const Input& input, Timestamp now) {
  if (auto facts = take(state_, input, now)) {
    facts_.insert(facts_.end(), std::make_move_iterator(facts->begin()),
                  std::make_move_iterator(facts->end()));
  }
}

void Controller::take_request(Request& request, Timestamp now) {
  request.facts = take(state_, request.input, now);
  request.taken = true;
  if (request.facts) facts_.insert(facts_.end(), request.facts->begin(), request.facts->end());
}

void Controller::follow_up_batch(Timestamp now) {
  Facts more = follow_up(state_, now, placements_max);
  const auto placed = std::count_if(more.begin(), more.end(), [](const Fact& fact) {
    return std::holds_alternative<AttemptPlaced>(fact);
  });
  place_more_ = static_cast<std::size_t>(placed) >= placements_max;
  facts_.insert(facts_.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
}

void Controller::run_batch(std::deque<Request> batch) {
  batch_ = std::move(batch);
  if (const auto may = may_act(); !suspended_ && !may) suspend(may.error());
  if (suspended_) try_to_resume();
  const Timestamp now = parts_.clock.now();
  if (!suspended_) {
    decide_batch(now);
    if (!suspended_ && commit()) answer_all();
  } else {
    std::vector<Input> ignored;
    effects_.finish({state_, now, ignored}, true);
    for (Request& request : batch_) answer(request, fail(*suspended_));
  }
  for (const Request& request : batch_) {
    if (request.reader) read_now(request.reader);
  }
  batch_.clear();
  // Acted on last: who waits for an answer does not wait for processes to start.
  Facts done = std::exchange(facts_, {});
  if (!suspended_) {
    act(done);
    // By their numbers, which are the jobs' only now that they are durable.
    if (effects_.has_threads()) list_shards(parts_.clock.now());
    save_snapshot();
  }
}

void Controller::decide_batch(Timestamp now) {
  taken_.clear();
  // First, while the state is what is durable: a look at the engines repeats stops and launches,
  // and must not see what this batch is only about to decide.
  look_at_engines(now);
  take_reports(now);
  if (auto relief = treasurer_.look(state_, now)) take_input(std::move(*relief), now);
  for (Request& request : batch_) {
    if (!request.reader) take_request(request, now);
  }
  if (!effects_.has_threads()) list_shards(now);
  follow_up_batch(now);
  resume_pause_ = Duration{0};
}

// Goes back to what is durable and takes each input of the batch by itself. The one that makes the
// core fail again is refused, and the next ones never hear of it.
void Controller::isolate(const std::string& why) {
  parts_.log(fmt::format("an input made the core fail ({}); each is tried by itself", why));
  std::deque<Request> requests;
  for (const Input& report : taken_) requests.push_back({report, nullptr, nullptr});
  for (Request& request : batch_) requests.push_back(std::move(request));
  batch_.clear();
  facts_.clear();
  if (auto ok = load(); !ok) {
    suspend(ok.error());
    for (Request& request : requests) answer(request, fail(ok.error()));
    return;
  }
  if (const auto broken = try_without_inputs()) suspend(*broken);
  for (Request& request : requests) {
    if (request.reader) {
      read_now(request.reader);
      continue;
    }
    if (suspended_) {
      answer(request, fail(*suspended_));
      continue;
    }
    try {
      const Timestamp now = parts_.clock.now();
      batch_.clear();
      batch_.push_back(std::move(request));
      batch_.front().taken = false;
      take_request(batch_.front(), now);
      follow_up_batch(now);
      if (commit()) answer_all();
      act(std::exchange(facts_, {}));
    } catch (const std::exception& e) {
      refuse_input(std::move(batch_.front()), e.what());
    }
  }
  batch_.clear();
}

// With nothing asked at all, does it still fail? Then it is the state, and no input's fault.
std::optional<Error> Controller::try_without_inputs() {
  try {
    follow_up_batch(parts_.clock.now());
    if (commit()) act(std::exchange(facts_, {}));
    return std::nullopt;
  } catch (const std::exception& e) {
    facts_.clear();
    resume_pause_ = std::clamp<Duration>(resume_pause_ * 2, resume_every, resume_pause_max);
    resume_at_ = parts_.clock.now() + resume_pause_;
    return Error{Code::unavailable, fmt::format("the core fails, please report it: {}", e.what())};
  }
}

// The state may be half changed: back to what is durable.
void Controller::refuse_input(Request request, const std::string& why) {
  facts_.clear();
  const auto attempt = attempt_of(request.input);
  parts_.log(fmt::format("refused, since it makes the core fail: {}{}",
                         attempt ? "a report about attempt " + to_string(*attempt) + ": " : "",
                         why));
  if (attempt && unfit_.size() < unfit_max) unfit_.insert(*attempt);
  answer(request, fail(Code::internal,
                       "this request made the controller fail; nothing has changed. Please report "
                       "it: " +
                           why));
  if (auto ok = load(); !ok) suspend(ok.error());
}

void Controller::look_at_engines(Timestamp now) {
  std::vector<Input> inputs;
  effects_.finish({state_, now, inputs}, false);
  bool reconcile = reconcile_;
  if (effects_.wants_look(reconcile)) observe_ = true;
  reconcile_ = reconcile;
  if (reports_.empty() && inputs.empty()) {
    const bool due = now - observed_at_ >= parts_.rhythm.reconcile_every || now < observed_at_;
    if (observe_ || due) {
      effects_.observe({state_, now, inputs}, reconcile_ || due);
      if (reconcile_ || due) effects_.observe_nodes({state_, now, inputs});
      if (reconcile_ || due) observed_at_ = now;
      observe_ = reconcile_ = false;
    }
  }
  reports_.insert(reports_.end(), std::make_move_iterator(inputs.begin()),
                  std::make_move_iterator(inputs.end()));
}

// What waits here for its turn may be out of date by then, and has no effect.
void Controller::take_reports(Timestamp now) {
  for (std::size_t n = 0; n < reports_max && !reports_.empty(); ++n) {
    taken_.push_back(std::move(reports_.front()));
    reports_.pop_front();
    const auto attempt = attempt_of(taken_.back());
    if (!attempt || !unfit_.contains(*attempt)) take_input(taken_.back(), now);
  }
  if (reports_.empty()) reports_.shrink_to_fit();
}

void Controller::list_shards(Timestamp now) {
  const std::set<JobId> jobs = state_.unexpanded();
  std::vector<Input> inputs;
  for (const JobId id : jobs) {
    effects_.list_shards({state_, now, inputs}, state_.find(id)->job);
  }
  for (const Input& input : inputs) take_input(input, now);  // only without threads
}

bool Controller::commit() {
  if (facts_.empty()) return true;
  const auto ok = parts_.store.append(facts_, epoch_);
  if (!ok) {
    suspend(ok.error());
    return false;
  }
  for (const Fact& fact : facts_) {
    std::string row = row_of(fact);
    if (!row.empty()) changed_rows_.insert(std::move(row));
  }
  facts_since_snapshot_ += facts_.size();
  treasurer_.see(facts_);
  return true;
}

void Controller::answer_all() {
  for (Request& request : batch_) {
    if (!request.taken) continue;
    if (request.facts) {
      answer(request, Accepted{*request.facts, state_});
    } else {
      answer(request, fail(request.facts.error()));
    }
  }
}

// What was decided is not durable, so it has not happened: back to what the disk says.
void Controller::suspend(const Error& error) {
  parts_.log(fmt::format("nothing is accepted or started for now: {}", error.message));
  suspended_ = error;
  for (Request& request : batch_) answer(request, fail(error));
  facts_.clear();
  reports_.clear();
  if (error.code != Code::unavailable) return;
  if (auto ok = load(); !ok) {
    suspended_ = ok.error();
    reload_ = true;
  }
}

void Controller::try_to_resume() {
  if (parts_.clock.now() < resume_at_) return;
  if (const auto may = may_act(); !may) {
    if (may.error().code != Code::unavailable) suspended_ = may.error();
    return;
  }
  if (reload_) {
    if (auto ok = load(); !ok) {
      suspended_ = ok.error();
      return;
    }
    reload_ = false;
  }
  // The same small write that every start makes; it needs room as any other does.
  const auto written = parts_.store.append({ControllerStarted{epoch_, parts_.clock.now()}}, epoch_);
  if (!written) {
    if (written.error().code != Code::unavailable) suspended_ = written.error();
    return;
  }
  parts_.log("the store takes writes again; work resumes");
  suspended_.reset();
  observe_ = reconcile_ = true;
}

void Controller::act(const Facts& facts) {
  std::vector<Input> inputs;
  bool attempts_changed = false;
  const Timestamp now = parts_.clock.now();
  for (const Fact& fact : facts) {
    effects_.act({state_, now, inputs}, fact);
    attempts_changed |= !std::holds_alternative<JobSubmitted>(fact);
  }
  if (attempts_changed && prober_) prober_->set_targets(state_);
  for (Input& input : inputs) submit(std::move(input), nullptr);
}

void Controller::save_snapshot() {
  if (facts_since_snapshot_ < parts_.rhythm.snapshot_facts) return;
  const SnapshotRows rows = rows_to_save(state_, changed_rows_);
  // A snapshot that finds no room is only a longer replay; the next one tries again.
  if (parts_.store.save(rows.changed, rows.removed, epoch_)) {
    changed_rows_.clear();
    facts_since_snapshot_ = 0;
    look_over();
  } else {
    facts_since_snapshot_ = parts_.rhythm.snapshot_facts / 2;
  }
}

// Whether the rules hold; what does not is for people to see, and work goes on.
void Controller::look_over() {
  if (state_.jobs().size() > looked_over_max) return;
  for (const Violation& v : audit(state_, parts_.clock.now())) {
    parts_.log(fmt::format("a rule is broken, please report it: {}", to_string(v)));
  }
}

}  // namespace mohona

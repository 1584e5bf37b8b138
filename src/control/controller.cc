#include "control/controller.h"

#include "core/audit/audit.h"
#include "model/codec.h"

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
// With more jobs than that the controller does not look over its own state: it would be late for
// what waits. `mohona audit` does it when it is asked to.
constexpr std::size_t looked_over_max = 20'000;

std::string job_row(JobId id) { return "job/" + to_string(id); }
std::string pool_row(const std::string& name) { return "pool/" + name; }
constexpr std::string_view queues_row = "queues";
constexpr std::string_view packing_row = "packing";
constexpr std::string_view contracts_row = "contracts", relief_row = "relief";
constexpr std::string_view spent_row = "spent";  // follows from attempts that ended

// The snapshot's row that a fact changes; "" for none.
struct RowOf {
  std::string operator()(const ControllerStarted&) const { return {}; }
  std::string operator()(const PoolDefined& f) const { return pool_row(f.pool.name); }
  std::string operator()(const PoolRemoved& f) const { return pool_row(f.pool); }
  std::string operator()(const PoolReclaimed& f) const { return pool_row(f.pool); }
  std::string operator()(const PoolRestored& f) const { return pool_row(f.pool); }
  std::string operator()(const AttemptPlaced& f) const { return job_row(f.attempt.id.job); }
  std::string operator()(const AttemptStarted& f) const { return job_row(f.attempt.job); }
  std::string operator()(const ReplicaReady& f) const { return job_row(f.attempt.job); }
  std::string operator()(const AttemptStopping& f) const { return job_row(f.attempt.job); }
  std::string operator()(const AttemptEnded& f) const { return job_row(f.attempt.job); }
  std::string operator()(const QueuesDefined&) const { return std::string(queues_row); }
  std::string operator()(const PackingPriced&) const { return std::string(packing_row); }
  std::string operator()(const ContractsDefined&) const { return std::string(contracts_row); }
  std::string operator()(const ReliefPriced&) const { return std::string(relief_row); }
  std::string operator()(const ReservationDefined& f) const { return pool_row(f.reservation.pool); }
  std::string operator()(const ReservationRemoved& f) const { return pool_row(f.pool); }
  std::string operator()(const NodesChanged& f) const { return pool_row(f.pool); }
  std::string operator()(const NodeLoaded& f) const { return pool_row(f.pool); }
  std::string operator()(const AttemptProgressed& f) const { return job_row(f.attempt.job); }
  template <class F>
  std::string operator()(const F& f) const {
    return job_row(f.job);
  }
};

}  // namespace

Result<Loaded> load_state(Store& store) {
  Loaded loaded;
  State& state = loaded.state;
  bool indexed = false;
  const auto ok = store.load(
      [&](const Row& row) -> Result<void> {
        if (row.key.starts_with("job/")) {
          auto job = decode_job(row.text);
          if (!job) return fail(job.error());
          state.restore(std::move(*job));
        } else if (row.key == queues_row) {
          auto queues = decode_queues(row.text);
          if (!queues) return fail(queues.error());
          state.restore(std::move(*queues));
        } else if (row.key == packing_row) {
          auto prices = decode_prices(row.text);
          if (!prices) return fail(prices.error());
          state.restore(std::move(*prices));
        } else if (row.key == contracts_row) {
          auto contracts = decode_contracts(row.text);
          if (!contracts) return fail(contracts.error());
          state.restore(std::move(*contracts));
        } else if (row.key == relief_row) {
          auto relief = decode_relief(row.text);
          if (!relief) return fail(relief.error());
          state.restore(std::move(*relief));
        } else if (row.key == spent_row) {
          auto spent = decode_spent(row.text);
          if (!spent) return fail(spent.error());
          state.restore(std::move(*spent));
        } else {
          auto pool = decode_pool(row.text);
          if (!pool) return fail(pool.error());
          state.restore(std::move(*pool));
        }
        return {};
      },
      [&](const Fact& fact) -> Result<void> {
        if (!indexed) state.index();
        indexed = true;
        state.apply(fact);
        std::string row = std::visit(RowOf{}, fact);
        if (!row.empty()) loaded.changed_rows.insert(std::move(row));
        ++loaded.facts;
        return {};
      });
  if (!ok) return fail(ok.error());
  if (!indexed) state.index();
  return loaded;
}

Controller::Controller(ControllerParts parts)
    : parts_(std::move(parts)),
      effects_(parts_.engines, parts_.secrets, parts_.name, parts_.may_act) {
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
  if (auto ok = open(); !ok) return ok;
  thread_ = std::thread([this] { loop(); });
  return {};
}

Result<void> Controller::open() {
  auto epoch = parts_.store.lead();
  if (!epoch) return fail(epoch.error());
  epoch_ = *epoch;
  if (auto ok = load(); !ok) return ok;
  take_over(parts_.clock.now());
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
  take_input(TakeOver{epoch_}, nullptr, now);
  std::vector<Input> away;
  effects_.observe_away(state_, away);
  for (const Input& input : away) take_input(input, nullptr, now);
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
  return !suspended_ &&
         (observe_ || place_more_ || !reports_.empty() || !state_.unexpanded().empty());
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
    const auto something = [this] { return stop_ || engines_changed_ || !queue_.empty(); };
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
  engines_changed_ = false;
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
      failure = Error{Code::internal, e.what()};
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
  for (Answer& answer : answers_) {
    answer.done(fail(Code::unavailable, "the controller has stopped", Retry::outcome_unknown));
  }
  answers_.clear();
  for (Request& request : left) refuse(std::move(request));
}

// Nobody waits for ever for an answer that no loop will give.
void Controller::refuse(Request request) {
  if (request.reader) return request.reader(state_, parts_.clock.now());
  if (request.done) {
    request.done(fail(Code::unavailable, "the controller has stopped", Retry::safe));
  }
}

void Controller::take_input(const Input& input, Done done, Timestamp now) {
  auto facts = take(state_, input, now);
  if (facts) facts_.insert(facts_.end(), facts->begin(), facts->end());
  if (done) answers_.push_back({std::move(done), std::move(facts)});
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
  if (const auto may = may_act(); !suspended_ && !may) suspend(may.error());
  if (suspended_) try_to_resume();
  const Timestamp now = parts_.clock.now();
  std::vector<Reader> readers;
  // First, while the state is what is durable: a look at the engines repeats stops and launches,
  // and must not see what this batch is only about to decide.
  if (!suspended_) look_at_engines(now);
  if (!suspended_) {
    if (auto relief = treasurer_.look(state_, now)) take_input(std::move(*relief), nullptr, now);
  }
  for (Request& request : batch) {
    if (request.reader) {
      readers.push_back(std::move(request.reader));
    } else if (suspended_) {
      if (request.done) request.done(fail(*suspended_));
    } else {
      take_input(request.input, std::move(request.done), now);
    }
  }
  if (!suspended_) {
    list_shards(now);
    follow_up_batch(now);
    if (commit()) answer_all();
  }
  for (const Reader& reader : readers) reader(state_, now);
  // Acted on last: who waits for an answer does not wait for processes to start.
  Facts done = std::exchange(facts_, {});
  if (!suspended_) {
    act(done);
    save_snapshot();
  }
}

void Controller::look_at_engines(Timestamp now) {
  if (reports_.empty()) {
    const bool due = now - observed_at_ >= parts_.rhythm.reconcile_every || now < observed_at_;
    if (!observe_ && !due) return;
    effects_.observe(state_, reconcile_ || due, now, reports_);
    if (reconcile_ || due) effects_.observe_nodes(state_, reports_);
    std::reverse(reports_.begin(), reports_.end());
    if (reconcile_ || due) observed_at_ = now;
    observe_ = reconcile_ = false;
  }
  // What waits here for its turn may be out of date by then, and has no effect.
  for (std::size_t n = 0; n < reports_max && !reports_.empty(); ++n) {
    take_input(reports_.back(), nullptr, now);
    reports_.pop_back();
  }
  if (reports_.empty()) reports_.shrink_to_fit();
}

void Controller::list_shards(Timestamp now) {
  const std::set<JobId> jobs = state_.unexpanded();
  for (const JobId id : jobs) {
    take_input(Listed{id, effects_.list_shards(state_, state_.find(id)->job)}, nullptr, now);
  }
}

bool Controller::commit() {
  if (facts_.empty()) return true;
  const auto ok = parts_.store.append(facts_, epoch_);
  if (!ok) {
    suspend(ok.error());
    return false;
  }
  for (const Fact& fact : facts_) {
    std::string row = std::visit(RowOf{}, fact);
    if (!row.empty()) changed_rows_.insert(std::move(row));
  }
  facts_since_snapshot_ += facts_.size();
  treasurer_.see(facts_);
  return true;
}

void Controller::answer_all() {
  for (Answer& answer : answers_) {
    if (answer.facts) {
      answer.done(Accepted{*answer.facts, state_});
    } else {
      answer.done(fail(answer.facts.error()));
    }
  }
  answers_.clear();
}

// What was decided is not durable, so it has not happened: back to what the disk says.
void Controller::suspend(const Error& error) {
  parts_.log(fmt::format("nothing is accepted or started for now: {}", error.message));
  suspended_ = error;
  for (Answer& answer : answers_) answer.done(fail(error));
  answers_.clear();
  facts_.clear();
  reports_.clear();
  if (error.code != Code::unavailable) return;
  if (auto ok = load(); !ok) {
    suspended_ = ok.error();
    reload_ = true;
  }
}

void Controller::try_to_resume() {
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
  for (const Fact& fact : facts) {
    effects_.act(state_, fact, inputs);
    attempts_changed |= !std::holds_alternative<JobSubmitted>(fact);
  }
  if (attempts_changed && prober_) prober_->set_targets(state_);
  for (Input& input : inputs) submit(std::move(input), nullptr);
}

void Controller::save_snapshot() {
  if (facts_since_snapshot_ < parts_.rhythm.snapshot_facts) return;
  std::vector<Row> changed;
  std::vector<std::string> removed;
  for (const std::string& key : changed_rows_) {
    if (key.starts_with("job/")) {
      changed.push_back({key, encode(state_.find(parse_job_id(key.substr(4)))->job)});
    } else if (key == queues_row) {
      changed.push_back({key, encode(QueuesDefined{state_.queues(), state_.scheduling()})});
    } else if (key == packing_row) {
      changed.push_back({key, encode(state_.packing_prices())});
    } else if (key == contracts_row) {
      changed.push_back({key, encode(ContractsDefined{state_.contracts()})});
    } else if (key == relief_row) {
      changed.push_back({key, encode(ReliefPriced{state_.reliefs()})});
    } else if (const PoolRecord* pool = state_.find_pool(key.substr(5))) {
      changed.push_back({key, encode(*pool)});
    } else {
      removed.push_back(key);
    }
  }
  if (const QueuesSpent spent = state_.queue_budgets().spent(); spent.queues.empty()) {
    removed.emplace_back(spent_row);
  } else {
    changed.push_back({std::string(spent_row), encode(spent)});
  }
  // A snapshot that finds no room is only a longer replay; the next one tries again.
  if (parts_.store.save(changed, removed, epoch_)) {
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

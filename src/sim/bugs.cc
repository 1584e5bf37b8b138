#include "sim/bugs.h"

#include "core/ledger/usage.h"
#include "model/codec.h"
#include "sim/around.h"

namespace mohona {
namespace {

class EngineWithBug : public EngineAround {
 public:
  EngineWithBug(Bug bug, BugMemory& memory, Engine& below, VirtualEngine& engine)
      : EngineAround(below), bug_(bug), memory_(memory), engine_(engine) {
    if (bug == Bug::double_launch) engine_.launches_twice(memory_.starts > 0);
    ++memory_.starts;
  }

  Result<void> launch(const Launch& launch) override {
    Report& report = memory_.launched[launch.attempt.id];
    report.attempt = launch.attempt.id;
    // Some ends will never be told.
    if (bug_ == Bug::leaked_allocation && memory_.dice.one_in(40)) {
      memory_.hidden.insert(launch.attempt.id);
    }
    return below_.launch(launch);
  }
  Result<std::vector<Report>> observe() override { return changed(below_.observe(), true); }
  Result<std::vector<Report>> changes() override { return changed(below_.changes(), false); }
  Result<void> forget(const AttemptId& attempt) override {
    memory_.launched.erase(attempt);
    return below_.forget(attempt);
  }

 private:
  Result<std::vector<Report>> changed(Result<std::vector<Report>> reports, bool all) {
    if (bug_ == Bug::lost_is_failure && !reports) return everything_lost();
    if (!reports) return reports;
    // A list that lags behind does not have what was launched before the crash.
    if (bug_ == Bug::double_launch && all && memory_.starts > 1 && !std::exchange(lagged_, true)) {
      std::erase_if(*reports, [](const Report& r) { return r.phase != Phase::ended; });
    }
    for (Report& report : *reports) {
      if (bug_ == Bug::leaked_allocation && memory_.hidden.contains(report.attempt)) {
        report.phase = Phase::running;
        report.ended_at.reset();
      }
      if (bug_ == Bug::stale_report) take_stale(report);
    }
    return reports;
  }

  std::vector<Report> everything_lost() const {
    std::vector<Report> out;
    for (const auto& [id, report] : memory_.launched) {
      out.push_back(report);
      out.back().phase = Phase::ended;
      out.back().outcome = {End::lost, 0, false, "the engine does not answer"};
    }
    return out;
  }

  // By task alone, as if an attempt's number did not matter.
  void take_stale(Report& report) {
    const auto key = std::pair(report.attempt.job, report.attempt.task);
    if (report.phase == Phase::ended) {
      memory_.ends[key] = report;
    } else if (const auto end = memory_.ends.find(key); end != memory_.ends.end()) {
      report.phase = Phase::ended;
      report.outcome = end->second.outcome;
    }
  }

  Bug bug_;
  BugMemory& memory_;
  VirtualEngine& engine_;
  bool lagged_ = false;
};

class StoreWithBug : public StoreAround {
 public:
  StoreWithBug(Bug bug, BugMemory& memory, Store& below)
      : StoreAround(below), bug_(bug), memory_(memory) {}

  Result<void> append(const Facts& facts, Epoch epoch) override {
    Facts written;
    for (const Fact& fact : facts) {
      if (bug_ == Bug::acknowledged_lost && std::holds_alternative<JobSubmitted>(fact) &&
          memory_.dice.one_in(20)) {
        continue;
      }
      written.push_back(fact);
      change(written.back());
    }
    // Answered as written, and written with what comes next.
    if (bug_ == Bug::effect_first) written.swap(memory_.behind);
    if (bug_ == Bug::old_epoch) repeat_after_start(written, epoch);
    return below_.append(written, epoch);
  }

  Result<void> load(const std::function<Result<void>(const Row&)>& on_row,
                    const std::function<Result<void>(const Fact&)>& on_fact) override {
    Facts facts;
    const auto ok = below_.load([&](const Row& row) { return on_row(change(row)); },
                                [&](const Fact& fact) -> Result<void> {
                                  facts.push_back(fact);
                                  return {};
                                });
    if (!ok) return ok;
    if (bug_ == Bug::tail_lost && !facts.empty())
      facts.resize(facts.size() - std::min<std::size_t>(2, facts.size()));
    for (const Fact& fact : facts) {
      if (auto done = on_fact(fact); !done) return done;
    }
    return {};
  }

 private:
  void change(Fact& fact) {
    if (auto* kept = std::get_if<NodesKept>(&fact)) {
      // From now on, as was decided; those who place others take it for later.
      if (bug_ == Bug::hold_overtaken) {
        kept->start = kept->at;
        kept->promised = false;
      }
      if (bug_ == Bug::promise_guessed && !kept->promised) {
        kept->promised = true;
        kept->start = std::min(kept->start, kept->expected);
      }
    }
    auto* placed = std::get_if<AttemptPlaced>(&fact);
    if (!placed) return;
    Attempt& attempt = placed->attempt;
    if (bug_ == Bug::half_gang && attempt.holdings.size() > 1) attempt.holdings.pop_back();
    if (bug_ != Bug::same_node) return;
    // The node of one that was placed before, and perhaps lives.
    const Attempt& other = memory_.placed.attempt;
    if (other.pool == attempt.pool && memory_.dice.one_in(4))
      attempt.holdings.front() = other.holdings.front();
    memory_.placed = *placed;
  }

  Row change(const Row& row) const {
    if (!row.key.starts_with("job/")) return row;
    auto job = decode_job(row.text);
    if (!job) return row;
    if (bug_ == Bug::billed_twice) {
      for (const Attempt& a : job->attempts) {
        if (!a.ended_at || cost_of(a, *a.ended_at) == Money{0} || !job->past.empty()) continue;
        job->past.edit().push_back(
            {a.pool, a.cloud, 1, held_time(a, *a.ended_at), cost_of(a, *a.ended_at)});
      }
    } else if (bug_ == Bug::retries_forgotten) {
      for (std::size_t i = 0; i < job->tasks.size(); ++i) job->tasks.at(i).failures = 0;
    } else {
      return row;
    }
    return {row.key, encode(*job)};
  }

  // The batch that was written last is written by its controller, under the number of the new one.
  void repeat_after_start(Facts& written, Epoch epoch) {
    if (epoch_.value == 0) {
      epoch_ = epoch;
      written.insert(written.end(), memory_.before.begin(), memory_.before.end());
    }
    memory_.before = written;
  }

  Bug bug_;
  BugMemory& memory_;
  Epoch epoch_;
};

bool is_of_engine(Bug bug) {
  return bug == Bug::lost_is_failure || bug == Bug::double_launch ||
         bug == Bug::leaked_allocation || bug == Bug::stale_report;
}

}  // namespace

std::unique_ptr<Engine> make_engine_bug(Bug bug, BugMemory& memory, Engine& below,
                                        VirtualEngine& engine) {
  if (!is_of_engine(bug)) return nullptr;
  return std::make_unique<EngineWithBug>(bug, memory, below, engine);
}

std::unique_ptr<Store> make_store_bug(Bug bug, BugMemory& memory, Store& below) {
  if (is_of_engine(bug)) return nullptr;
  return std::make_unique<StoreWithBug>(bug, memory, below);
}

}  // namespace mohona

#include "app/follow.h"

#include <signal.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "app/exit_status.h"
#include "app/log_reader.h"
#include "app/progress.h"
#include "app/screen.h"
#include "app/terminal.h"
#include "base/money.h"
#include "base/text.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 200ms;
constexpr auto patience = 60s;  // with a controller that is being started again

std::atomic<bool> interrupted = false;

std::string text(const Json& job, const char* key) {
  return job.at(key).is_null() ? "" : job.at(key).get<std::string>();
}

Duration elapsed(const Json& job) {
  return Duration(static_cast<std::int64_t>(job.at("elapsed_seconds").get<double>() * 1e6));
}

Money cost(const Json& job) { return *parse_money(text(job, "cost_usd")); }

bool is_done(const Json& job) {
  const std::string state = text(job, "state");
  if (state == "succeeded" || state == "failed" || state == "cancelled") return true;
  return text(job, "kind") == "serve" && state == "running" && !job.at("cancelling").get<bool>();
}

bool is_good(const Json& job) {
  const std::string state = text(job, "state");
  return state == "succeeded" || (text(job, "kind") == "serve" && state == "running");
}

std::string live_table(const Json& jobs) {
  std::vector<std::vector<std::string>> rows = {
      {"JOB", "NAME", "STATE", "POOL", "PROGRESS", "ELAPSED", "COST"}};
  for (const Json& job : jobs) {
    rows.push_back({std::to_string(job.at("id").get<std::uint64_t>()), text(job, "name"),
                    coloured_state(text(job, "state")), text(job, "pool"), progress_of(job),
                    format_duration(elapsed(job)), format_money(cost(job))});
  }
  return table(rows);
}

// " (40 %)": how far its steps are, in tenths, so that a line is a change.
std::string tenths(const Json& job) {
  const Json& steps = job.at("steps");
  if (steps.is_null() || steps.at("percent").is_null()) return {};
  return fmt::format(" ({} %)", steps.at("percent").get<std::int64_t>() / 10 * 10);
}

// One line for each change, where nobody watches a terminal.
class Lines {
 public:
  bool are_new(const Json& jobs) const {
    return std::any_of(jobs.begin(), jobs.end(), [&](const Json& job) {
      const auto before = last_.find(job.at("id").get<std::uint64_t>());
      return before == last_.end() || before->second != line_of(job);
    });
  }
  void print(const Json& jobs) {
    for (const Json& job : jobs) {
      const std::string line = line_of(job);
      std::string& before = last_[job.at("id")];
      if (line == before) continue;
      before = line;
      fmt::print("{}  {}\n", text(job, "name"), line);
    }
    std::fflush(stdout);
  }

 private:
  static std::string line_of(const Json& job) {
    std::string line = text(job, "state");
    if (!job.at("pool").is_null() && line != "pending") line += " on " + text(job, "pool");
    const std::size_t total = job.at("progress").at("total");
    if (total > 1) {
      line += fmt::format(" ({}/{})", job.at("progress").at("done").get<std::size_t>(), total);
    }
    line += tenths(job);
    if (const std::string reason = text(job, "reason"); !reason.empty()) line += ": " + reason;
    for (const Json& endpoint : job.at("endpoints")) {
      line += " at " + endpoint.get<std::string>();
    }
    return line;
  }

  std::map<std::uint64_t, std::string> last_;
};

// The same lines again and again: back to the first, and over it.
void redraw(const std::string& picture, std::size_t& lines_before) {
  if (lines_before > 0) fmt::print("\033[{}A", lines_before);
  std::size_t lines = 0;
  for (const std::string_view line : split(picture, '\n')) {
    if (line.empty()) continue;
    fmt::print("\033[2K{}\n", line);
    ++lines;
  }
  lines_before = lines;
  std::fflush(stdout);
}

std::string jobs_target(const std::vector<std::uint64_t>& jobs, std::size_t from,
                        std::size_t count) {
  std::vector<std::string> ids;
  for (std::size_t i = from; i < std::min(jobs.size(), from + count); ++i) {
    ids.push_back(std::to_string(jobs[i]));
  }
  return "/v1/jobs?ids=" + join(ids, ",");
}

Result<Json> look(Remote& remote, const std::vector<std::uint64_t>& jobs, bool exact) {
  constexpr std::size_t page = 500;
  Json all = Json::array();
  for (std::size_t from = 0; from < jobs.size(); from += page) {
    const std::string target = jobs_target(jobs, from, page);
    auto part = exact ? remote.get_exact(target) : remote.get(target);
    if (!part) return part;
    for (Json& job : part->at("jobs")) all.push_back(std::move(job));
  }
  return all;
}

// Says once for each job why it waits, if it waits long or in vain.
class Waits {
 public:
  // True when something was said.
  bool say(Remote& remote, const Json& jobs) {
    bool said = false;
    const auto now = std::chrono::steady_clock::now();
    for (const Json& job : jobs) {
      if (said_.size() >= said_max) return said;
      const std::string state = text(job, "state");
      const auto id = job.at("id").get<std::uint64_t>();
      if ((state != "pending" && state != "recovering") || said_.contains(id)) continue;
      Wait& wait = waiting_.try_emplace(id, Wait{now, now}).first->second;
      if (now < wait.look_at) continue;
      wait.look_at = now + look_again_after;
      if (!say_why_it_waits(remote, std::to_string(id), now - wait.since < long_after)) continue;
      said_.insert(id);
      said = true;
    }
    return said;
  }

 private:
  struct Wait {
    std::chrono::steady_clock::time_point since, look_at;
  };
  static constexpr std::size_t said_max = 3;  // of a large file, others wait for the same reasons
  static constexpr auto long_after = 2s;
  static constexpr auto look_again_after = 1s;
  std::map<std::uint64_t, Wait> waiting_;
  std::set<std::uint64_t> said_;
};

// What a single job writes, between the lines about it.
class Log {
 public:
  Log(Remote& remote, std::uint64_t job)
      : reader_(
            remote, {std::to_string(job)}, [this](const std::string& piece) { put(piece); },
            [this](std::size_t attempt) {
              end_line();
              fmt::print("--- attempt {} ---\n", attempt);
            }) {}

  // What is new. `all`: to its end.
  void pump(bool all) {
    constexpr int pieces_max = 64;  // between two looks at the job
    for (int i = 0; all || i < pieces_max; ++i) {
      const auto step = reader_.step();
      if (!step || !step->more) break;  // an engine that cannot say is asked again
    }
    std::fflush(stdout);
  }
  void end_line() {
    if (!filter_.at_line_start()) put("\n");
  }
  void finish() {
    fmt::print("{}", filter_.finish());
    end_line();
    std::fflush(stdout);
  }

 private:
  void put(const std::string& piece) {
    const std::string out = filter_.pass(piece);
    std::fwrite(out.data(), 1, out.size(), stdout);
  }

  LogFilter filter_{stdout_is_terminal()};
  LogReader reader_;
};

// A data job's shards write at the same time: their logs are read one by one.
bool has_one_log(const Json& jobs) { return jobs.size() == 1 && text(jobs[0], "kind") != "data"; }

// What is shown of the jobs while they are followed.
class Screen {
 public:
  Screen(Remote& remote, const FollowOptions& options) : remote_(remote), options_(options) {}

  void show(const Json& jobs, bool done) {
    if (options_.show && options_.log && has_one_log(jobs)) {
      if (!log_) log_ = std::make_unique<Log>(remote_, jobs[0].at("id").get<std::uint64_t>());
      // What it wrote stands before the line about its end.
      log_->pump(done);
      if (done) log_->finish();
      if (lines_.are_new(jobs)) log_->end_line();
      lines_.print(jobs);
    } else if (options_.show && is_terminal()) {
      redraw(live_table(jobs), lines_before_);
    } else if (options_.show) {
      lines_.print(jobs);
    }
    // The table is drawn again below what has been said.
    if (options_.say_why && !done && waits_.say(remote_, jobs)) lines_before_ = 0;
  }

 private:
  Remote& remote_;
  const FollowOptions& options_;
  Lines lines_;
  Waits waits_;
  std::unique_ptr<Log> log_;
  std::size_t lines_before_ = 0;
};

}  // namespace

namespace {

// A job that waits for a job that waits: as far as people write pipelines, and no loop.
constexpr int needs_followed_max = 64;

// The job, or the first of those that it needs, and they need, that waits for room.
Result<Json> explain_what_waits(Remote& remote, std::string job) {
  for (int i = 0; i < needs_followed_max; ++i) {
    const std::string target = "/v1/jobs/" + percent_encode(job);
    auto answer = remote.get(target + "/explain");
    if (!answer || answer->value("waits_for_room", false)) return answer;
    const auto shown = remote.get(target);
    if (!shown) return shown;
    job.clear();
    for (const Json& needed : shown->at("needs")) {
      const auto number = std::to_string(needed.get<std::uint64_t>());
      const auto other = remote.get("/v1/jobs/" + number);
      if (other && text(*other, "state") == "pending") job = number;
    }
    if (job.empty()) return answer;
  }
  return fail(Code::not_found, "");
}

}  // namespace

bool say_why_it_waits(Remote& remote, const std::string& job, bool only_if_hopeless) {
  const auto answer = explain_what_waits(remote, job);
  if (!answer || !answer->value("waits_for_room", false)) return false;
  const bool hopeless = answer->value("fits_nowhere", false);
  if (only_if_hopeless && !hopeless) return false;
  const auto id = answer->at("id").get<std::uint64_t>();
  fmt::print(stderr, "{} (job {}) {}{}\n  more: mohona explain {}\n", text(*answer, "name"), id,
             text(*answer, "explanation"),
             hopeless ? "; no pool of the fleet could hold it, even empty" : "", id);
  return true;
}

int follow(Remote& remote, const std::vector<std::uint64_t>& jobs, const FollowOptions& options,
           Json* last) {
  const auto began = std::chrono::steady_clock::now();
  auto answered = began;
  struct sigaction on_interrupt {};
  on_interrupt.sa_handler = [](int) { interrupted = true; };
  ::sigaction(SIGINT, &on_interrupt, nullptr);
  Screen screen(remote, options);
  while (true) {
    const auto now = std::chrono::steady_clock::now();
    const auto looked = look(remote, jobs, options.exact);
    if (looked) {
      answered = now;
      if (last) *last = *looked;
      const bool done = std::all_of(looked->begin(), looked->end(), is_done);
      screen.show(*looked, done);
      if (done) {
        return std::all_of(looked->begin(), looked->end(), is_good) ? exit_ok : exit_job_failed;
      }
    } else if (now - answered > patience) {
      fmt::print(stderr, "mohona: {}\n", looked.error().message);
      return exit_unavailable;
    }
    if (interrupted) {
      fmt::print(stderr, "\nthe jobs go on; look with: mohona ls\n");
      return exit_interrupted;
    }
    if (options.timeout && now - began > *options.timeout) {
      fmt::print(stderr, "mohona: not done after {}\n", format_duration(*options.timeout));
      return exit_unavailable;
    }
    std::this_thread::sleep_for(look_every);
  }
}

}  // namespace mohona

#include "app/follow.h"

#include <signal.h>

#include <atomic>
#include <map>
#include <thread>

#include "app/exit_status.h"
#include "app/progress.h"
#include "app/screen.h"
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
  void print(const Json& jobs) {
    for (const Json& job : jobs) {
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
      std::string& before = last_[job.at("id")];
      if (line == before) continue;
      before = line;
      fmt::print("{}  {}\n", text(job, "name"), line);
    }
    std::fflush(stdout);
  }

 private:
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

Result<Json> look(Remote& remote, const std::vector<std::uint64_t>& jobs) {
  constexpr std::size_t page = 500;
  Json all = Json::array();
  for (std::size_t from = 0; from < jobs.size(); from += page) {
    auto part = remote.get(jobs_target(jobs, from, page));
    if (!part) return part;
    for (Json& job : part->at("jobs")) all.push_back(std::move(job));
  }
  return all;
}

}  // namespace

int follow(Remote& remote, const std::vector<std::uint64_t>& jobs, const FollowOptions& options,
           Json* last) {
  const auto began = std::chrono::steady_clock::now();
  auto answered = began;
  struct sigaction on_interrupt {};
  on_interrupt.sa_handler = [](int) { interrupted = true; };
  ::sigaction(SIGINT, &on_interrupt, nullptr);
  Lines lines;
  std::size_t lines_before = 0;
  while (true) {
    const auto now = std::chrono::steady_clock::now();
    const auto looked = look(remote, jobs);
    if (looked) {
      answered = now;
      if (last) *last = *looked;
      if (options.show && is_terminal()) redraw(live_table(*looked), lines_before);
      if (options.show && !is_terminal()) lines.print(*looked);
      const bool done = std::all_of(looked->begin(), looked->end(), is_done);
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

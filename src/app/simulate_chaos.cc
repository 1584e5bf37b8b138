#include "app/simulate_chaos.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <map>
#include <mutex>
#include <thread>

#include "app/complain.h"
#include "base/text.h"
#include "bench/figures.h"
#include "sim/chaos.h"

namespace mohona {
namespace {

constexpr std::int64_t seeds_default = 200, seeds_max = 1'000'000;
constexpr std::size_t violations_shown = 5;
constexpr const char* developers = "For developers";

struct Seeds {
  std::uint64_t first = 1, last = 1;
};

Result<Seeds> parse_seeds(const std::string& text) {
  const auto parts = split(text, '-');
  std::vector<std::uint64_t> numbers;
  for (const std::string_view part : parts) {
    const bool digits = !part.empty() && part.size() < 16 &&
                        part.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits || parts.size() > 2) {
      return fail(Code::invalid, fmt::format("--seeds is '{}'; expected how many, such as 200, or "
                                             "which, such as 17-42",
                                             text));
    }
    numbers.push_back(std::stoull(std::string(part)));
  }
  const Seeds seeds = numbers.size() == 1 ? Seeds{1, numbers[0]} : Seeds{numbers[0], numbers[1]};
  if (seeds.first > seeds.last || seeds.last - seeds.first >= seeds_max) {
    return fail(Code::invalid,
                fmt::format("--seeds {} are none, or more than {}", text, seeds_max));
  }
  return seeds;
}

ChaosOptions options_of(const ChaosAsked& asked, const FaultKinds& faults) {
  ChaosOptions o;
  o.lasts = std::chrono::hours(asked.hours);
  o.nodes = asked.nodes;
  o.jobs =
      asked.jobs > 0 ? asked.jobs : std::max<std::int64_t>(20, asked.nodes * asked.hours * 5 / 24);
  o.faults = faults;
  if (asked.events >= 0) o.events = static_cast<std::size_t>(asked.events);
  return o;
}

struct Run {
  ChaosResult result;
  double seconds = 0;
};

// Of this thread, so that others on the machine do not count.
double seconds_used() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

Run run_one(const ChaosOptions& options) {
  const double began = seconds_used();
  Run run{run_chaos(options), 0};
  run.seconds = seconds_used() - began;
  return run;
}

// One thread a core; each takes the next seed. `on_run` sees them in the order of seeds and says
// whether to go on.
void run_all(const ChaosOptions& options, const Seeds& seeds, std::int64_t threads,
             const std::function<bool(const Run&)>& on_run) {
  std::atomic<std::uint64_t> next{seeds.first};
  std::atomic<bool> enough{false};
  std::mutex mutex;
  std::map<std::uint64_t, Run> done;
  std::uint64_t told = seeds.first;
  const auto work = [&] {
    for (std::uint64_t seed = next++; seed <= seeds.last && !enough; seed = next++) {
      ChaosOptions own = options;
      own.seed = seed;
      Run run = run_one(own);
      const std::lock_guard lock(mutex);
      done.emplace(seed, std::move(run));
      while (!enough && done.contains(told)) {
        if (!on_run(done.at(told))) enough = true;
        done.erase(told++);
      }
    }
  };
  const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  const auto count =
      static_cast<std::uint64_t>(threads > 0 ? threads : std::max<std::int64_t>(1, cores));
  std::vector<std::thread> pool;
  for (std::uint64_t i = 1; i < std::min(count, seeds.last - seeds.first + 1); ++i)
    pool.emplace_back(work);
  work();
  for (std::thread& thread : pool) thread.join();
}

std::string command_of(const ChaosAsked& asked, std::uint64_t seed, std::size_t events) {
  std::string command =
      fmt::format("mohona simulate --seeds {}-{} --faults {} --hours {} --nodes {}", seed, seed,
                  asked.faults, asked.hours, asked.nodes);
  if (asked.jobs > 0) command += fmt::format(" --jobs {}", asked.jobs);
  if (!asked.bug.empty()) command += " --bug " + asked.bug;
  return command + fmt::format(" --events {}", events);
}

// A broken seed in its shortest form: the command that repeats it, what broke, what was before.
Json failure_of(const ChaosAsked& asked, const ChaosOptions& options, const ChaosResult& result) {
  ChaosOptions own = options;
  own.seed = result.seed;
  const std::size_t events = fewest_events(own, result).value_or(result.events);
  own.events = events;
  own.look_every = Duration{0};
  const ChaosResult shortest = run_chaos(own);
  Json json = {{"seed", result.seed}, {"command", command_of(asked, result.seed, events)}};
  json["events"] = events;
  json["violations"] = Json::array();
  for (const Violation& v : shortest.violations) {
    if (json["violations"].size() < violations_shown) json["violations"].push_back(to_string(v));
  }
  json["last_facts"] = shortest.last_facts;
  return json;
}

void print_failure(const Json& failure) {
  fmt::print("\nseed {} breaks a rule. The last facts before:\n",
             failure.at("seed").get<std::uint64_t>());
  for (const auto& fact : failure.at("last_facts")) fmt::print("  {}\n", fact.get<std::string>());
  for (const auto& broken : failure.at("violations")) fmt::print("{}\n", broken.get<std::string>());
  fmt::print("again: {}\n", failure.at("command").get<std::string>());
}

int simulate_seeds(const ChaosAsked& asked, const ChaosOptions& options, const Seeds& seeds,
                   bool json) {
  std::int64_t jobs = 0, succeeded = 0, attempts = 0, crashes = 0, done = 0;
  std::int64_t promises = 0, preemptions = 0, losses = 0, ends_badly = 0;
  std::uint64_t facts = 0;
  double seconds = 0;
  std::map<FaultKind, std::int64_t> faults;
  std::vector<Json> failures;
  const bool terminal = !json && ::isatty(STDERR_FILENO) != 0;
  run_all(options, seeds, asked.threads, [&](const Run& run) {
    const ChaosResult& r = run.result;
    ++done, jobs += r.jobs, succeeded += r.succeeded, attempts += r.attempts, crashes += r.crashes;
    facts += r.facts, seconds += run.seconds;
    promises += r.promises, preemptions += r.preemptions, losses += r.losses;
    ends_badly += r.failures;
    for (const auto& [kind, count] : r.faults) faults[kind] += count;
    if (terminal) fmt::print(stderr, "\r{} of {} ", done, seeds.last - seeds.first + 1);
    if (r.violations.empty()) return true;
    failures.push_back(failure_of(asked, options, r));
    return failures.size() < 3;
  });
  if (terminal) fmt::print(stderr, "\r");
  const double hours = static_cast<double>(done) * static_cast<double>(asked.hours);
  Json figures = {{"seeds", done},
                  {"nodes", options.nodes},
                  {"jobs", jobs},
                  {"succeeded", succeeded},
                  {"attempts", attempts},
                  {"lost", losses},
                  {"left_badly", ends_badly},
                  {"preempted", preemptions},
                  {"starts_promised", promises},
                  {"facts", facts},
                  {"crashes", crashes}};
  Json kinds = Json::object();
  for (const auto& [kind, count] : faults) kinds[std::string(name_of(kind))] = count;
  figures["simulated_hours"] = hours;
  figures["core_seconds"] = std::round(seconds * 100) / 100;
  figures["times_real_time_per_core"] = std::round(hours * 3'600 / std::max(seconds, 1e-6));
  figures["violations"] = failures.size();
  if (json) {
    figures["faults"] = kinds;
    figures["failures"] = failures;
    fmt::print("{}\n", figures.dump());
  } else {
    print_figures(figures);
    if (!kinds.empty()) {
      fmt::print("\nfaults:\n");
      print_figures(kinds);
    }
    for (const Json& failure : failures) print_failure(failure);
  }
  return failures.empty() ? exit_ok : exit_job_failed;
}

// Every error made on purpose, and after how many seeds it is found.
int simulate_bugs(const ChaosAsked& asked, ChaosOptions options, const Seeds& seeds, bool json) {
  Json rows = Json::array();
  bool all = true;
  for (std::size_t i = 0; i < bug_names.size(); ++i) {
    options.bug = static_cast<Bug>(i);
    std::int64_t after = 0;
    Json row = {
        {"bug", bug_names[i]}, {"found_after", nullptr}, {"by", nullptr}, {"what", bug_texts[i]}};
    run_all(options, seeds, asked.threads, [&](const Run& run) {
      ++after;
      if (run.result.violations.empty()) return true;
      row["found_after"] = after;
      row["by"] = rule_name(run.result.violations.front().rule);
      row["says"] = to_string(run.result.violations.front());
      return false;
    });
    all = all && !row.at("found_after").is_null();
    if (!json) {
      fmt::print("{:<18} {:>4}  {:<12} {}\n", bug_names[i],
                 row["found_after"].is_null() ? "none" : row["found_after"].dump(),
                 row["by"].is_null() ? "" : row["by"].get<std::string>(), bug_texts[i]);
    }
    rows.push_back(std::move(row));
  }
  if (json) fmt::print("{}\n", Json{{"bugs", rows}}.dump());
  return all ? exit_ok : exit_job_failed;
}

}  // namespace

std::shared_ptr<ChaosAsked> add_chaos_options(CLI::App& sub) {
  auto o = std::make_shared<ChaosAsked>();
  constexpr const char* group = "Made-up days";
  sub.add_option("--seeds", o->seeds, "How many histories (200), or which (17-42); a seed is one")
      ->group(group);
  sub.add_option("--faults", o->faults,
                 "all, none, or names: " + fmt::format("{}", fmt::join(fault_names, ", ")))
      ->group(group)
      ->capture_default_str();
  sub.add_option("--hours", o->hours, "How long each lasts")
      ->group(group)
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  sub.add_option("--nodes", o->nodes, "Of the fleet")
      ->group(group)
      ->check(CLI::Range(10, 100'000))
      ->capture_default_str();
  sub.add_option("--jobs", o->jobs, "That arrive; default: five a node and day")
      ->group(group)
      ->check(CLI::Range(1, 10'000'000));
  sub.add_option("--threads", o->threads, "Default: one a core")
      ->group(group)
      ->check(CLI::Range(1, 1'024));
  sub.add_option("--events", o->events, "Only so many arrivals and faults, the first ones")
      ->group(group)
      ->check(CLI::Range(0, 100'000'000));
  sub.add_option("--bug", o->bug, "With this error made on purpose")
      ->group(developers)
      ->check(CLI::IsMember(std::vector<std::string>(bug_names.begin(), bug_names.end())));
  sub.add_flag("--bugs", o->bugs, "After how many seeds each of those errors is found")
      ->group(developers);
  return o;
}

int simulate_chaos(const ChaosAsked& asked, bool json) {
  const auto seeds = parse_seeds(asked.seeds.empty() ? std::to_string(seeds_default) : asked.seeds);
  if (!seeds) return complain(seeds.error());
  // An error made on purpose shows when things go wrong.
  ChaosAsked given = asked;
  if ((asked.bugs || !asked.bug.empty()) && asked.faults == "none") given.faults = "all";
  const auto faults = parse_faults(given.faults);
  if (!faults) return complain(faults.error());
  ChaosOptions options = options_of(given, *faults);
  if (asked.bugs) return simulate_bugs(given, options, *seeds, json);
  if (!asked.bug.empty()) {
    const auto found = std::find(bug_names.begin(), bug_names.end(), asked.bug);
    options.bug = static_cast<Bug>(found - bug_names.begin());
  }
  return simulate_seeds(given, options, *seeds, json);
}

}  // namespace mohona

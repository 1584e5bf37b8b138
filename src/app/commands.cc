#include "app/commands.h"

#include <unistd.h>

#include <thread>

#include "app/complain.h"
#include "app/follow.h"
#include "app/log_reader.h"
#include "app/progress.h"
#include "app/screen.h"
#include "app/stores.h"
#include "app/terminal.h"
#include "base/text.h"
#include "control/controller.h"
#include "model/names.h"

namespace mohona {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 60s;

std::string text(const Json& json, const char* key) {
  return json.at(key).is_null() ? "" : json.at(key).get<std::string>();
}

std::string number(const Json& json, const char* key) {
  return std::to_string(json.at(key).get<std::int64_t>());
}

std::string dollars(const Json& json, const char* key) {
  return format_money(*parse_money(text(json, key)));
}

std::string seconds(const Json& json, const char* key) {
  return format_duration(Duration(static_cast<std::int64_t>(json.at(key).get<double>() * 1e6)));
}

int print_json(const Json& json) {
  fmt::print("{}\n", json_line(json));
  return exit_ok;
}

// Asks, and prints either the JSON as it is or what `print` makes of it.
template <class Print>
int ask(const Home& home, const std::string& target, bool json, Print print) {
  Remote remote(home);
  const auto answer = json ? remote.get_exact(target) : remote.get(target);
  if (!answer) return complain(answer.error());
  if (json) return print_json(*answer);
  print(*answer);
  return exit_ok;
}

std::string job_target(const std::string& job) { return "/v1/jobs/" + percent_encode(job); }

}  // namespace

int list(const Home& home, const ListOptions& options) {
  std::string target = fmt::format("/v1/jobs?limit={}", options.limit);
  if (options.after > 0) target += fmt::format("&after={}", options.after);
  if (!options.state.empty()) target += "&state=" + percent_encode(options.state);
  if (!options.name.empty()) target += "&name=" + percent_encode(options.name);
  if (!options.queue.empty()) target += "&queue=" + percent_encode(options.queue);
  return ask(home, target, options.json, [](const Json& answer) {
    std::vector<std::vector<std::string>> rows = {
        {"JOB", "NAME", "KIND", "STATE", "ATTEMPTS", "POOL", "PROGRESS", "ELAPSED", "COST"}};
    for (const Json& job : answer.at("jobs")) {
      rows.push_back({number(job, "id"), text(job, "name"), text(job, "kind"),
                      coloured_state(text(job, "state")), number(job, "attempts"),
                      text(job, "pool"), progress_of(job), seconds(job, "elapsed_seconds"),
                      dollars(job, "cost_usd")});
    }
    if (rows.size() == 1) {
      fmt::print("no jobs; submit one with: mohona run FILE\n");
      return;
    }
    fmt::print("{}", table(rows));
    // A success of which there is something to say would pass for one like the others.
    for (const Json& job : answer.at("jobs")) {
      if (text(job, "state") != "succeeded" || text(job, "reason").empty()) continue;
      fmt::print("{} (job {}) succeeded: {}\n", text(job, "name"), number(job, "id"),
                 text(job, "reason"));
    }
    if (!answer.at("next").is_null()) {
      fmt::print("older ones: mohona ls --after {}\n", number(answer, "next"));
    }
  });
}

int show(const Home& home, const std::string& job, bool json) {
  return ask(home, job_target(job), json, [](const Json& answer) {
    fmt::print("job {}: {} ({})\n", number(answer, "id"), text(answer, "name"),
               text(answer, "kind"));
    fmt::print("  state     {}{}\n", coloured_state(text(answer, "state")),
               text(answer, "reason").empty() ? "" : ": " + text(answer, "reason"));
    if (const std::string progress = progress_of(answer); !progress.empty()) {
      fmt::print("  progress  {}\n", progress);
    }
    if (const std::string steps = steps_in_full(answer.at("steps")); !steps.empty()) {
      fmt::print("  steps     {}\n", steps);
    }
    fmt::print("  submitted {}\n", text(answer, "submitted_at"));
    fmt::print("  elapsed   {}\n", seconds(answer, "elapsed_seconds"));
    fmt::print("  cost      {}\n", dollars(answer, "cost_usd"));
    for (const Json& endpoint : answer.at("endpoints")) {
      fmt::print("  endpoint  {}\n", endpoint.get<std::string>());
    }
    const Json& attempts = answer.at("attempt_list");
    const bool any_steps = std::any_of(attempts.begin(), attempts.end(),
                                       [](const Json& a) { return a.contains("steps"); });
    std::vector<std::vector<std::string>> rows = {
        {"  ATTEMPT", "POOL", "CLOUD", "HELD", "COST", any_steps ? "STEPS" : "END"}};
    if (any_steps) rows.front().emplace_back("END");
    for (const Json& attempt : attempts) {
      std::string end = attempt.contains("stopping") ? text(attempt, "stopping") : "";
      if (attempt.contains("exit_code") && end.empty()) {
        end = text(attempt, "end") == "exited" ? "exit code " + number(attempt, "exit_code")
                                               : text(attempt, "end");
      }
      if (attempt.contains("detail")) end += ": " + text(attempt, "detail");
      rows.push_back({"  " + text(attempt, "id"), text(attempt, "pool"), text(attempt, "cloud"),
                      seconds(attempt, "held_seconds"), dollars(attempt, "cost_usd")});
      if (any_steps) {
        rows.back().push_back(attempt.contains("steps") ? steps_in_short(attempt["steps"]) : "");
      }
      rows.back().push_back(end);
    }
    if (rows.size() > 1) fmt::print("\n{}", table(rows));
  });
}

int explain(const Home& home, const std::string& job, bool json) {
  return ask(home, job_target(job) + "/explain", json, [](const Json& answer) {
    fmt::print("{} (job {}) {}.\n", text(answer, "name"), number(answer, "id"),
               text(answer, "explanation"));
    for (const Json& pool : answer.at("pools")) {
      fmt::print("  {} {}", text(pool, "pool"), text(pool, "why"));
      if (const std::string lift = text(pool, "lift"); !lift.empty()) fmt::print("; {}", lift);
      fmt::print(".\n");
    }
  });
}

namespace {

// "1.20 + 0.30 displaced - 0.10 relief = 1.40 $/h"
std::string sum_in_words(const Json& sum) {
  const auto short_form = [](std::string text) {
    text.erase(text.find_last_not_of('0') + 1);
    const auto digits = text.size() - text.find('.') - 1;
    return digits < 2 ? text + std::string(2 - digits, '0') : text;
  };
  std::string out = short_form(text(sum, "rate"));
  for (const char* part : {"displaced", "relief", "egress", "risk"}) {
    std::string value = short_form(text(sum, part));
    if (value == "0.00") continue;
    const bool less = value.front() == '-';
    out += fmt::format(" {} {} {}", less ? "-" : "+", less ? value.substr(1) : value, part);
  }
  return fmt::format("{} = ${} an hour", out, short_form(text(sum, "total")));
}

}  // namespace

int explain_price(const Home& home, const std::string& job, bool json) {
  return ask(home, job_target(job) + "/price", json, [](const Json& answer) {
    fmt::print("{} (job {}), {}\n", text(answer, "name"), number(answer, "id"),
               text(answer, "state"));
    if (!answer.at("places").empty()) fmt::print("An hour more of it, now:\n");
    for (const Json& place : answer.at("places")) {
      fmt::print("  {}: {}\n", text(place, "pool"), sum_in_words(place.at("usd_per_hour")));
    }
    for (const Json& attempt : answer.at("attempts")) {
      fmt::print("Attempt {} on {}, when it was placed: {}\n", text(attempt, "id"),
                 text(attempt, "pool"), sum_in_words(attempt.at("usd_per_hour")));
      fmt::print("  for {}: ${} reckoned, by whole hours; ${} charged by the ledger\n",
                 seconds(attempt, "held_seconds"), text(attempt, "reckoned_usd"),
                 text(attempt, "charged_usd"));
    }
  });
}

int cancel(const Home& home, const std::vector<std::string>& jobs, bool json) {
  Remote remote(home);
  Json answers = Json::array();
  for (const std::string& job : jobs) {
    auto answer = remote.post(job_target(job) + "/cancel");
    if (!answer) return complain(answer.error());
    (*answer)["job"] = job;
    if (!json) {
      fmt::print("{}\n", answer->at("changed").get<bool>()
                             ? "cancelling " + printable(job)
                             : printable(job) + " is ending already, or has ended");
    }
    answers.push_back(std::move(*answer));
  }
  return json ? print_json({{"cancelled", answers}}) : exit_ok;
}

int wait(const Home& home, const WaitOptions& options) {
  Remote remote(home);
  FollowOptions following;
  following.show = is_terminal() && !options.json;
  following.exact = options.json;
  if (!options.timeout.empty()) {
    const auto timeout = parse_duration(options.timeout);
    if (!timeout) return complain(timeout.error());
    following.timeout = *timeout;
  }
  std::vector<std::uint64_t> ids;
  for (const std::string& job : options.jobs) {
    const auto answer = remote.get(job_target(job));
    if (!answer) return complain(answer.error());
    ids.push_back(answer->at("id"));
  }
  Json last = Json::array();
  const int status = follow(remote, ids, following, &last);
  if (options.json) {
    print_json({{"jobs", last}});
  } else {
    for (const Json& job : last) {
      const std::string reason = text(job, "reason");
      fmt::print("{} (job {}): {}{}\n", text(job, "name"), number(job, "id"),
                 coloured_state(text(job, "state")), reason.empty() ? "" : ": " + reason);
    }
  }
  return status;
}

int logs(const Home& home, const LogOptions& options) {
  Remote remote(home);
  LogFilter filter(stdout_is_terminal() && !options.json);
  Json whole = {{"job", options.job}, {"text", ""}};
  const auto print = [&](const std::string& text) {
    if (options.json) {
      whole["text"].get_ref<std::string&>() += text;
      return;
    }
    const std::string out = filter.pass(text);
    std::fwrite(out.data(), 1, out.size(), stdout);
    std::fflush(stdout);
  };
  const auto next_attempt = [&](std::size_t attempt) {
    // Of two attempts, none goes on in the line of the other.
    if (!options.json && !filter.at_line_start()) print("\n");
    fmt::print(stderr, "--- attempt {} ---\n", attempt);
  };
  LogReader reader(remote, {options.job, options.task, options.rank, options.attempt}, print,
                   next_attempt);
  auto answered = std::chrono::steady_clock::now();
  bool waits = false;
  while (true) {
    const auto step = reader.step();
    if (!step) {
      // A controller that is being started again is waited for.
      const bool patient = options.follow && step.error().code == Code::unavailable &&
                           std::chrono::steady_clock::now() - answered < patience;
      if (!patient) return complain(step.error());
      std::this_thread::sleep_for(200ms);
      continue;
    }
    answered = std::chrono::steady_clock::now();
    whole["attempt"] = reader.attempt();
    if (step->more) continue;
    if (!options.follow || step->done) break;
    if (!step->started && !std::exchange(waits, true)) say_why_it_waits(remote, options.job);
    std::this_thread::sleep_for(200ms);
  }
  if (!options.json) fmt::print("{}", filter.finish());
  return options.json ? print_json(whole) : exit_ok;
}

namespace {

// "up", "up; 0-3 cordoned (new fans); 7 down".
std::string pool_state(const Json& pool) {
  std::string state = text(pool, "state");
  for (const Json& entry : pool.at("not_up")) {
    state += fmt::format("; {} {}", text(entry, "nodes"), text(entry, "state"));
    if (const std::string why = text(entry, "reason"); !why.empty()) {
      state += fmt::format(" ({})", why);
    }
  }
  return state;
}

}  // namespace

int pools(const Home& home, bool json) {
  return ask(home, "/v1/pools", json, [](const Json& answer) {
    std::vector<std::vector<std::string>> rows = {
        {"POOL", "WHERE", "SHAPE", "NODES", "PAID", "$/NODE-HOUR", "CORES", "GPUS", "STATE"}};
    for (const Json& pool : answer.at("pools")) {
      std::string where = text(pool, "cloud");
      if (!text(pool, "region").empty()) where += "/" + text(pool, "region");
      if (!text(pool, "zone").empty()) where += "/" + text(pool, "zone");
      const Json& cpus = pool.at("cpus");
      const Json& gpus = pool.at("gpus");
      const auto cores = [&](const char* key) {
        return fmt::format("{:g}", static_cast<double>(cpus.at(key).get<std::int64_t>()) / 1'000);
      };
      rows.push_back({text(pool, "name"), where, text(pool, "shape"), number(pool, "nodes"),
                      text(pool, "purchase"), text(pool, "price_per_node_hour_usd"),
                      cores("used_milli") + "/" + cores("total_milli"),
                      gpus.at("total") == 0
                          ? ""
                          : fmt::format("{}/{} {}", number(gpus, "used"), number(gpus, "total"),
                                        text(gpus, "name")),
                      pool_state(pool)});
    }
    fmt::print("{}", table(rows));
  });
}

namespace {

int change_pool(const Home& home, const std::string& target, const Json& body, bool json,
                const std::string& done) {
  const auto answer = Remote(home).post(target, body);
  if (!answer) return complain(answer.error());
  if (json) return print_json(*answer);
  fmt::print("{}\n", answer->at("changed").get<bool>() ? printable(done) : "nothing to change");
  return exit_ok;
}

}  // namespace

int reclaim(const Home& home, const std::string& pool, const std::string& notice, bool json) {
  return change_pool(home, fmt::format("/v1/pools/{}/reclaim", percent_encode(pool)),
                     {{"notice", notice}}, json,
                     fmt::format("{} goes away in {}; give it back with: mohona pools restore {}",
                                 pool, notice, pool));
}

int declare_lost(const Home& home, const std::string& pool, bool json) {
  const auto answer =
      Remote(home).post(fmt::format("/v1/pools/{}/lost", percent_encode(pool)), Json::object());
  if (!answer) return complain(answer.error());
  if (json) return print_json(*answer);
  fmt::print("{} attempts on {} count as lost and start again elsewhere\n",
             answer->at("lost").get<std::size_t>(), pool);
  return exit_ok;
}

int restore(const Home& home, const std::string& pool, bool json) {
  return change_pool(home, fmt::format("/v1/pools/{}/restore", percent_encode(pool)),
                     Json::object(), json, pool + " is back");
}

int change_nodes(const Home& home, const NodeOptions& o) {
  const bool up = o.verb == "up" || o.verb == "uncordon";
  const std::string which =
      fmt::format("{} of {}", o.nodes == "all" ? "all nodes" : "nodes " + o.nodes, o.pool);
  return change_pool(
      home, fmt::format("/v1/pools/{}/{}", percent_encode(o.pool), o.verb),
      {{"nodes", o.nodes}, {"reason", o.reason}}, o.json,
      up ? which + " take work again"
         : fmt::format("{} take no new work; give them back with: mohona pools up {} {}", which,
                       o.pool, o.nodes));
}

int cost(const Home& home, const std::string& by, const std::string& job, bool json) {
  std::string target = "/v1/cost?by=" + by;
  if (!job.empty()) target += "&job=" + percent_encode(job);
  return ask(home, target, json, [&](const Json& answer) {
    std::vector<std::vector<std::string>> rows = {{by == "job"     ? "JOB"
                                                   : by == "queue" ? "QUEUE"
                                                                   : "CLOUD",
                                                   by == "job" ? "NAME" : "", "ATTEMPTS",
                                                   "NODE TIME", "COST"}};
    for (const Json& row : answer.at("rows")) {
      rows.push_back({text(row, "key"), by == "job" ? text(row, "name") : "",
                      number(row, "attempts"), seconds(row, "node_seconds"),
                      "$" + text(row, "cost_usd")});
    }
    rows.push_back({"total", "", "", "", "$" + text(answer, "total_usd")});
    fmt::print("{}", table(rows));
    if (!answer.contains("budgets")) return;
    rows = {{"BUDGET OF", "A", "BUDGET", "SPENT", "PUT ASIDE", "LEFT", "UNTIL"}};
    for (const Json& row : answer.at("budgets")) {
      rows.push_back({text(row, "queue"), text(row, "per"), "$" + text(row, "budget_usd"),
                      "$" + text(row, "spent_usd"), "$" + text(row, "put_aside_usd"),
                      "$" + text(row, "left_usd"), text(row, "to")});
    }
    fmt::print("\n{}", table(rows));
  });
}

namespace {

constexpr auto cancel_wait_max = 10min;
constexpr auto cancel_again_every = 2s;  // for jobs that were submitted meanwhile

// Cancels every job and waits until those that this controller can end have ended. Returns those
// that it cannot, as the API names them.
Result<Json> cancel_all(Remote& remote) {
  const auto begin = std::chrono::steady_clock::now();
  auto asked_at = begin;
  auto answer = remote.post("/v1/jobs:cancel");
  bool told = false;
  while (answer) {
    const auto status = remote.get("/v1/status");
    if (!status) return fail(status.error());
    std::size_t left = 0;
    for (const auto& [state, count] : status->at("jobs").items()) {
      const auto known = parse_name<JobState>(state);
      if (known && !is_terminal(*known)) left += count.get<std::size_t>();
    }
    if (left <= answer->at("out_of_reach").size()) return answer->at("out_of_reach");
    const auto now = std::chrono::steady_clock::now();
    if (now - begin > cancel_wait_max) {
      return fail(Code::unavailable,
                  fmt::format("{} jobs have not ended; the controller stays up", left));
    }
    if (now - begin > 2s && !std::exchange(told, true)) {
      fmt::print(stderr, "waiting for {} jobs to end\n", left);
    }
    std::this_thread::sleep_for(100ms);
    if (now - asked_at < cancel_again_every) continue;
    asked_at = now;
    answer = remote.post("/v1/jobs:cancel");
  }
  return fail(answer.error());
}

}  // namespace

int down(const Home& home, bool cancel_jobs, bool json) {
  Remote remote(home);
  const auto status = remote.get("/v1/status");
  const bool stands_by = status && status->value("role", "") == "standby";
  if (stands_by && cancel_jobs) {
    fmt::print(stderr, "mohona: this controller stands by, so no job is cancelled: {}\n",
               status->value("why_not", ""));
  } else if (cancel_jobs) {
    const auto out_of_reach = cancel_all(remote);
    if (!out_of_reach) return complain(out_of_reach.error());
    for (const auto& [id, job] : out_of_reach->items()) {
      fmt::print(stderr,
                 "{} (job {}) runs on pool {}, which only {} reaches; it is stopped when that "
                 "controller leads\n",
                 text(job, "name"), id, printable(text(job, "pool")),
                 printable(text(job, "controller")));
    }
  }
  const auto answer = remote.post("/v1/shutdown");
  if (!answer) return complain(answer.error());
  // Down means that the next `up` finds the home free.
  for (const auto until = std::chrono::steady_clock::now() + 30s;
       std::chrono::steady_clock::now() < until;) {
    if (lock_file(home.file("controller.pid"), false)) {
      if (json) return print_json({{"down", true}});
      fmt::print(
          "the controller is down{}\n",
          cancel_jobs || stands_by ? "" : "; work that ran goes on and is adopted by the next one");
      return exit_ok;
    }
    std::this_thread::sleep_for(20ms);
  }
  return complain({Code::unavailable, "the controller does not end"});
}

int replay(const Home& home, bool json) {
  auto store = open_store(home);
  if (!store) return complain(store.error());
  State whole;
  std::size_t facts = 0;
  const auto replayed = (*store)->replay([&](const Fact& fact) -> Result<void> {
    whole.apply(fact);
    ++facts;
    return {};
  });
  if (!replayed) return complain(replayed.error());
  const auto loaded = load_state(**store);
  if (!loaded) return complain(loaded.error());
  const bool same = whole.digest() == loaded->state.digest();
  if (json) {
    print_json({{"facts", facts},
                {"facts_after_snapshot", loaded->facts},
                {"digest", whole.digest()},
                {"digest_from_snapshot", loaded->state.digest()},
                {"same", same}});
  } else {
    fmt::print(
        "{} facts from the beginning: digest {}\nsnapshot and {} facts:      digest {}\n{}\n",
        facts, whole.digest(), loaded->facts, loaded->state.digest(),
        same ? "the same state" : "DIFFERENT states: this journal must not be trusted");
  }
  return same ? exit_ok : exit_job_failed;
}

}  // namespace mohona

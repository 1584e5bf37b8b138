// mohona: the command line.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#ifdef MOHONA_MIMALLOC
#include <mimalloc.h>
#endif

#include "app/bench.h"
#include "app/commands.h"
#include "app/complain.h"
#include "app/forecast.h"
#include "app/prices.h"
#include "app/settle.h"
#include "app/simulate.h"
#include "app/stores.h"
#include "app/up.h"
#include "app/usage.h"

namespace mohona {
namespace {

constexpr const char* about =
    R"(Data, training and serving jobs over the compute of many clouds, as one fleet.

  mohona run job.yaml        submit a file's jobs and follow them (starts a control plane if need be)
  mohona ls                  what there is
  mohona explain JOB         why a job is where it is
  mohona cost --by cloud     what it has cost

A job is named by its number or by its name (the newest of that name).)";

constexpr const char* exits =
    R"(Exit status: 0 fine, 1 a job failed (reconcile: the bill differs), 2 wrong command or file, 3 no controller, no room or no answer, 130 interrupted.)";

struct Settings {
  std::string home;
  bool json = false;
  int status = exit_ok;
  Home find_home() const { return Home::find(home); }
};

using Shared = std::shared_ptr<Settings>;

CLI::App* command(CLI::App& app, const Shared& settings, const std::string& name,
                  const std::string& does, const std::string& examples) {
  CLI::App* sub = app.add_subcommand(name, does);
  sub->footer("Examples:\n" + examples);
  sub->add_flag("--json", settings->json, "Print JSON for scripts");
  sub->add_option("--home", settings->home,
                  "Directory of the control plane (MOHONA_HOME, ~/.mohona)");
  return sub;
}

void add_up(CLI::App& app, const Shared& s) {
  struct Options {
    UpOptions up;
    bool detach = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* sub = command(app, s, "up", "Start the control plane here",
                          "  mohona up                              this machine as the fleet\n"
                          "  mohona up --fleet fleet.yaml --detach  in the background\n"
                          "  mohona up --listen 127.0.0.1:8470      also on TCP, with a token");
  sub->add_option("--fleet", o->up.fleet, "Fleet file; kept for later starts");
  sub->add_option("--listen", o->up.listen, "ADDRESS:PORT of the API on TCP (port 0: a free one)");
  sub->add_option(
      "--store", o->up.store,
      "Where the state is kept, from now on: sqlite (here), or postgresql://USER@HOST/DATABASE");
  sub->add_option("--work", o->up.work,
                  "Directory for the files of jobs, from now on; on a shared file system, where "
                  "Slurm's nodes or several controllers use it");
  sub->add_flag("--forget", o->up.forget,
                "Begin with an empty journal although there are files of earlier work; what still "
                "runs is stopped");
  sub->add_flag("--detach,-d", o->detach, "In the background; returns once it answers");
  sub->callback([s, o] {
    const Home home = s->find_home();
    if (!o->detach) {
      s->status = up(home, o->up);
      return;
    }
    std::vector<std::string> arguments = {"--home", home.path(), "up"};
    if (!o->up.fleet.empty()) arguments.insert(arguments.end(), {"--fleet", o->up.fleet});
    if (!o->up.listen.empty()) arguments.insert(arguments.end(), {"--listen", o->up.listen});
    if (!o->up.store.empty()) arguments.insert(arguments.end(), {"--store", o->up.store});
    if (!o->up.work.empty()) arguments.insert(arguments.end(), {"--work", o->up.work});
    if (o->up.forget) arguments.emplace_back("--forget");
    const auto leader = up_detached(home, arguments);
    if (!leader) {
      s->status = complain(leader.error());
    } else if (s->json) {
      fmt::print("{{\"home\":\"{}\"}}\n", home.path());
    } else if (!leader->empty()) {
      fmt::print("mohona stands by in {}: {} leads\n", home.path(), *leader);
    } else {
      fmt::print("mohona is up in {}; stop it with: mohona down\n", home.path());
    }
  });
}

void add_down(CLI::App& app, const Shared& s) {
  auto all = std::make_shared<bool>(false);
  CLI::App* sub =
      command(app, s, "down", "Stop the control plane; what runs goes on",
              "  mohona down            running work is adopted by the next `mohona up`\n"
              "  mohona down --cancel   cancel every job first");
  sub->add_flag("--cancel", *all, "Cancel every job and wait for its end first");
  sub->callback([s, all] { s->status = down(s->find_home(), *all, s->json); });
}

void add_submit(CLI::App& app, const Shared& s, bool follow) {
  auto o = std::make_shared<SubmitOptions>();
  CLI::App* sub =
      follow
          ? command(app, s, "run", "Submit a file's jobs and follow them to the end",
                    "  mohona run examples/chat/chat.yaml\n"
                    "  mohona run train.sbatch\n"
                    "  mohona run job.yaml --env EPOCHS=3 --secret HF_TOKEN\n"
                    "A service counts as done once it answers; it goes on running.")
          : command(app, s, "submit", "Submit a file's jobs and return at once",
                    "  mohona submit job.yaml\n"
                    "  mohona submit job.yaml --key nightly-2026-11-23   (repeating is harmless)\n"
                    "  echo '{name: hello, run: date}' | mohona submit -");
  sub->add_option("FILE", o->file, "YAML job file or #SBATCH script; - is standard input")
      ->required();
  sub->add_option("--env", o->envs, "KEY=VALUE, or KEY for its value here; repeatable")
      ->take_all()
      ->allow_extra_args(false);
  sub->add_option("--secret", o->secrets,
                  "KEY for its value here, KEY=@FILE, or KEY=- for standard input; repeatable")
      ->take_all()
      ->allow_extra_args(false);
  sub->add_option("--key", o->key, "Idempotency key: the same key and file give the same jobs");
  sub->callback([s, o, follow] {
    o->json = s->json;
    s->status = follow ? run(s->find_home(), *o) : submit(s->find_home(), *o);
  });
}

void add_list(CLI::App& app, const Shared& s) {
  auto o = std::make_shared<ListOptions>();
  CLI::App* sub =
      command(app, s, "ls", "List jobs, the newest first",
              "  mohona ls\n  mohona ls --state running\n  mohona ls --limit 20 --json");
  sub->add_option("--state", o->state,
                  "pending, starting, running, recovering, succeeded, failed or cancelled");
  sub->add_option("--name", o->name, "Jobs of this name");
  sub->add_option("--queue", o->queue, "Jobs of this queue");
  sub->add_option("--limit", o->limit, "At most so many")->check(CLI::Range(1, 1'000));
  sub->add_option("--after", o->after, "Those older than this job");
  sub->callback([s, o] {
    o->json = s->json;
    s->status = list(s->find_home(), *o);
  });
}

void add_about_one(CLI::App& app, const Shared& s, const std::string& name, const std::string& does,
                   const std::string& examples, int (*ask)(const Home&, const std::string&, bool)) {
  auto job = std::make_shared<std::string>();
  CLI::App* sub = command(app, s, name, does, examples);
  sub->add_option("JOB", *job, "Number or name")->required();
  sub->callback([s, job, ask] { s->status = ask(s->find_home(), *job, s->json); });
}

void add_explain(CLI::App& app, const Shared& s) {
  auto job = std::make_shared<std::string>();
  auto price = std::make_shared<bool>(false);
  CLI::App* sub = command(app, s, "explain", "Why a job is where it is, and what would change that",
                          "  mohona explain pretrain\n"
                          "  mohona explain pretrain --price    what an hour of it costs, part by "
                          "part, and what was charged");
  sub->add_option("JOB", *job, "Number or name")->required();
  sub->add_flag("--price", *price, "What it costs, under the fleet's contracts");
  sub->callback([s, job, price] {
    s->status = (*price ? explain_price : explain)(s->find_home(), *job, s->json);
  });
}

void add_logs(CLI::App& app, const Shared& s) {
  auto o = std::make_shared<LogOptions>();
  CLI::App* sub = command(app, s, "logs", "Print what a job has written",
                          "  mohona logs pretrain -f\n"
                          "  mohona logs 17 --rank 1            another node of a gang\n"
                          "  mohona logs tokenise --task 3      another shard or replica\n"
                          "  mohona logs 17 --attempt 1         before it was restarted");
  sub->add_option("JOB", o->job, "Number or name")->required();
  sub->add_flag("--follow,-f", o->follow, "Go on until the job has ended");
  sub->add_option("--task", o->task, "Shard or replica, from 0")->check(CLI::NonNegativeNumber);
  sub->add_option("--rank", o->rank, "Node of the gang, from 0")->check(CLI::NonNegativeNumber);
  sub->add_option("--attempt", o->attempt, "From 1; the newest, and those after it, when absent");
  sub->callback([s, o] {
    o->json = s->json;
    s->status = logs(s->find_home(), *o);
  });
}

void add_cancel(CLI::App& app, const Shared& s) {
  auto jobs = std::make_shared<std::vector<std::string>>();
  CLI::App* sub = command(app, s, "cancel", "End jobs: hooks, signal, grace, KILL",
                          "  mohona cancel chat\n  mohona cancel 17 18 19");
  sub->add_option("JOB", *jobs, "Numbers or names")->required();
  sub->callback([s, jobs] { s->status = cancel(s->find_home(), *jobs, s->json); });
}

void add_wait(CLI::App& app, const Shared& s) {
  auto o = std::make_shared<WaitOptions>();
  CLI::App* sub = command(app, s, "wait", "Wait for jobs; fails when one of them did",
                          "  mohona wait 17 18 && echo both succeeded\n"
                          "  mohona wait chat --timeout 5m     until the service answers");
  sub->add_option("JOB", o->jobs, "Numbers or names")->required();
  sub->add_option("--timeout", o->timeout, "Give up after this time (exit status 3)");
  sub->callback([s, o] {
    o->json = s->json;
    s->status = wait(s->find_home(), *o);
  });
}

void add_node_verb(CLI::App& pools, const Shared& s, const std::string& verb,
                   const std::string& does, const std::string& example) {
  auto o = std::make_shared<NodeOptions>();
  o->verb = verb;
  CLI::App* sub = command(pools, s, verb, does, "  mohona pools " + verb + " " + example);
  sub->add_option("POOL", o->pool)->required();
  sub->add_option("NODES", o->nodes, "Their indices, such as 0-15,32, or all")->required();
  sub->add_option("--reason", o->reason, "Why; shown by `mohona pools`");
  sub->callback([s, o] {
    o->json = s->json;
    s->status = change_nodes(s->find_home(), *o);
  });
}

void add_pools(CLI::App& app, const Shared& s) {
  CLI::App* sub =
      command(app, s, "pools", "The fleet, and what of it is held",
              "  mohona pools\n"
              "  mohona pools reclaim aws-spot --notice 10s   rehearse a cloud's reclaim\n"
              "  mohona pools restore aws-spot\n"
              "  mohona pools drain hall 0-15,32 --reason \"new fans\"");
  auto name = std::make_shared<std::string>();
  auto notice = std::make_shared<std::string>("0s");
  CLI::App* take = command(*sub, s, "reclaim", "Take a spot pool away as a cloud would",
                           "  mohona pools reclaim aws-spot --notice 10s");
  take->add_option("POOL", *name)->required();
  take->add_option("--notice", *notice, "Time between the warning and the loss");
  CLI::App* give = command(*sub, s, "restore", "Give it back", "  mohona pools restore aws-spot");
  give->add_option("POOL", *name)->required();
  CLI::App* lost = command(
      *sub, s, "lost", "Say that the machine of a pool whose controller is gone is lost",
      "  mohona pools lost here    what ran there counts as lost and starts again elsewhere");
  lost->add_option("POOL", *name)->required();
  lost->callback([s, name] { s->status = declare_lost(s->find_home(), *name, s->json); });
  add_node_verb(*sub, s, "cordon", "Give nodes no new work; what runs goes on", "hall 0-15,32");
  add_node_verb(*sub, s, "uncordon", "Let nodes take work again", "hall 0-15,32");
  add_node_verb(*sub, s, "drain", "Give nodes no new work; they go down when they are empty",
                "hall 7 --reason \"bad link\"");
  add_node_verb(*sub, s, "down", "Say that nodes are down", "hall 7 --reason \"no power\"");
  add_node_verb(*sub, s, "up", "Say that nodes are back", "hall all");
  sub->require_subcommand(0, 1);
  take->callback(
      [s, name, notice] { s->status = reclaim(s->find_home(), *name, *notice, s->json); });
  give->callback([s, name] { s->status = restore(s->find_home(), *name, s->json); });
  sub->callback([s, sub] {
    if (sub->get_subcommands().empty()) s->status = pools(s->find_home(), s->json);
  });
}

void add_cost(CLI::App& app, const Shared& s) {
  auto by = std::make_shared<std::string>("job");
  auto job = std::make_shared<std::string>();
  CLI::App* sub = command(app, s, "cost", "What it has cost, at the prices that held when it ran",
                          "  mohona cost\n  mohona cost --by cloud\n  mohona cost pretrain --json");
  sub->add_option("JOB", *job, "This job alone");
  sub->add_option("--by", *by, "job, queue or cloud")
      ->check(CLI::IsMember({"job", "queue", "cloud"}));
  sub->callback([s, by, job] { s->status = cost(s->find_home(), *by, *job, s->json); });
}

void add_store(CLI::App& app, const Shared& s) {
  CLI::App* sub = app.add_subcommand("store", "Move a home's state to PostgreSQL, or back");
  sub->require_subcommand(1);
  auto from = std::make_shared<std::string>();
  auto to = std::make_shared<std::string>();
  CLI::App* copied = command(*sub, s, "copy", "Copy all of it to where nothing is yet, and compare",
                             "  mohona down\n"
                             "  mohona store copy ~/.mohona postgresql://mohona@db.example/mohona\n"
                             "  mohona up --store postgresql://mohona@db.example/mohona");
  copied->add_option("FROM", *from, "A home's directory, or postgresql://…")->required();
  copied->add_option("TO", *to, "Likewise")->required();
  copied->callback([s, from, to] { s->status = copy_store(*from, *to, s->json); });
}

int main(int argc, char** argv) {
  auto s = std::make_shared<Settings>();
  CLI::App app{about, "mohona"};
  app.footer(exits);
  app.set_version_flag("--version", "mohona " MOHONA_VERSION);
  app.add_option("--home", s->home, "Directory of the control plane (MOHONA_HOME, ~/.mohona)");
  app.require_subcommand(1);
  add_up(app, s);
  add_down(app, s);
  add_submit(app, s, true);
  add_submit(app, s, false);
  add_list(app, s);
  add_about_one(app, s, "show", "One job, with its attempts", "  mohona show pretrain", show);
  add_explain(app, s);
  add_logs(app, s);
  add_cancel(app, s);
  add_wait(app, s);
  add_pools(app, s);
  add_cost(app, s);
  add_store(app, s);
  add_bench(app);
  add_settle(
      app, [s] { return s->find_home(); }, s->status);
  add_export(
      app, [s] { return s->find_home(); }, s->status);
  add_prices(app, s->status);
  add_reconcile(
      app, [s] { return s->find_home(); }, s->status);
  add_forecast(app, s->status);
  add_simulate(app, s->status);
  CLI::App* check = command(
      app, s, "replay", "Check the journal: the same state from every fact as from the snapshot",
      "  mohona replay --json");
  check->callback([s] { s->status = replay(s->find_home(), s->json); });
  CLI::App* rules =
      command(app, s, "audit", "Check every rule: no node given twice, each attempt billed once, …",
              "  mohona audit         asks the control plane; without one, reads its journal\n"
              "  mohona audit --json");
  rules->callback([s] { s->status = audit_home(s->find_home(), s->json); });
  const std::vector<std::string> words =
      without_empty_values(app, {argv + std::min(argc, 1), argv + argc});
  try {
    app.parse(
        std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes the last first
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return complain({Code::invalid, explain_usage(app, words, error)});
  } catch (const std::exception& error) {
    return complain({Code::invalid, error.what()});
  }
  // What could not be written was not said: a full disk, a closed output. Nobody reads a pipe that
  // is closed on purpose, as by head.
  if ((std::fflush(stdout) != 0 || std::ferror(stdout)) && errno != EPIPE) {
    return complain({Code::unavailable,
                     fmt::format("cannot write to standard output: {}", std::strerror(errno))});
  }
  return s->status;
}

}  // namespace
}  // namespace mohona

int main(int argc, char** argv) {
#ifdef MOHONA_MIMALLOC
  // What decides follows pointers all over its memory: the larger the pages, the fewer the misses.
  // A controller is to stay small.
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "simulate" || word == "bench") mi_option_enable(mi_option_large_os_pages);
  }
#endif
  return mohona::main(argc, argv);
}
